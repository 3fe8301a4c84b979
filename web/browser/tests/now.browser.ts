// Now: signed in by link or token, it shows what is there, hears of what happens, and survives what goes wrong.

import { expect, it } from "vitest";
import { LOOKS, visitor } from "../chromium";
import { checked, story } from "../views";

story("now", (stage) => {
  it.each(LOOKS)("is in order at $width pixels, $scheme", async (look) => {
    await stage.submit({ name: "busy", run: "sleep 600", queue: "research", resources: { accelerators: "H100:1" } });
    const page = await stage.at("/", look);
    await page.getByRole("heading", { name: "Capacity" }).waitFor();
    await page.getByRole("cell", { name: "H100" }).waitFor();
    await page.getByText("live", { exact: true }).waitFor();
    await checked(page);
  });

  it("hears of what happens without being asked", async () => {
    const page = await stage.at("/");
    await page.getByText("live", { exact: true }).waitFor();
    const id = await stage.submit({ name: "heard-of", run: "true" });
    await page.getByText(`submitted ${id} (heard-of)`).waitFor();
    await page.getByText(`${id} succeeded`).waitFor();
  });

  it("goes on after the server was away, and leaves nothing out", async () => {
    const page = await stage.at("/");
    await page.getByText("live", { exact: true }).waitFor();
    await stage.server.stop();
    await page.getByText("The server has not answered since").waitFor();
    await stage.server.start();
    const id = await stage.submit({ name: "while-away", run: "true" });
    await page.getByText(`submitted ${id} (while-away)`).waitFor();
    await page.getByText("live", { exact: true }).waitFor();
    expect(await page.getByText("The server has not answered since").count()).toBe(0);
    const seqs = await page.locator(".feed li").evaluateAll((lines) => lines.map((line) => Number(line.getAttribute("data-seq"))));
    expect(seqs).toEqual(seqs.map((_, i) => seqs[0]! - i));
  });

  it("asks who one is, says what is wrong with a token, and keeps the place", async () => {
    const { context } = await visitor(stage.browser, stage.server, LOOKS[0]!);
    const page = await context.newPage();
    await page.goto(`${stage.server.url}/?kept=1`);
    await page.getByLabel("Token", { exact: true }).fill("wrong");
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByText("not (or no longer) valid here").waitFor();
    await page.getByLabel("Token", { exact: true }).fill(stage.server.token);
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByRole("heading", { name: "Capacity" }).waitFor();
    expect(page.url()).toBe(`${stage.server.url}/?kept=1`);
    expect(await page.evaluate(() => document.cookie + JSON.stringify(localStorage) + JSON.stringify(sessionStorage))).not.toContain(
      stage.server.token,
    );
    await context.close();
  });

  it("asks again when the login has ended, and goes on from there", async () => {
    stage.server.tauon("admin", "login", "create", "grace");
    const token = stage.server.tauon("admin", "login", "create", "grace").trim();
    const { context } = await visitor(stage.browser, stage.server, LOOKS[0]!);
    const page = await context.newPage();
    await page.goto(stage.server.url);
    await page.getByLabel("Token", { exact: true }).fill(token);
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByRole("button", { name: "Signed in as grace" }).waitFor();
    stage.server.tauon("admin", "login", "revoke", "grace");
    await stage.submit({ name: "news", run: "true" });
    await page.getByText("The token of this session is not valid any more").waitFor();
    await page.getByLabel("Token", { exact: true }).fill(stage.server.token);
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByRole("heading", { name: "Capacity" }).waitFor();
    await context.close();
  });

  it("signs in by a link, once", async () => {
    const { context } = await visitor(stage.browser, stage.server, LOOKS[0]!);
    const page = await context.newPage();
    const link = stage.server.tauon("page").trim();
    await page.goto(link);
    await page.getByRole("heading", { name: "Capacity" }).waitFor();
    expect(page.url()).toBe(`${stage.server.url}/`);
    await context.clearCookies();
    await page.goto("about:blank");
    await page.goto(link);
    await page.getByLabel("Token", { exact: true }).waitFor();
    await context.close();
  });

  it("signs out", async () => {
    const page = await stage.at("/");
    await page.getByRole("button", { name: /Signed in as/ }).click();
    await page.getByRole("menuitem", { name: "Sign out" }).click();
    await page.getByLabel("Token", { exact: true }).waitFor();
  });

  it("remembers the colours that were chosen", async () => {
    const page = await stage.at("/");
    await page.getByRole("button", { name: "Use dark colours" }).click();
    await page.reload();
    await page.getByRole("button", { name: "Use light colours" }).waitFor();
  });

  it("says that a clock is off", async () => {
    const page = await stage.at("/");
    await page.clock.install({ time: Date.now() + 3600_000 });
    await page.reload();
    await page.getByText("ahead of the server's").waitFor();
  });
});
