// The journal as it happens: one stream for the page, resumed by position, closed while nobody looks.

import type { EventLine } from "../api/client";
import { liveEvents } from "../api/client";

export type Link = "connecting" | "live" | "away";
export type Listener = (events: EventLine[]) => void;

/** What the stream needs of a browser; tests bring their own. */
export interface Source {
  addEventListener(type: string, listener: (event: MessageEvent<string>) => void): void;
  close(): void;
}

export interface Surroundings {
  open(address: string): Source;
  later(what: () => void, ms: number): number;
  forget(timer: number): void;
}

const BROWSER: Surroundings = {
  open: (address) => new EventSource(address) as unknown as Source,
  later: (what, ms) => window.setTimeout(what, ms),
  forget: (timer) => window.clearTimeout(timer),
};

const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 5000;
const KEPT = 200;

export class Stream {
  /** The position of the last event that came; -1 before the first answer. */
  position = -1;
  link: Link = "connecting";
  /** The latest events that came, oldest first; a new array each time. */
  recent: readonly EventLine[] = [];
  /** Since when no server answers (ms since the epoch). */
  awaySince = 0;

  private source: Source | null = null;
  private timer = 0;
  private pause = FIRST_PAUSE_MS;
  private wanted = false;
  private readonly listeners = new Set<Listener>();
  private readonly watchers = new Set<() => void>();

  constructor(
    private readonly around: Surroundings = BROWSER,
    private readonly onLost: () => void = () => undefined,
    private readonly now: () => number = Date.now,
  ) {}

  /** Open it. `position` is where the journal was when the page began: what is told from there on has no gap. */
  start(position = -1): void {
    if (this.wanted) return;
    if (this.position < 0) this.position = position;
    this.wanted = true;
    this.open();
  }

  /** Let go of the connection; `start` goes on where it was. */
  stop(): void {
    this.wanted = false;
    this.around.forget(this.timer);
    this.source?.close();
    this.source = null;
  }

  /** Hear of events; returns how to stop. */
  listen(listener: Listener): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** Hear of changes of `link`; returns how to stop. */
  watch(watcher: () => void): () => void {
    this.watchers.add(watcher);
    return () => this.watchers.delete(watcher);
  }

  private open(): void {
    const source = this.around.open(liveEvents({ after: this.position }));
    this.source = source;
    source.addEventListener("open", (event) => this.opened(event));
    source.addEventListener("message", (event) => this.came(event));
    source.addEventListener("error", () => this.lost(source));
  }

  private opened(event: MessageEvent<string>): void {
    // The browser's own "open" has no position; the server's first frame has.
    if (!event.lastEventId) return;
    this.pause = FIRST_PAUSE_MS;
    this.position = Math.max(this.position, Number(event.lastEventId));
    this.become("live");
  }

  private came(event: MessageEvent<string>): void {
    const line = JSON.parse(event.data) as EventLine;
    if (line.seq <= this.position) return;
    this.position = line.seq;
    this.recent = [...this.recent.slice(1 - KEPT), line];
    for (const listener of this.listeners) listener([line]);
  }

  private lost(source: Source): void {
    if (source !== this.source) return;
    source.close();
    this.source = null;
    if (!this.wanted) return;
    if (this.link !== "away") this.awaySince = this.now();
    this.become("away");
    this.onLost();
    this.timer = this.around.later(() => this.wanted && this.open(), this.pause);
    this.pause = Math.min(LONGEST_PAUSE_MS, this.pause * 2);
  }

  private become(link: Link): void {
    if (this.link === link) return;
    this.link = link;
    for (const watcher of this.watchers) watcher();
  }
}
