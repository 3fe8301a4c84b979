// Why: the journal as a story that can be read backwards, filtered, and followed.

import { useInfiniteQuery } from "@tanstack/react-query";
import { Button, MultiSelect, TextInput } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { useEffect, useMemo, useState, useSyncExternalStore } from "react";
import type { EventLine, EventView } from "../api/client";
import { events } from "../api/client";
import { stream } from "../live/use-live";
import { Empty, Head, JobLink, NodeLink, Trouble } from "../parts/pieces";
import { when } from "../parts/times";
import { many } from "../parts/units";
import { useFields } from "../parts/use-search";
import { useWho } from "../session";

const PAGE = 1000;
const ENOUGH = 200;
const MOST = 1000;

export const TYPES = [
  "JobSubmitted",
  "AttemptPlaced",
  "AttemptRunning",
  "AttemptStopRequested",
  "AttemptEnded",
  "JobRequeued",
  "JobSucceeded",
  "JobFailed",
  "JobCancelRequested",
  "JobCancelled",
  "NodeReady",
  "NodeDraining",
  "NodeTerminated",
  "NodeLost",
  "PoolConfigured",
  "PoolRemoved",
  "QueueConfigured",
  "QueueRemoved",
];

interface Page {
  found: EventView[];
  /** The position from which the next page goes back; 0 when the beginning has been read. */
  before: number;
}

/** A page of the journal that ends before a position: its positions have no gaps, so that its start is known. */
async function pageBefore(before: number, subject: string, signal: AbortSignal): Promise<Page> {
  if (subject) {
    // One subject's whole story is short.
    return { found: await events({ subject, limit: 10_000 }, signal), before: 0 };
  }
  const after = Math.max(0, before - 1 - PAGE);
  const found = before > 1 ? await events({ after, limit: Math.min(PAGE, before - 1 - after) }, signal) : [];
  return { found, before: after > 0 ? after + 1 : 0 };
}

export default function Why() {
  const [fields, change] = useFields();
  const subject = fields["subject"] ?? "";
  const types = useMemo(() => (fields["types"] ? fields["types"].split(",") : []), [fields]);
  const text = fields["text"] ?? "";
  // Where the journal was when this was opened: what comes after is heard from the stream.
  const { seq } = useWho();
  const [start] = useState(() => Math.max(stream.position, seq) + 1);
  const story = useInfiniteQuery({
    queryKey: ["story", subject, start],
    queryFn: ({ pageParam, signal }) => pageBefore(pageParam, subject, signal),
    initialPageParam: start,
    getNextPageParam: (last) => last.before || undefined,
    staleTime: Infinity,
  });
  const came = useSyncExternalStore(
    (changed) => stream.listen(changed),
    () => stream.recent,
  );
  const fits = (event: EventLine) =>
    (!subject || event.subject === subject) && (!types.length || types.includes(event.type)) && (!text || event.text.toLowerCase().includes(text.toLowerCase()));
  const past = useMemo(() => (story.data?.pages ?? []).flatMap((page) => page.found.toReversed()), [story.data]);
  const newest = past[0]?.seq ?? start - 1;
  const shown = [...came.filter((event) => event.seq > newest).toReversed(), ...past].filter(fits);
  const { fetchNextPage, hasNextPage, isFetching } = story;
  useEffect(() => {
    // A filter may leave little of a page: go on until there is something to read.
    if (shown.length < ENOUGH && hasNextPage && !isFetching && past.length < 20 * PAGE) void fetchNextPage();
  }, [shown.length, hasNextPage, isFetching, past.length, fetchNextPage]);
  return (
    <>
      <Head title="Why">
        <span className="dim small" role="status">
          {many(shown.length, "event")}
          {hasNextPage ? " so far" : ""}
        </span>
      </Head>
      <div className="filters">
        <Typed label="About" name="subject" value={subject} change={change} />
        <Typed label="Text" name="text" value={text} change={change} />
        <MultiSelect
          label="Kinds"
          data={TYPES}
          value={types}
          onChange={(chosen) => change({ types: chosen.join(",") }, { replace: true })}
          clearable
          searchable
          className="wide"
          comboboxProps={{ transitionProps: { duration: 0 } }}
          clearButtonProps={{ "aria-label": "All kinds" }}
        />
      </div>
      {story.error && <Trouble error={story.error} again={() => void story.refetch()} />}
      <section className="card">
        {story.data && shown.length === 0 && !hasNextPage && <Empty>Nothing like that has happened. Take a filter away to see more.</Empty>}
        <ol className="list story" aria-label="What happened, newest first">
          {shown.slice(0, MOST).map((event) => (
            <li key={event.seq}>
              <span className="number dim">{event.seq}</span>
              <time dateTime={event.at}>{when(event.at)}</time>
              <Subject event={event} />
              <span className="break">{event.text}</span>
            </li>
          ))}
        </ol>
        {hasNextPage && (
          <Button variant="default" size="xs" loading={isFetching} onClick={() => void fetchNextPage()} mt="sm">
            Further back
          </Button>
        )}
      </section>
    </>
  );
}

function Typed({ label, name, value, change }: { label: string; name: string; value: string; change: ReturnType<typeof useFields>[1] }) {
  const [typed, setTyped] = useState(value);
  const [settled] = useDebouncedValue(typed, 250);
  useEffect(() => setTyped(value), [value]);
  useEffect(() => {
    if (settled !== value && settled === typed) change({ [name]: settled.trim() }, { replace: true });
    // Only what was typed changes the address, not the other way round.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [settled]);
  return <TextInput label={label} value={typed} onChange={(event) => setTyped(event.currentTarget.value)} />;
}

function Subject({ event }: { event: EventLine }) {
  if (event.type.startsWith("Job") || event.type.startsWith("Attempt")) return <JobLink id={event.subject} />;
  if (event.type.startsWith("Node")) return <NodeLink id={event.subject} />;
  return <span>{event.subject}</span>;
}

