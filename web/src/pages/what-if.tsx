// What if: this server's own past, played again by the simulator under other policies or on other nodes, side by side.

import { useMutation } from "@tanstack/react-query";
import { Button, MultiSelect, NativeSelect, TextInput } from "@mantine/core";
import { Suspense, lazy, useState, type FormEvent } from "react";
import type { Replay, ReplayedWorld, Score, WhatIfQuery } from "../api/client";
import { whatIf } from "../api/client";
import { Empty, Head, Trouble } from "../parts/pieces";
import { count, duration, many, percent, usd } from "../parts/units";

const Chart = lazy(() => import("../parts/chart"));

const POLICIES = [
  { value: "tauon", label: "tauon: the queues as they are" },
  { value: "tauon-known", label: "tauon-known: the same, knowing how long jobs take" },
  { value: "turnaround", label: "turnaround: shortest expected first" },
  { value: "turnaround-known", label: "turnaround-known: the same, knowing" },
  { value: "fifo", label: "fifo: strictly in order" },
  { value: "backfill", label: "backfill: in order, filling gaps" },
  { value: "sjf", label: "sjf: shortest job first, knowing" },
  { value: "sjf-backfill", label: "sjf-backfill: the same, filling gaps" },
  { value: "srtf", label: "srtf: shortest remaining time, knowing" },
  { value: "srsf", label: "srsf: smallest remaining service, knowing" },
  { value: "tiresias", label: "tiresias: least served first" },
];

const TIMES = [
  { value: "", label: "all of it" },
  { value: "3600", label: "the last hour" },
  { value: "86400", label: "the last day" },
  { value: "604800", label: "the last week" },
];

interface World extends ReplayedWorld {
  name: string;
}

const ROWS: { name: string; of: (score: Score) => string; number?: (score: Score) => number; more?: boolean }[] = [
  { name: "Jobs that succeeded", of: (s) => `${count(s.succeeded)} of ${count(s.jobs)}` },
  { name: "Jobs refused", of: (s) => count(s.refused), number: (s) => s.refused },
  { name: "Waiting, average", of: (s) => duration(s.queueing_s.average), number: (s) => s.queueing_s.average },
  { name: "Waiting, 99th percentile", of: (s) => duration(s.queueing_s.p99), number: (s) => s.queueing_s.p99 },
  { name: "Completion, average", of: (s) => duration(s.completion_s.average), number: (s) => s.completion_s.average },
  { name: "Completion, 99th percentile", of: (s) => duration(s.completion_s.p99), number: (s) => s.completion_s.p99 },
  { name: "Until the last end", of: (s) => duration(s.makespan_s), number: (s) => s.makespan_s },
  { name: "Accelerators in use", of: (s) => percent(s.utilisation), number: (s) => s.utilisation, more: true },
  { name: "Unfairness (1 is fair)", of: (s) => s.unfairness.average.toFixed(2), number: (s) => s.unfairness.average },
  { name: "Preemptions", of: (s) => count(s.preemptions), number: (s) => s.preemptions },
  { name: "Work lost", of: (s) => `${s.lost_gpu_h.toFixed(2)} GPU h`, number: (s) => s.lost_gpu_h },
  { name: "Cost of the work", of: (s) => usd(s.work_usd), number: (s) => Number(s.work_usd) },
  { name: "Cost of all capacity", of: (s) => usd(s.capacity_usd), number: (s) => Number(s.capacity_usd) },
];

export default function WhatIf() {
  const [time, setTime] = useState("");
  const [policies, setPolicies] = useState<string[]>(["tauon", "fifo"]);
  const [nodes, setNodes] = useState("");
  const [worlds, setWorlds] = useState<World[]>([]);
  const asked = nodes.split(/[\s,]+/).filter(Boolean);
  const playing = useMutation({
    mutationFn: (query: WhatIfQuery) => whatIf(query),
    onSuccess: (found: Replay, query) => {
      const fleet = query.nodes?.length ? query.nodes.join(", ") : "nodes as they were";
      const came = found.worlds.map((world) => ({ ...world, name: `${world.policy} on ${fleet}` }));
      setWorlds((had) => [...had.filter((one) => !came.some((other) => other.name === one.name)), ...came].slice(-6));
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    playing.mutate({ policies, nodes: asked, last_s: time ? Number(time) : null, seed: 0 });
  };
  return (
    <>
      <Head title="What if" />
      <form className="card" onSubmit={submit}>
        <div className="filters">
          <NativeSelect label="Which past" value={time} data={TIMES} onChange={(event) => setTime(event.currentTarget.value)} />
          <MultiSelect
            label="Under which policies"
            data={POLICIES}
            value={policies}
            onChange={setPolicies}
            className="wide"
            comboboxProps={{ transitionProps: { duration: 0 } }}
            renderOption={({ option }) => option.label}
          />
          <TextInput label="On which nodes" value={nodes} onChange={(event) => setNodes(event.currentTarget.value)} placeholder="as they were" className="wide" />
          <Button type="submit" loading={playing.isPending} disabled={!policies.length}>
            Play it
          </Button>
        </div>
        <p className="small dim" style={{ margin: 0 }}>
          The same decisions as in production are made again in virtual time, on the jobs that this server was given; each runs as long as it was seen to run.
          Nodes are written <code>H100:8x16</code>: 16 nodes of 8. Play several, and they stand side by side.
        </p>
      </form>
      {playing.error && <Trouble error={playing.error} />}
      {playing.data && (
        <p className="small dim" role="status">
          Played {many(playing.data.jobs, "job")} on {many(playing.data.nodes, "node")} with {many(playing.data.accelerators, "accelerator")}
          {playing.data.skipped.length > 0 && `; left out: ${playing.data.skipped.join("; ")}`}.
        </p>
      )}
      {worlds.length === 0 && !playing.isPending && <Empty>Nothing has been played yet. It takes seconds for a small past, minutes for a long one.</Empty>}
      {worlds.length > 0 && (
        <div className="grid" style={{ marginTop: "0.8rem" }}>
          <SideBySide worlds={worlds} forget={() => setWorlds([])} />
          <Curves worlds={worlds} />
        </div>
      )}
    </>
  );
}

function SideBySide({ worlds, forget }: { worlds: World[]; forget: () => void }) {
  return (
    <section className="card">
      <div className="card-head">
        <h2>Side by side</h2>
        <Button size="compact-xs" variant="subtle" onClick={forget}>
          Forget them
        </Button>
      </div>
      <div className="scroll-x" tabIndex={0} role="region" aria-label="Side by side">
        <table className="plain-table">
          <thead>
            <tr>
              <th>What came of it</th>
              {worlds.map((world) => (
                <th key={world.name} className="n">
                  {world.name}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {ROWS.map((row) => {
              const numbers = worlds.map((world) => row.number?.(world.score) ?? 0);
              const best = row.more ? Math.max(...numbers) : Math.min(...numbers);
              const differ = row.number !== undefined && new Set(numbers).size > 1;
              return (
                <tr key={row.name}>
                  <td>{row.name}</td>
                  {worlds.map((world, i) => (
                    <td key={world.name} className="n" style={differ && numbers[i] === best ? { fontWeight: 700 } : undefined}>
                      {row.of(world.score)}
                    </td>
                  ))}
                </tr>
              );
            })}
          </tbody>
        </table>
      </div>
      {worlds.some((world) => world.refused.length > 0) && (
        <ul className="list">
          {worlds.flatMap((world) =>
            world.refused.map((why) => (
              <li key={`${world.name}${why}`} className="break">
                {world.name} refused {why}
              </li>
            )),
          )}
        </ul>
      )}
    </section>
  );
}

/** A world's values at the times of all of them: each holds until its next. */
export function sampled(at: readonly number[], times: readonly number[], values: readonly number[]): (number | null)[] {
  let i = -1;
  return at.map((moment) => {
    while (i + 1 < times.length && times[i + 1]! <= moment) i += 1;
    return i < 0 ? null : values[i]!;
  });
}

function Curves({ worlds }: { worlds: World[] }) {
  const end = Math.max(...worlds.map((world) => world.curve.at_s.at(-1) ?? 0), 1);
  const at = Array.from({ length: 241 }, (_, i) => (end * i) / 240);
  const lines = (of: (world: World) => readonly number[]) => worlds.map((world) => ({ name: world.name, values: sampled(at, world.curve.at_s, of(world)), step: true }));
  return (
    <div className="grid two even">
      <section className="card">
        <h2>Jobs waiting</h2>
        <Suspense fallback={<div style={{ height: 260 }} />}>
          <Chart kind="line" at={at} series={lines((world) => world.curve.waiting)} tell={count} tellAt={duration} label="Jobs waiting over time, in each world" />
        </Suspense>
      </section>
      <section className="card">
        <h2>Accelerators held</h2>
        <Suspense fallback={<div style={{ height: 260 }} />}>
          <Chart kind="line" at={at} series={lines((world) => world.curve.held)} tell={count} tellAt={duration} label="Accelerators held over time, in each world" />
        </Suspense>
      </section>
    </div>
  );
}
