// Work: the table finds, sorts and scrolls; a workload's page tells, searches and cancels.

import { expect, it } from "vitest";
import { LOOKS } from "../chromium";
import { checked, story } from "../views";

const GPU = { resources: { accelerators: "H100:1" } };

story("work", (stage) => {
  it.each(LOOKS)("is in order at $width pixels, $scheme", async (look) => {
    await stage.submit({ name: "listed", run: "sleep 600", queue: "research", ...GPU });
    const page = await stage.at("/work", look);
    await page.getByRole("cell", { name: "listed" }).first().waitFor();
    await checked(page);
  });

  it("finds, sorts and keeps what it shows in its address", async () => {
    await stage.submit({ name: "needle-a", run: "true", queue: "research/vision" });
    await stage.submit({ name: "needle-b", run: "true", queue: "batch" });
    const page = await stage.at("/work");
    await page.getByLabel("Name or id").fill("needle");
    await page.getByText("2 jobs", { exact: true }).waitFor();
    await page.getByRole("button", { name: "Name" }).click();
    await page.waitForURL(/text=needle.*order=name|order=name.*text=needle/);
    const names = () => page.getByRole("cell", { name: /^needle-/ }).allTextContents();
    await expect.poll(names).toEqual(["needle-a", "needle-b"]);
    await page.getByRole("button", { name: "Name" }).click();
    await expect.poll(names).toEqual(["needle-b", "needle-a"]);
    await page.getByLabel("Queue").selectOption("research");
    await expect.poll(names).toEqual(["needle-a"]);
    await page.goBack();
    await expect.poll(names).toEqual(["needle-b", "needle-a"]);
    await page.getByLabel("Name or id").fill("no such thing");
    await page.getByText("No job is like that.").waitFor();
  });

  it("keeps up with what happens", async () => {
    const page = await stage.at("/work?text=keeps-up");
    await page.getByText("0 jobs").waitFor();
    const id = await stage.submit({ name: "keeps-up", run: "true" });
    await page.getByRole("link", { name: id, exact: true }).waitFor();
    await page.getByRole("cell", { name: "succeeded" }).waitFor();
  });

  it("goes from a row to its page by keyboard", async () => {
    const id = await stage.submit({ name: "by-keyboard", run: "true" });
    const page = await stage.at("/work?text=by-keyboard");
    await page.getByRole("link", { name: id, exact: true }).focus();
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: /by-keyboard/ }).waitFor();
    await page.goBack();
    await page.getByRole("link", { name: id, exact: true }).waitFor();
  });
});

story("a workload", (stage) => {
  it.each(LOOKS)("is in order at $width pixels, $scheme", async (look) => {
    const id = await stage.submit({ name: "looked-at", run: "echo one; echo two; sleep 600", queue: "research", ...GPU });
    await stage.server.reaches(id, "running");
    const page = await stage.at(`/work/${id}`, look);
    await page.getByText("two", { exact: true }).waitFor();
    await page.getByText("it runs", { exact: true }).waitFor();
    await checked(page);
    await stage.server.ask("POST", `/v1/jobs/${id}/cancel`);
  });

  it("tells why it waits", async () => {
    const first = await stage.submit({ name: "first", run: "sleep 600", queue: "batch", resources: { accelerators: "H100:8" } });
    await stage.server.reaches(first, "running");
    const id = await stage.submit({ name: "second", run: "true", queue: "batch", resources: { accelerators: "H100:8" } });
    const page = await stage.at(`/work/${id}`);
    await page.getByText("8 needed").waitFor();
    await page.getByText("It has not started yet").waitFor();
    await stage.server.ask("POST", `/v1/jobs/${first}/cancel`);
    await page.getByText("it has succeeded").or(page.getByText("It has succeeded.")).first().waitFor();
  });

  it("shows output as it is written, searches it and gives all of it", async () => {
    const run = 'for i in $(seq 1 500); do echo "line $i"; done; echo "the needle is here"; sleep 2; echo later; sleep 600';
    const id = await stage.submit({ name: "writes", run });
    await stage.server.reaches(id, "running");
    const page = await stage.at(`/work/${id}`);
    await page.getByText("later", { exact: true }).waitFor();
    await page.getByLabel("Search").fill("NEEDLE");
    await page.getByText("1 of 502 lines").waitFor();
    await page.getByRole("button", { name: "Next match" }).click();
    expect(await page.locator("mark").textContent()).toBe("needle");
    const coming = page.waitForEvent("download");
    await page.getByRole("link", { name: "Download" }).click();
    expect((await coming).suggestedFilename()).toBe(`${id}-1-0.log`);
    await stage.server.ask("POST", `/v1/jobs/${id}/cancel`);
  });

  it("is cancelled after one has been asked", async () => {
    const id = await stage.submit({ name: "to-cancel", run: "sleep 600" });
    await stage.server.reaches(id, "running");
    const page = await stage.at(`/work/${id}`);
    await page.getByRole("button", { name: "Cancel", exact: true }).click();
    await page.getByRole("button", { name: "Cancel the job" }).click();
    await page.locator("h1").getByText("cancelled").waitFor();
    expect(await page.getByRole("button", { name: "Cancel", exact: true }).count()).toBe(0);
  });

  it("says so when somebody else was quicker", async () => {
    const id = await stage.submit({ name: "two-people", run: "sleep 600" });
    await stage.server.reaches(id, "running");
    const page = await stage.at(`/work/${id}`);
    await page.getByRole("button", { name: "Cancel", exact: true }).click();
    // The page hears of nothing while the other acts: it still offers to cancel.
    await page.route("**/v1/jobs/*", (route) => (route.request().method() === "GET" ? route.abort() : route.continue()));
    const done = await stage.submit({ name: "quick", run: "true" });
    await stage.server.reaches(done, "succeeded");
    await page.route("**/cancel", (route) => route.continue({ url: `${stage.server.url}/v1/jobs/${done}/cancel` }));
    await page.getByRole("button", { name: "Cancel the job" }).click();
    await page.getByText("has succeeded already").waitFor();
    await stage.server.ask("POST", `/v1/jobs/${id}/cancel`);
  });

  it("runs nothing that a job brings with it", async () => {
    const evil = "<img src=x onerror=\"window.hit=1\"><script>window.hit=1</script>";
    const id = await stage.submit({
      name: "markup",
      run: `echo '${evil}'; head -c 1048576 /dev/zero | tr '\\0' x; echo; echo '${evil}'; echo after; exit 1`,
      env: { NOTE: evil },
    });
    await stage.server.reaches(id, "failed");
    const page = await stage.at(`/work/${id}`);
    await page.getByText("after", { exact: true }).waitFor();
    await page.getByText(/1,04\d,\d{3} characters in this line/).waitFor();
    expect(await page.getByText("<script>window.hit=1</script>").count()).toBeGreaterThan(1);
    await stage.server.ask("POST", `/v1/nodes/rack-1/drain?reason=${encodeURIComponent(evil)}`);
    await page.goto(stage.server.url);
    await page.getByText("takes no new work (drained by").getByText("onerror").first().waitFor();
    expect(await page.evaluate(() => "hit" in window)).toBe(false);
    expect(await page.locator("img[src='x']").count()).toBe(0);
  });

  it("that is not there says so", async () => {
    const page = await stage.at("/work/j999999");
    await page.getByText("there is no job").waitFor();
  });
});
