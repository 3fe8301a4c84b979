// The pictures of the page in docs/pictures, taken of a real server with real jobs: `make web-pictures`.

import { mkdirSync } from "node:fs";
import { resolve } from "node:path";
import type { Page } from "playwright-core";
import { CHROMIUM, launch, signedIn, type Look } from "./chromium";
import { Server, pause } from "./server";

const FOLDER = resolve(import.meta.dirname, "../../docs/pictures");
const WIDE: Look = { width: 1440, scheme: "light" };

interface Picture {
  name: string;
  path: string;
  look?: Look;
  ready: (page: Page) => Promise<unknown>;
}

const PICTURES: Picture[] = [
  { name: "now-light", path: "/", ready: (page) => page.locator(".feed li").first().waitFor() },
  { name: "now-dark", path: "/", look: { width: 1440, scheme: "dark" }, ready: (page) => page.locator(".feed li").first().waitFor() },
  { name: "work", path: "/work", ready: (page) => page.getByRole("cell", { name: "pretrain-7b" }).waitFor() },
  { name: "workload", path: "/work/j1", look: { width: 1440, height: 1120, scheme: "light" }, ready: (page) => page.locator(".screen .line").nth(5).waitFor() },
  { name: "fleet", path: "/fleet", ready: (page) => page.getByText("2 nodes").waitFor() },
  { name: "queues", path: "/queues", ready: (page) => page.locator("canvas").waitFor() },
  { name: "money", path: "/money?time=all", ready: (page) => page.getByRole("region", { name: "The bill" }).waitFor() },
  { name: "why", path: "/why", ready: (page) => page.locator(".story li").nth(5).waitFor() },
  {
    name: "what-if",
    path: "/what-if",
    ready: async (page) => {
      await page.getByLabel("On which nodes").fill("H100:8x1 L40S:4x1");
      await page.getByRole("button", { name: "Play it" }).click();
      await page.locator("canvas").nth(1).waitFor({ timeout: 120_000 });
    },
  },
  { name: "submit", path: "/submit", ready: (page) => page.getByText("There is room now").or(page.getByText("There is no room now")).waitFor() },
  { name: "phone", path: "/", look: { width: 390, scheme: "dark" }, ready: (page) => page.locator(".feed li").first().waitFor() },
];

/** Work of all kinds: running, waiting, ended, failed. */
async function busy(server: Server): Promise<void> {
  const gpus = (count: number, type = "H100") => ({ resources: { accelerators: `${type}:${count}` } });
  const say = 'for i in $(seq 1 2000); do echo "step $i loss 0.$((9999 - i))"; sleep 0.2; done';
  await server.submit({ name: "pretrain-7b", run: say, queue: "research", workers: 2, ...gpus(2) });
  await server.submit({ name: "segment-lungs", run: say, queue: "research/vision", ...gpus(3, "L40S") });
  await server.submit({ name: "rank-offers", run: say, queue: "product", ...gpus(1) });
  for (let i = 1; i <= 12; i += 1) await server.submit({ name: `evaluate-${i}`, run: "true", queue: "batch", ...gpus(1) });
  const failed = await server.submit({ name: "convert-weights", run: "echo 'no such file: weights.bin' >&2; exit 2", queue: "batch", ...gpus(1) });
  await server.reaches(failed, "failed");
  await server.submit({ name: "ablation-large", run: say, queue: "batch", ...gpus(8) });
  for (let i = 1; i <= 4; i += 1) await server.submit({ name: `sweep-lr-${i}`, run: say, queue: "research/vision", ...gpus(2, "L40S") });
}

if (!CHROMIUM) throw new Error("the pictures are taken with Chromium, and there is none here; install the package chromium");
const wanted = process.argv.slice(2);
const server = new Server();
const browser = await launch();
try {
  await server.start();
  await busy(server);
  mkdirSync(FOLDER, { recursive: true });
  for (const picture of PICTURES.filter((one) => !wanted.length || wanted.includes(one.name))) {
    const { context, faults } = await signedIn(browser, server, picture.look ?? WIDE);
    const page = await context.newPage();
    const last = (await server.ask<{ id: string }[]>("GET", "/v1/jobs?limit=1"))[0]?.id ?? "";
    await page.goto(server.url + picture.path.replace("LAST", last));
    await picture.ready(page);
    await pause(1200);
    await page.screenshot({ path: resolve(FOLDER, `page-${picture.name}.png`) });
    if (faults.length) throw new Error(faults.join("\n"));
    console.log(`wrote page-${picture.name}.png`);
    await context.close();
  }
} finally {
  await browser.close();
  await server.end();
}
