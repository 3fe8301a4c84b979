// A story in a real browser against a real server, with the checks that hold for every view.

import axe from "axe-core";
import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect } from "vitest";
import { CHROMIUM, LOOKS, type Look, launch, signedIn } from "./chromium";
import { type Job, Server } from "./server";

export class Stage {
  browser!: Browser;
  readonly server: Server;
  private faults: string[] = [];
  private readonly open: { close(): Promise<void> }[] = [];

  constructor(config?: string) {
    this.server = new Server(config);
  }

  /** A page that is signed in, at an address. */
  async at(path: string, look: Look = LOOKS[0]!): Promise<Page> {
    const { context, faults } = await signedIn(this.browser, this.server, look);
    this.open.push(context);
    this.faults = faults;
    const page = await context.newPage();
    page.setDefaultTimeout(30_000);
    await page.goto(this.server.url + path);
    return page;
  }

  async submit(job: Job): Promise<string> {
    return this.server.submit(job);
  }

  async tidy(): Promise<void> {
    const faults = this.faults;
    this.faults = [];
    for (const one of this.open.splice(0)) await one.close();
    expect(faults).toEqual([]);
  }
}

/** Tests on a stage of their own; skipped, saying so, where there is no Chromium. */
export function story(name: string, tests: (stage: Stage) => void, config?: string): void {
  const run = CHROMIUM ? describe : describe.skip;
  run(CHROMIUM ? name : `${name} (skipped: no Chromium here; set TAUON_CHROMIUM or install the package chromium)`, () => {
    const stage = new Stage(config);
    beforeAll(async () => {
      stage.browser = await launch();
      await stage.server.start();
    });
    afterEach(() => stage.tidy());
    afterAll(async () => {
      await stage.browser?.close();
      await stage.server.end();
    });
    tests(stage);
  });
}

/** No serious fault of accessibility, nothing wider than the window, one heading. */
export async function checked(page: Page): Promise<void> {
  // Not as a script of the page, whose policy would refuse it.
  await page.evaluate(axe.source);
  const found = await page.evaluate(async () => {
    const tool = (window as unknown as { axe: typeof axe }).axe;
    const { violations } = await tool.run(document, { resultTypes: ["violations"] });
    return violations
      .filter((one) => one.impact === "serious" || one.impact === "critical")
      .map((one) => `${one.id}: ${one.nodes.map((node) => `${node.target.join(" ")} ${node.failureSummary ?? ""}`).slice(0, 4).join("; ")}`);
  });
  expect(found).toEqual([]);
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  expect(wide, "the page is wider than its window").toBeLessThanOrEqual(0);
  expect(await page.locator("h1").count()).toBe(1);
}
