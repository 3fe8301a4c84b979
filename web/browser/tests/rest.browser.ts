// Queues, Money, Why, What if and Submit: in order in every look, and each does what it is for.

import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import type { Page } from "playwright-core";
import { LOOKS, type Look } from "../chromium";
import { checked, story } from "../views";

const VIEWS: { path: string; ready: (page: Page) => Promise<unknown> }[] = [
  { path: "/queues", ready: (page) => page.locator("canvas").waitFor() },
  { path: "/money", ready: (page) => page.getByRole("region", { name: "The bill" }).waitFor() },
  { path: "/why", ready: (page) => page.locator(".story li").nth(3).waitFor() },
  { path: "/what-if", ready: (page) => page.getByText("Nothing has been played yet").waitFor() },
  { path: "/submit", ready: (page) => page.getByText(/There is (no )?room now/).waitFor() },
];

story("the other views", (stage) => {
  it.each(LOOKS)("are in order at $width pixels, $scheme", async (look: Look) => {
    const id = await stage.submit({ name: "billed", run: "sleep 600", queue: "research/vision", resources: { accelerators: "H100:1" } });
    await stage.server.reaches(id, "running");
    const page = await stage.at("/", look);
    for (const view of VIEWS) {
      await page.goto(stage.server.url + view.path);
      await view.ready(page);
      await checked(page);
    }
    await stage.server.ask("POST", `/v1/jobs/${id}/cancel`);
  });

  it("queues tell who waits, for how long, and lead to their work", async () => {
    const blocked = await stage.submit({ name: "blocked", run: "true", queue: "batch", resources: { accelerators: "H100:8" } });
    const holder = await stage.submit({ name: "holder", run: "sleep 600", queue: "product", resources: { accelerators: "H100:1" } });
    const again = await stage.submit({ name: "blocked-too", run: "true", queue: "batch", resources: { accelerators: "H100:8" } });
    const page = await stage.at("/queues");
    const row = page.getByRole("row", { name: /batch/ });
    await row.getByRole("link", { name: /^j\d+$/ }).waitFor();
    await row.getByRole("link", { name: "batch" }).click();
    await page.waitForURL("**/work?queue=batch&state=live");
    await page.getByRole("cell", { name: "blocked-too" }).waitFor();
    for (const id of [again, holder, blocked]) await stage.server.ask("POST", `/v1/jobs/${id}/cancel`).catch(() => undefined);
  });

  it("the bill is grouped, adds up and can be taken along", async () => {
    const page = await stage.at("/money?time=all");
    await page.getByRole("region", { name: "The bill" }).waitFor();
    await page.getByLabel("By").selectOption("user");
    await page.waitForURL("**by=user");
    await page.getByRole("columnheader", { name: "user" }).waitFor();
    const coming = page.waitForEvent("download");
    await page.getByRole("button", { name: "CSV" }).click();
    const file = await coming;
    expect(file.suggestedFilename()).toBe("tauon-cost-by-user.csv");
    const [head, line] = readFileSync(await file.path(), "utf8").split("\r\n");
    expect(head).toBe("user,name,accelerator_hours,cpu_hours,memory_gib_hours,work_usd,idle_usd,overhead_usd,cost_usd");
    expect(Number(line!.split(",").at(-1))).toBeGreaterThan(0);
  });

  it("the story is filtered and goes on", async () => {
    const id = await stage.submit({ name: "told", run: "true" });
    await stage.server.reaches(id, "succeeded");
    const page = await stage.at("/why");
    await page.getByText(`${id} succeeded`).waitFor();
    await page.getByLabel("About").fill(id);
    await page.waitForURL(`**subject=${id}`);
    await expect.poll(() => page.locator(".story li").count()).toBe(5);
    const seqs = await page.locator(".story .number").allTextContents();
    expect(seqs.map(Number)).toEqual(seqs.map(Number).toSorted((a, b) => b - a));
    await page.getByLabel("About").fill("");
    await page.getByLabel("Text").fill("brand-new");
    await page.getByText("Nothing like that has happened").waitFor();
    await stage.submit({ name: "brand-new", run: "true" });
    await page.getByText("(brand-new)").waitFor();
  });

  it("a past is played again, side by side", async () => {
    for (let i = 0; i < 3; i += 1) await stage.server.reaches(await stage.submit({ name: `past-${i}`, run: "sleep 0.2" }), "succeeded");
    const page = await stage.at("/what-if");
    await page.getByRole("button", { name: "Play it" }).click();
    await page.getByRole("columnheader", { name: "fifo on nodes as they were" }).waitFor({ timeout: 80_000 });
    await page.getByRole("columnheader", { name: "tauon on nodes as they were" }).waitFor();
    await page.locator("canvas").nth(1).waitFor();
    await page.getByLabel("On which nodes").fill("nonsense");
    await page.getByRole("button", { name: "Play it" }).click();
    await page.getByRole("alert").getByText("nonsense").waitFor({ timeout: 80_000 });
    await checked(page);
  });

  it("a document is checked as it is typed, then submitted once", async () => {
    const page = await stage.at("/submit");
    const document = page.getByLabel("The job document, as YAML or JSON");
    await document.fill("name: typed\nrun: echo hello\nworker: 2\n");
    await page.getByText("line 3, column 1: `worker` is no field of a job; did you mean `workers`?").waitFor();
    expect(await page.getByRole("button", { name: "Submit" }).isDisabled()).toBe(true);
    await document.fill("name: typed\nrun: echo hello from the page\nresources: {accelerators: H100:99}\n");
    await page.getByText("fits nowhere").waitFor();
    await document.fill("name: typed\nrun: echo hello from the page\nresources: {accelerators: L40S:1}\n");
    await page.getByText("There is room now in rack").waitFor();
    await page.getByRole("button", { name: "Submit" }).dblclick();
    await page.waitForURL("**/work/j*");
    await page.getByText("hello from the page", { exact: true }).waitFor();
    const found = await stage.server.ask<unknown[]>("GET", "/v1/jobs?text=typed");
    expect(found.length).toBe(1);
    await page.getByRole("link", { name: "Submit it again" }).click();
    await expect.poll(() => page.getByLabel("The job document, as YAML or JSON").inputValue()).toContain('"name": "typed"');
  });

  it("an address that leads nowhere says so", async () => {
    const page = await stage.at("/no/such/view");
    await page.getByText("There is nothing at this address.").waitFor();
  });
});
