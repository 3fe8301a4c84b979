// Money: what was spent, by whom and where, over any time; what was idle; as a table that can be taken along.

import { keepPreviousData, useQueries, useQuery } from "@tanstack/react-query";
import { Button, NativeSelect } from "@mantine/core";
import { Suspense, lazy, useMemo, useState } from "react";
import type { CostLine, CostReport, Split } from "../api/client";
import { cost, focus, usage } from "../api/client";
import { Refused } from "../api/wire";
import { csv, download } from "../parts/csv";
import { Empty, Head, JobLink, NodeLink, Trouble } from "../parts/pieces";
import { nowMs, when } from "../parts/times";
import { count, percent, usd } from "../parts/units";
import { useFields } from "../parts/use-search";

const Chart = lazy(() => import("../parts/chart"));

const KEYS = ["queue", "user", "job", "pool", "provider", "region", "capacity-type", "accelerator", "node"];
const TIMES = [
  { value: "today", label: "today" },
  { value: "1", label: "the last 24 hours" },
  { value: "7", label: "the last 7 days" },
  { value: "30", label: "the last 30 days" },
  { value: "all", label: "all time" },
];
const SPLITS: Record<Split, string> = { none: "keep apart", use: "by use", uniform: "evenly", weight: "by the queues' weights" };
const DAY_MS = 86_400_000;
const SHOWN = 200;

function windowOf(time: string): number | null {
  if (time === "today") return new Date(nowMs()).setHours(0, 0, 0, 0) * 1000;
  // To the minute, so that the same question is the same for a while.
  const days = Number(time);
  return days > 0 ? Math.floor((nowMs() - days * DAY_MS) / 60_000) * 60_000_000 : null;
}

/** The bill; where the server has no ledger of its own, the plainer one that every server has. */
async function bill(by: string, from_us: number | null, split: Split, signal: AbortSignal): Promise<CostReport & { plain?: string }> {
  try {
    return await cost({ by, from_us, split, limit: SHOWN }, signal);
  } catch (error) {
    if (!(error instanceof Refused) || error.status === 401) throw error;
    const found = await usage({ by: KEYS.includes(by) && ["queue", "user", "job", "pool", "accelerator"].includes(by) ? by : "queue", from_us }, signal);
    const lines: CostLine[] = found.lines.map((line) => ({ ...line, work_usd: line.cost_usd, idle_usd: "0", overhead_usd: "0" }));
    return {
      by: found.by,
      split: "none",
      from_at: found.from_at,
      to_at: found.to_at,
      lines: lines.slice(0, SHOWN),
      others: 0,
      work_usd: found.work_usd,
      idle_usd: found.idle_usd,
      overhead_usd: "0",
      unallocated_usd: found.idle_usd,
      total_usd: found.capacity_usd,
      accelerator_hours: lines.reduce((sum, line) => sum + line.accelerator_hours, 0),
      idle_accelerator_hours: found.idle_accelerator_hours,
      plain: error.message,
    };
  }
}

export default function Money() {
  const [fields, change] = useFields();
  const time = fields["time"] ?? "7";
  const by = fields["by"] ?? "queue";
  const split = (fields["split"] ?? "none") as Split;
  const from = useMemo(() => windowOf(time), [time]);
  const found = useQuery({
    queryKey: ["usage", "bill", by, split, time],
    queryFn: ({ signal }) => bill(by, from, split, signal),
    placeholderData: keepPreviousData,
    refetchInterval: 30_000,
  });
  const report = found.data;
  const label = by.startsWith("label:") ? by.slice(6) : "";
  return (
    <>
      <Head title="Money">
        <Take report={report} by={by} from={from} />
      </Head>
      <div className="filters">
        <NativeSelect label="Time" value={time} onChange={(event) => change({ time: event.currentTarget.value })} data={TIMES} />
        <NativeSelect
          label="By"
          value={label ? "label" : by}
          onChange={(event) => {
            if (event.currentTarget.value !== "label") return change({ by: event.currentTarget.value });
            const name = window.prompt("The name of the label");
            if (name) change({ by: `label:${name}` });
          }}
          data={[...KEYS, { value: "label", label: label ? `label ${label}` : "a label…" }]}
        />
        <NativeSelect
          label="Idle, overhead"
          value={split}
          onChange={(event) => change({ split: event.currentTarget.value })}
          data={Object.entries(SPLITS).map(([value, text]) => ({ value, label: text }))}
        />
      </div>
      {found.error && !report && <Trouble error={found.error} again={() => void found.refetch()} />}
      {report && (
        <div className="grid">
          {report.plain && <p className="small dim">This is the plain bill, without overhead: {report.plain}</p>}
          <div className="grid tiles">
            <Sum label="In all" value={report.total_usd} more={`${when(report.from_at)} to ${when(report.to_at)}`} />
            <Sum label="Work" value={report.work_usd} more={`${count(Math.round(report.accelerator_hours * 10) / 10)} accelerator hours`} />
            <Sum label="Idle" value={report.idle_usd} more={`${count(Math.round(report.idle_accelerator_hours * 10) / 10)} accelerator hours, ${percent(Number(report.idle_usd) / (Number(report.total_usd) || 1))}`} />
            <Sum label="Overhead" value={report.overhead_usd} more="starting, stopping, work done again" />
          </div>
          <OverTime by={by} from={from ?? Date.parse(report.from_at) * 1000} to={Date.parse(report.to_at) * 1000} plain={report.plain !== undefined} />
          <Lines report={report} by={by} />
        </div>
      )}
    </>
  );
}

function Sum({ label, value, more }: { label: string; value: string; more: string }) {
  return (
    <div className="card">
      <div className="tile-label">{label}</div>
      <div className="tile-value">{usd(value)}</div>
      <div className="tile-more">{more}</div>
    </div>
  );
}

const BUCKETS = 12;
const IN_CHART = 7;

function OverTime({ by, from, to, plain }: { by: string; from: number; to: number; plain: boolean }) {
  // Cut where the window is cut into twelve, and asked again only when the last part grew by a tenth.
  const [edges] = useState(() => Array.from({ length: BUCKETS + 1 }, (_, i) => Math.round(from + ((to - from) * i) / BUCKETS)));
  const parts = useQueries({
    queries: edges.slice(0, -1).map((edge, i) => ({
      queryKey: ["bill-part", by, edge, edges[i + 1]],
      queryFn: ({ signal }: { signal: AbortSignal }) => cost({ by, from_us: edge, to_us: edges[i + 1], limit: IN_CHART }, signal),
      enabled: !plain && to > from,
      staleTime: Infinity,
    })),
  });
  if (plain || parts.some((part) => !part.data)) return null;
  const totals = new Map<string, number>();
  for (const part of parts) for (const line of part.data!.lines) totals.set(line.name, (totals.get(line.name) ?? 0) + Number(line.cost_usd));
  const names = [...totals].toSorted((a, b) => b[1] - a[1]).slice(0, IN_CHART).map(([name]) => name);
  const series = names.map((name) => ({
    name: name || "(none)",
    stack: "all",
    values: parts.map((part) => Number(part.data!.lines.find((line) => line.name === name)?.cost_usd ?? 0)),
  }));
  series.push({ name: "idle and overhead", stack: "all", values: parts.map((part) => Number(part.data!.unallocated_usd)) });
  return (
    <section className="card">
      <h2>Over time</h2>
      <Suspense fallback={<div style={{ height: 260 }} />}>
        <Chart kind="bar" at={edges.slice(0, -1).map((edge) => when(edge / 1000).replace(/:\d\d$/, ""))} series={series} tell={usd} label={`Cost by ${by} over time`} />
      </Suspense>
    </section>
  );
}

function Name({ line, by }: { line: CostLine; by: string }) {
  if (by === "job" && line.key.startsWith("j")) return <JobLink id={line.key}>{`${line.key} ${line.name}`}</JobLink>;
  if (by === "node" && line.key) return <NodeLink id={line.key} />;
  return <>{line.name || "(none)"}</>;
}

function Lines({ report, by }: { report: CostReport; by: string }) {
  if (!report.lines.length) return <Empty>Nothing was held in this time, so nothing is on the bill but idle capacity.</Empty>;
  return (
    <section className="card">
      <div className="scroll-x" tabIndex={0} role="region" aria-label="The bill">
        <table className="plain-table">
          <thead>
            <tr>
              <th>{by}</th>
              <th className="n">Accelerator hours</th>
              <th className="n">Core hours</th>
              <th className="n">GiB hours</th>
              <th className="n">Work</th>
              <th className="n">Idle</th>
              <th className="n">Overhead</th>
              <th className="n">In all</th>
            </tr>
          </thead>
          <tbody>
            {report.lines.map((line) => (
              <tr key={line.key}>
                <td className="break">
                  <Name line={line} by={by} />
                </td>
                <td className="n">{line.accelerator_hours.toFixed(2)}</td>
                <td className="n">{line.cpu_hours.toFixed(2)}</td>
                <td className="n">{line.memory_gib_hours.toFixed(2)}</td>
                <td className="n">{usd(line.work_usd)}</td>
                <td className="n">{usd(line.idle_usd)}</td>
                <td className="n">{usd(line.overhead_usd)}</td>
                <td className="n">{usd(line.cost_usd)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {Number(report.unallocated_usd) > 0 && <p className="small dim">{usd(report.unallocated_usd)} of idle time and overhead stand on no line.</p>}
      {report.others > 0 && <p className="small dim">The last line sums up {count(report.others)} more.</p>}
    </section>
  );
}

function Take({ report, by, from }: { report: CostReport | undefined; by: string; from: number | null }) {
  const [error, setError] = useState<unknown>(null);
  const table = () => {
    if (!report) return;
    const columns = [by, "name", "accelerator_hours", "cpu_hours", "memory_gib_hours", "work_usd", "idle_usd", "overhead_usd", "cost_usd"];
    const rows = report.lines.map((line) => [line.key, line.name, line.accelerator_hours, line.cpu_hours, line.memory_gib_hours, line.work_usd, line.idle_usd, line.overhead_usd, line.cost_usd]);
    download(`tauon-cost-by-${by.replace(":", "-")}.csv`, csv(columns, rows));
  };
  const open = () =>
    focus({ from_us: from }).then(
      (found) => {
        setError(null);
        download(`tauon-focus-${found.version}.csv`, csv(found.columns, found.rows));
      },
      (reason: unknown) => setError(reason),
    );
  return (
    <div className="actions">
      {error !== null && <Trouble error={error} />}
      <Button size="xs" variant="default" onClick={table} disabled={!report}>
        CSV
      </Button>
      <Button size="xs" variant="default" onClick={() => void open()}>
        FOCUS
      </Button>
    </div>
  );
}
