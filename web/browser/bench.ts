// The browser's part of `make bench-web`: what a person would notice, measured in a real Chromium. Prints one line of JSON.

import type { Browser, BrowserContext, Page } from "playwright-core";
import { launch } from "./chromium";
import { pause } from "./server";

const URL = process.env["TAUON_URL"] ?? "";
const TOKEN = process.env["TAUON_TOKEN"] ?? "";

async function signedIn(browser: Browser): Promise<BrowserContext> {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, ignoreHTTPSErrors: false });
  // The compiler of this file names functions by a helper that the page does not have.
  await context.addInitScript("globalThis.__name = (named) => named");
  await context.request.post(`${URL}/v1/session`, { headers: { authorization: `Bearer ${TOKEN}` } });
  return context;
}

/** From the click on an address to figures on the screen, with nothing cached; and the scripts that it took. */
async function first(browser: Browser): Promise<Record<string, number>> {
  const context = await signedIn(browser);
  const page = await context.newPage();
  let bytes = 0;
  const weighed: Promise<void>[] = [];
  page.on("requestfinished", (request) => {
    if (request.resourceType() === "script") weighed.push(request.sizes().then((sizes) => void (bytes += sizes.responseBodySize)));
  });
  await page.goto(URL, { waitUntil: "commit" });
  await page.getByRole("cell", { name: "H100" }).waitFor();
  await page.locator(".tile-value").nth(1).filter({ hasText: /\d/ }).waitFor();
  const shown = await page.evaluate(() => performance.now());
  await page.waitForLoadState("networkidle").catch(() => undefined);
  await Promise.all(weighed);
  await context.close();
  return { first_view_s: shown / 1000, js_gzip_kib: bytes / 1024 };
}

/** From the moment that the journal gave an event to the moment that it stands on the page. */
async function live(browser: Browser): Promise<Record<string, number>> {
  const context = await signedIn(browser);
  const page = await context.newPage();
  await page.goto(URL);
  await page.getByText("live", { exact: true }).waitFor();
  await pause(2000);
  const delays = await page.evaluate(async () => {
    const feed = document.querySelector(".feed");
    const found: number[] = [];
    const seen = new Set<string>();
    for (const line of feed?.querySelectorAll("li") ?? []) seen.add(line.dataset["seq"] ?? "");
    const observer = new MutationObserver(() => {
      const now = Date.now();
      for (const line of feed?.querySelectorAll("li") ?? []) {
        const seq = line.dataset["seq"] ?? "";
        if (seen.has(seq)) continue;
        seen.add(seq);
        found.push(now - Date.parse(line.querySelector("time")?.dateTime ?? ""));
      }
    });
    observer.observe(feed!, { childList: true, subtree: true });
    await new Promise((done) => setTimeout(done, 30_000));
    return found;
  });
  await context.close();
  delays.sort((a, b) => a - b);
  return { p50_ms: delays[Math.floor(delays.length * 0.5)] ?? NaN, p99_ms: delays[Math.floor(delays.length * 0.99)] ?? NaN, events: delays.length };
}

/** Scroll for some seconds; the longest task, and how long the slowest frames took. */
async function scrolled(page: Page, selector: string, distance: number): Promise<{ task: number; frame: number }> {
  return page.evaluate(
    async ([where, step]) => {
      const element = document.querySelector(where as string)!;
      let longest = 0;
      const observer = new PerformanceObserver((list) => {
        for (const entry of list.getEntries()) longest = Math.max(longest, entry.duration);
      });
      observer.observe({ entryTypes: ["longtask"] });
      const frames: number[] = [];
      let last = performance.now();
      const end = last + 6000;
      await new Promise<void>((done) => {
        const next = (now: number) => {
          frames.push(now - last);
          last = now;
          element.scrollTop = (element.scrollTop + (step as number)) % (element.scrollHeight - element.clientHeight);
          if (now < end) requestAnimationFrame(next);
          else done();
        };
        requestAnimationFrame(next);
      });
      await new Promise((done) => setTimeout(done, 300));
      observer.disconnect();
      frames.sort((a, b) => a - b);
      return { task: longest, frame: frames[Math.floor(frames.length * 0.99)] ?? 0 };
    },
    [selector, distance] as const,
  );
}

async function smooth(browser: Browser): Promise<Record<string, number>> {
  const context = await signedIn(browser);
  const page = await context.newPage();
  await page.goto(`${URL}/work`);
  await page.getByRole("link", { name: "j100000", exact: true }).waitFor({ timeout: 60_000 });
  await pause(1500);
  // Two ways of going through it: row by row, and thousands at a time.
  const slow = await scrolled(page, ".table", 60);
  const quick = await scrolled(page, ".table", 4000);
  await page.goto(`${URL}/fleet?size=8`);
  await page.getByText("12,500 nodes").waitFor({ timeout: 60_000 });
  await pause(1500);
  const fleet = await scrolled(page, ".map", 60);
  await context.close();
  return {
    table_ms: Math.max(slow.task, quick.task),
    fleet_ms: fleet.task,
    table_frame_p99_ms: Math.max(slow.frame, quick.frame),
    fleet_frame_p99_ms: fleet.frame,
  };
}

const browser = await launch();
const parts: Record<string, (browser: Browser) => Promise<Record<string, number>>> = { first, live, smooth };
try {
  console.log(JSON.stringify(await parts[process.argv[2] ?? "first"]!(browser)));
} finally {
  await browser.close();
}
