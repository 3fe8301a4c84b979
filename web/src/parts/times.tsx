// Moments in the viewer's zone, and ages by the server's clock: a viewer's own may be an hour off.

import { useSyncExternalStore } from "react";
import { duration } from "./units";

const CLOCK = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit", hour12: false });
const DATED = new Intl.DateTimeFormat(undefined, {
  year: "numeric",
  month: "short",
  day: "2-digit",
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  hour12: false,
});

let offsetMs = 0;

/** Take note of the server's time, as it was told just now. */
export function serverTime(at: string): void {
  const measured = Date.parse(at) - Date.now();
  // An answer is under way for a moment; only more than that is a clock that is off.
  offsetMs = Math.abs(measured) > 3000 ? measured : 0;
}

export function nowMs(): number {
  return Date.now() + offsetMs;
}

/** How far the viewer's clock is behind the server's (ms); 0 when they agree. */
export function clockOffsetMs(): number {
  return offsetMs;
}

let tick = 0;
const tickers = new Set<() => void>();
let ticking = 0;

function subscribe(ticker: () => void): () => void {
  tickers.add(ticker);
  ticking ||= window.setInterval(() => {
    tick += 1;
    for (const one of tickers) one();
  }, 1000);
  return () => {
    tickers.delete(ticker);
    if (!tickers.size) {
      window.clearInterval(ticking);
      ticking = 0;
    }
  };
}

/** Draw again each second, all together. */
export function useSecond(): number {
  return useSyncExternalStore(subscribe, () => tick);
}

export function when(at: string | number): string {
  return DATED.format(new Date(at));
}

export function clock(at: string | number): string {
  const date = new Date(at);
  return nowMs() - date.getTime() < 20 * 3600_000 ? CLOCK.format(date) : DATED.format(date);
}

export function At({ at }: { at: string }) {
  return (
    <time dateTime={at} title={when(at)}>
      {clock(at)}
    </time>
  );
}

/** How long ago something was, or how long it has been going on; goes on by itself. */
export function Since({ at, until }: { at: string; until?: string | null | undefined }) {
  useSecond();
  const end = until ? Date.parse(until) : nowMs();
  return (
    <time dateTime={at} title={until ? `${when(at)} to ${when(until)}` : `since ${when(at)}`}>
      {duration((end - Date.parse(at)) / 1000)}
    </time>
  );
}

/** Midnight of the viewer's day, in microseconds since the epoch. */
export function todayUs(): number {
  const day = new Date(nowMs());
  day.setHours(0, 0, 0, 0);
  return day.getTime() * 1000;
}
