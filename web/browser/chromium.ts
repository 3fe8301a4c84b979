// The system's Chromium, driven without a download; where there is none, tests say so and are skipped.

import { existsSync } from "node:fs";
import { chromium, type Browser, type BrowserContext, type Page } from "playwright-core";
import type { Server } from "./server";

const PLACES = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];

export const CHROMIUM = process.env["TAUON_CHROMIUM"] ?? PLACES.find((path) => existsSync(path)) ?? "";

const ARGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

export function launch(): Promise<Browser> {
  return chromium.launch({ executablePath: CHROMIUM, args: ARGS });
}

export interface Look {
  width: number;
  height?: number;
  scheme: "light" | "dark";
}

export const LOOKS: readonly Look[] = [
  { width: 1440, scheme: "light" },
  { width: 1440, scheme: "dark" },
  { width: 390, scheme: "light" },
  { width: 390, scheme: "dark" },
];

/** A context that is signed in, whose pages fail the test when they ask another host or break their policy. */
export async function signedIn(browser: Browser, server: Server, look: Look): Promise<{ context: BrowserContext; faults: string[] }> {
  const { context, faults } = await visitor(browser, server, look);
  // The context keeps the cookie, as a browser that signed in before.
  const answer = await context.request.post(`${server.url}/v1/session`, { headers: { authorization: `Bearer ${server.token}` } });
  if (!answer.ok()) throw new Error(await answer.text());
  return { context, faults };
}

/** A context that is not signed in. */
export async function visitor(browser: Browser, server: Server, look: Look): Promise<{ context: BrowserContext; faults: string[] }> {
  const context = await browser.newContext({
    viewport: { width: look.width, height: look.height ?? (look.width < 600 ? 844 : 900) },
    colorScheme: look.scheme,
    reducedMotion: "reduce",
    timezoneId: "Europe/Berlin",
    locale: "en-GB",
  });
  const faults: string[] = [];
  context.on("page", (page) => watch(page, server, faults));
  return { context, faults };
}

function watch(page: Page, server: Server, faults: string[]): void {
  page.on("pageerror", (error) => faults.push(`error: ${error.message}`));
  page.on("console", (message) => {
    const text = message.text();
    // A refused request is part of some tests; a broken policy or program is not.
    if (message.type() === "error" && !text.startsWith("Failed to load resource") && !text.includes("net::ERR")) faults.push(text);
  });
  page.on("request", (request) => {
    const address = request.url();
    if (!address.startsWith(server.url) && !address.startsWith("data:") && !address.startsWith("blob:")) faults.push(`asks ${address}`);
  });
}
