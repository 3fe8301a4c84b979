// Submit: a job document pasted or written here, checked as it is typed, with where it would go and at what price.

import { keepPreviousData, useMutation, useQuery } from "@tanstack/react-query";
import { Button, Textarea } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { useEffect, useRef, useState } from "react";
import { useLocation } from "wouter";
import type { JobSpec, Preview } from "../api/client";
import { job, preview, submit } from "../api/client";
import { Empty, Head, Trouble } from "../parts/pieces";
import { count, many, usdPerHour } from "../parts/units";
import { useFields } from "../parts/use-search";

const KEPT = "tauon-submit-draft";
const FIRST = `name: my-job
run: |
  nvidia-smi
  python train.py
queue: default
resources:
  accelerators: H100:1
  cpu: 4
  memory: 16GiB
`;

export default function Submit() {
  const [fields] = useFields();
  const [, go] = useLocation();
  const [text, setText] = useState(() => sessionStorage.getItem(KEPT) ?? FIRST);
  const [settled] = useDebouncedValue(text, 300);
  const from = fields["from"] ?? "";
  const origin = useQuery({ queryKey: ["job", from, "document"], queryFn: ({ signal }) => job(from, signal), enabled: from !== "", staleTime: Infinity });
  useEffect(() => {
    // JSON is YAML too, so an earlier document can be shown as it was kept.
    if (origin.data) setText(JSON.stringify(origin.data.spec, null, 2));
  }, [origin.data]);
  useEffect(() => sessionStorage.setItem(KEPT, text), [text]);
  const looked = useQuery({
    queryKey: ["preview", settled],
    queryFn: () => preview({ text: settled }),
    placeholderData: keepPreviousData,
    refetchInterval: 10_000,
    gcTime: 10_000,
  });
  // The same text is submitted once, however often the button is pressed or the answer gets lost.
  const key = useRef({ text: "", key: "" });
  const taking = useMutation({
    mutationFn: (found: Preview) => {
      if (key.current.text !== settled) key.current = { text: settled, key: crypto.getRandomValues(new Uint32Array(4)).join("-") };
      return submit(found.spec as unknown as JobSpec, key.current.key);
    },
    retry: 3,
    onSuccess: (taken) => {
      sessionStorage.removeItem(KEPT);
      go(`/work/${taken.id}`);
    },
  });
  const found = looked.data;
  const current = settled === text && !looked.isPlaceholderData;
  const ready = current && found !== undefined && found.problem === "";
  return (
    <>
      <Head title="Submit" />
      {origin.error && <Trouble error={origin.error} />}
      <div className="grid two even">
        <form
          className="card"
          onSubmit={(event) => {
            event.preventDefault();
            if (ready) taking.mutate(found);
          }}
        >
          <Textarea
            label="The job document, as YAML or JSON"
            value={text}
            onChange={(event) => setText(event.currentTarget.value)}
            autosize
            minRows={16}
            maxRows={32}
            spellCheck={false}
            styles={{ input: { fontFamily: "var(--mantine-font-family-monospace)", fontSize: 13 } }}
            error={current && found?.problem ? "This can't be submitted yet: see beside." : undefined}
          />
          {taking.error && <Trouble error={taking.error} />}
          <div className="actions" style={{ marginTop: "0.8rem" }}>
            <Button type="submit" disabled={!ready} loading={taking.isPending}>
              Submit
            </Button>
          </div>
          <p className="small dim hint">
            A folder of yours is uploaded by <code>tauon run FILE</code> only: a browser can&apos;t read it.
          </p>
        </form>
        <section className="card" aria-live="polite">
          <h2>What would come of it</h2>
          {looked.error && <Trouble error={looked.error} />}
          {found?.problem && <Problems text={found.problem} />}
          {found && !found.problem && <Places found={found} />}
        </section>
      </div>
    </>
  );
}

function Problems({ text }: { text: string }) {
  return (
    <ul className="list" aria-label="What is wrong">
      {text.split("\n").map((line) => (
        <li key={line} className="break s-failed">
          {line}
        </li>
      ))}
    </ul>
  );
}

function Places({ found }: { found: Preview }) {
  const now = found.places.find((place) => place.has_room);
  return (
    <>
      <p className="said break">
        <strong>{found.name || "It"}</strong> asks for {found.request} in queue {found.queue} at priority {count(found.priority)}.{" "}
        {now
          ? `There is room now in ${now.pool}, at ${usdPerHour(now.usd_per_h)}.`
          : found.places.length
            ? "There is no room now: it would wait."
            : "No pool that is there now could hold it; one that buys nodes may get some."}
        {found.ahead > 0 && ` ${many(found.ahead, "equal job")} would come first.`}
      </p>
      {found.places.length === 0 && <Empty>No place to show.</Empty>}
      <ul className="list" aria-label="Where it could go, in this order">
        {found.places.map((place) => (
          <li key={`${place.pool}/${place.accelerator}/${place.usd_per_h}`}>
            <strong>{place.pool}</strong> {place.accelerator} {place.region} {place.capacity_type}, {usdPerHour(place.usd_per_h)}{" "}
            <span className={`state ${place.has_room ? "s-ready" : "s-queued"}`}>{place.has_room ? "room now" : "no room now"}</span>
            <div className="small dim break">{place.message}</div>
          </li>
        ))}
      </ul>
    </>
  );
}
