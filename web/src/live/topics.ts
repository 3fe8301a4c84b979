// Which answers an event makes old, and how often they are asked for again.

import type { QueryClient } from "@tanstack/react-query";
import type { EventLine } from "../api/client";

const OF_JOBS = ["overview", "jobs", "job", "queues", "fleet", "node"];
const OF_NODES = ["overview", "fleet", "node", "pools", "queues"];
const OF_SETTINGS = ["overview", "pools", "queues", "fleet"];

/** The first words of the query keys that an event makes old. */
export function topicsOf(type: string): readonly string[] {
  if (type.startsWith("Job") || type.startsWith("Attempt")) return OF_JOBS;
  if (type.startsWith("Node")) return OF_NODES;
  return OF_SETTINGS;
}

const LEAST_MS = 1000;

/** Asks again for what events made old: at once when it is quiet, at most once a second when it is not. */
export class Renewal {
  private readonly old = new Set<string>();
  private timer = 0;
  private lastMs = 0;

  constructor(
    private readonly renew: (topics: ReadonlySet<string>) => void,
    private readonly later: (what: () => void, ms: number) => number = (what, ms) => window.setTimeout(what, ms),
    private readonly now: () => number = () => performance.now(),
  ) {}

  take(events: readonly EventLine[]): void {
    for (const event of events) for (const topic of topicsOf(event.type)) this.old.add(topic);
    if (!this.old.size || this.timer) return;
    this.timer = this.later(() => this.flush(), Math.max(0, this.lastMs + LEAST_MS - this.now()));
  }

  private flush(): void {
    this.timer = 0;
    this.lastMs = this.now();
    const topics = new Set(this.old);
    this.old.clear();
    this.renew(topics);
  }
}

export function renewing(client: QueryClient): Renewal {
  return new Renewal((topics) => {
    void client.invalidateQueries({ predicate: (query) => topics.has(String(query.queryKey[0])) });
  });
}
