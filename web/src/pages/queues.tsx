// Queues: the tree with what each is guaranteed, holds, borrows and waits for, and its share against its due.

import { keepPreviousData, useQueries, useQuery } from "@tanstack/react-query";
import { Suspense, lazy } from "react";
import { Link } from "wouter";
import type { QueueView } from "../api/client";
import { jobs, queues } from "../api/client";
import { Empty, Head, JobLink, Trouble } from "../parts/pieces";
import { Since } from "../parts/times";
import { count, percent, usdPerHour } from "../parts/units";

const Chart = lazy(() => import("../parts/chart"));

const MOST_ASKED = 24;

export default function Queues() {
  const found = useQuery({
    queryKey: ["queues"],
    queryFn: ({ signal }) => queues(signal),
    placeholderData: keepPreviousData,
    refetchInterval: 10_000,
  });
  const all = found.data ?? [];
  const top = all.filter((queue) => !queue.name.includes("/"));
  const guaranteed = all.some((queue) => Object.keys(queue.guarantee).length + Object.keys(queue.maximum).length > 0);
  return (
    <>
      <Head title="Queues" />
      {found.error && !found.data && <Trouble error={found.error} again={() => void found.refetch()} />}
      <div className="grid">
        <Tree all={all} />
        {top.length > 0 && (
          <section className="card">
            <h2>Share against due</h2>
            <Suspense fallback={<div style={{ height: 240 }} />}>
              <Chart
                kind="bar"
                at={top.map((queue) => queue.name)}
                series={[
                  { name: "now", values: top.map((queue) => queue.share) },
                  { name: "of late", values: top.map((queue) => queue.recent_share) },
                  { name: "its due", values: top.map((queue) => queue.fair_share) },
                ]}
                tell={percent}
                height={240}
                label={`Share of everything now, of late and due: ${top.map((queue) => `${queue.name} ${percent(queue.share)}, ${percent(queue.recent_share)}, ${percent(queue.fair_share)}`).join("; ")}`}
              />
            </Suspense>
            <p className="small dim">
              A queue below its due comes first when something gets free. What it held of late counts less and less as it fades.
            </p>
          </section>
        )}
        {found.data && !guaranteed && (
          <p className="small dim">
            No queue has a guarantee or a maximum. In the server&apos;s configuration, <code>guarantee: {"{H100: 16}"}</code> keeps that many for a queue, which
            others may borrow while it does not need them.
          </p>
        )}
      </div>
    </>
  );
}

function Tree({ all }: { all: QueueView[] }) {
  const waiting = all.filter((queue) => queue.waiting > 0).slice(0, MOST_ASKED);
  const firsts = useQueries({
    queries: waiting.map((queue) => ({
      queryKey: ["jobs", "longest", queue.name],
      queryFn: ({ signal }: { signal: AbortSignal }) => jobs({ states: ["queued" as const], queue: queue.name, reverse: true, limit: 1 }, signal),
    })),
  });
  const longest = new Map(waiting.map((queue, i) => [queue.name, firsts[i]?.data?.[0]]));
  if (!all.length) return <Empty>No queue yet.</Empty>;
  return (
    <section className="card">
      <div className="scroll-x" tabIndex={0} role="region" aria-label="The tree of queues">
        <table className="plain-table">
          <thead>
            <tr>
              <th>Queue</th>
              <th className="n">Weight</th>
              <th className="n">Priority</th>
              <th className="n">Waiting</th>
              <th>Longest</th>
              <th className="n">With a place</th>
              <th>Holds</th>
              <th>Guaranteed</th>
              <th>Borrows</th>
              <th>At most</th>
              <th className="n">Share</th>
              <th className="n">Its due</th>
              <th className="n">Costs</th>
            </tr>
          </thead>
          <tbody>
            {all.map((queue) => {
              const first = longest.get(queue.name);
              const depth = queue.name.split("/").length - 1;
              return (
                <tr key={queue.name}>
                  <td style={{ paddingLeft: `${0.5 + 1.1 * depth}rem` }}>
                    <Link href={`/work?queue=${encodeURIComponent(queue.name)}&state=live`} title={queue.name}>
                      {queue.name.split("/").at(-1)}
                    </Link>
                    {queue.message && <div className="small s-queued">{queue.message}</div>}
                  </td>
                  <td className="n">{count(queue.weight)}</td>
                  <td className="n">{count(queue.priority)}</td>
                  <td className="n">{count(queue.waiting)}</td>
                  <td>
                    {first && (
                      <>
                        <Since at={first.submitted_at} /> <JobLink id={first.id} />
                      </>
                    )}
                  </td>
                  <td className="n">{count(queue.running)}</td>
                  <td>
                    <Amounts of={queue.held} />
                  </td>
                  <td>
                    <Amounts of={queue.guarantee} />
                  </td>
                  <td>
                    <Amounts of={queue.borrowed} />
                  </td>
                  <td>
                    <Amounts of={queue.maximum} />
                    {queue.max_usd_per_h !== null && <div>{usdPerHour(queue.max_usd_per_h)}</div>}
                  </td>
                  <td className="n">{percent(queue.share)}</td>
                  <td className="n">{percent(queue.fair_share)}</td>
                  <td className="n">{usdPerHour(queue.usd_per_h)}</td>
                </tr>
              );
            })}
          </tbody>
        </table>
      </div>
    </section>
  );
}

function Amounts({ of }: { of: Record<string, number> }) {
  return (
    <>
      {Object.entries(of).map(([type, amount]) => (
        <div key={type} style={{ whiteSpace: "nowrap" }}>
          {count(amount)} {type}
        </div>
      ))}
    </>
  );
}
