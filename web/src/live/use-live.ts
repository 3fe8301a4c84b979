// The stream and what hangs on it, for components.

import { useMemo, useSyncExternalStore } from "react";
import type { QueryClient } from "@tanstack/react-query";
import type { EventLine } from "../api/client";
import { info } from "../api/client";
import { onPosition } from "../api/wire";
import { Stream, type Link } from "./stream";
import { renewing } from "./topics";

// A lost stream may mean a lost session, which a plain question tells.
export const stream = new Stream(undefined, () => void info().catch(() => undefined));

// Nothing that is asked for from here on may be older than what was heard.
onPosition(() => stream.position);

const HIDDEN_MS = 10_000;

/** Keep the stream open while the page is looked at; a browser has few connections to give to one server. */
export function followWhileSeen(client: QueryClient, position: number): () => void {
  const renewal = renewing(client);
  const stopListening = stream.listen((events) => renewal.take(events));
  let last: Link = stream.link;
  const stopWatching = stream.watch(() => {
    if (stream.link === "live" && last === "away") void client.invalidateQueries();
    last = stream.link;
  });
  let timer = 0;
  const seen = () => {
    window.clearTimeout(timer);
    if (document.hidden) timer = window.setTimeout(() => stream.stop(), HIDDEN_MS);
    else stream.start(position);
  };
  document.addEventListener("visibilitychange", seen);
  seen();
  return () => {
    document.removeEventListener("visibilitychange", seen);
    stopListening();
    stopWatching();
    window.clearTimeout(timer);
    stream.stop();
  };
}

export function useLink(): Link {
  return useSyncExternalStore(
    (changed) => stream.watch(changed),
    () => stream.link,
  );
}

/** The newest events, newest first, beginning with those that are past. */
export function useNewest(past: EventLine[] | undefined, most: number): EventLine[] {
  const came = useSyncExternalStore(
    (changed) => stream.listen(changed),
    () => stream.recent,
  );
  return useMemo(() => {
    const oldest = came[0]?.seq ?? Infinity;
    const before = (past ?? []).filter((event) => event.seq < oldest);
    return [...before, ...came].slice(-most).toReversed();
  }, [came, past, most]);
}
