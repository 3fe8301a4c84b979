// Now: capacity, the line, money and what needs attention, on one screen.

import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { Link } from "wouter";
import type { CapacityView, Overview } from "../api/client";
import { events, overview, queues, usage } from "../api/client";
import { useNewest } from "../live/use-live";
import { About, Empty, Head, Meter, Trouble } from "../parts/pieces";
import { At, Since, serverTime, todayUs } from "../parts/times";
import { count, duration, many, percent, usd, usdPerHour } from "../parts/units";

export default function Now() {
  const found = useQuery({
    queryKey: ["overview"],
    queryFn: async ({ signal }) => {
      const answer = await overview(signal);
      serverTime(answer.at);
      return answer;
    },
    placeholderData: keepPreviousData,
    refetchInterval: 30_000,
  });
  return (
    <>
      <Head title="Now" />
      {found.error && !found.data && <Trouble error={found.error} again={() => void found.refetch()} />}
      <div className="grid">
        <Tiles now={found.data} />
        <div className="grid two">
          <div className="grid" style={{ alignContent: "start" }}>
            <Capacity now={found.data} />
            <Line />
          </div>
          <div className="grid" style={{ alignContent: "start" }}>
            <NeedsAttention now={found.data} />
            <Latest />
          </div>
        </div>
      </div>
    </>
  );
}

function Tile({ label, value, more }: { label: string; value: string; more: string }) {
  return (
    <div className="card">
      <div className="tile-label">{label}</div>
      <div className="tile-value">{value}</div>
      <div className="tile-more">{more}</div>
    </div>
  );
}

function Tiles({ now }: { now: Overview | undefined }) {
  const today = useQuery({
    queryKey: ["usage", "today"],
    queryFn: ({ signal }) => usage({ by: "queue", from_us: todayUs() }, signal),
    refetchInterval: 30_000,
  });
  const gpus = (now?.capacity ?? []).filter((one) => one.accelerator);
  const total = gpus.reduce((sum, one) => sum + one.total, 0);
  const used = gpus.reduce((sum, one) => sum + one.used, 0);
  const jobs = now?.jobs;
  const running = (jobs?.["running"] ?? 0) + (jobs?.["starting"] ?? 0) + (jobs?.["preempting"] ?? 0);
  return (
    <div className="grid tiles">
      <Tile
        label="Accelerators in use"
        value={now ? `${count(used)} of ${count(total)}` : ""}
        more={now ? (total ? `${percent(used / total)} of all` : "no pool has any") : ""}
      />
      <Tile label="Jobs with a place" value={jobs ? count(running) : ""} more={jobs ? `${count(jobs["starting"] ?? 0)} starting, ${count(jobs["preempting"] ?? 0)} stopping` : ""} />
      <Tile
        label="Jobs waiting"
        value={jobs ? count(jobs["queued"] ?? 0) : ""}
        more={now ? (now.longest_waiting ? `longest for ${duration(now.longest_wait_s)}` : "nobody waits") : ""}
      />
      <Tile label="Cost of all capacity" value={now ? usdPerHour(now.usd_per_h) : ""} more={now ? `${usdPerHour(now.idle_usd_per_h)} of it idle` : ""} />
      <Tile
        label="Spent today"
        value={today.data ? usd(today.data.capacity_usd) : ""}
        more={today.data ? `${usd(today.data.work_usd)} work, ${usd(today.data.idle_usd)} idle` : ""}
      />
    </div>
  );
}

function partsOf(one: CapacityView) {
  const well = one.unhealthy === 0;
  return [
    { kind: well ? ("used" as const) : ("bad" as const), amount: well ? one.used : one.total },
    { kind: "going" as const, amount: well ? one.going : 0 },
    { kind: "idle" as const, amount: well ? one.idle : 0 },
    { kind: "coming" as const, amount: one.coming },
  ];
}

function Capacity({ now }: { now: Overview | undefined }) {
  return (
    <section className="card">
      <div className="card-head">
        <h2>Capacity</h2>
        <div className="legend">
          <span>
            <i className="m-used" />
            used
          </span>
          <span>
            <i className="m-idle" />
            idle
          </span>
          <span>
            <i className="m-going" />
            going
          </span>
          <span>
            <i className="m-coming" />
            coming
          </span>
          <span>
            <i className="m-bad" />
            unhealthy
          </span>
        </div>
      </div>
      {now && now.capacity.length === 0 && (
        <Empty>
          No pool has a node yet. <code>tauon up --virtual-gpus H100:8</code> starts a server with eight pretended ones.
        </Empty>
      )}
      {now && now.capacity.length > 0 && (
        <div className="scroll-x" tabIndex={0} role="region" aria-label="Capacity by pool and type">
          <table className="plain-table">
            <thead>
              <tr>
                <th>Pool</th>
                <th>Type</th>
                <th className="n">Used</th>
                <th className="n">Of</th>
                <th className="n">Idle</th>
                <th style={{ width: "30%" }}>Share</th>
                <th className="n">Nodes</th>
                <th className="n">Cost</th>
              </tr>
            </thead>
            <tbody>
              {now.capacity.map((one) => (
                <tr key={`${one.pool}/${one.accelerator}`}>
                  <td className="break">{one.pool}</td>
                  <td>{one.accelerator || <span className="dim">plain nodes</span>}</td>
                  <td className="n">{count(one.used)}</td>
                  <td className="n">{count(one.total)}</td>
                  <td className="n">{count(one.idle)}</td>
                  <td>
                    <Meter
                      parts={partsOf(one)}
                      label={`${count(one.used)} used, ${count(one.idle)} idle, ${count(one.going)} going, ${count(one.coming)} coming, ${count(one.unhealthy)} unhealthy`}
                    />
                  </td>
                  <td className="n">{count(one.nodes)}</td>
                  <td className="n">{usdPerHour(one.usd_per_h)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </section>
  );
}

function Line() {
  const found = useQuery({ queryKey: ["queues"], queryFn: ({ signal }) => queues(signal), refetchInterval: 30_000 });
  const rows = (found.data ?? []).filter((queue) => !queue.name.includes("/"));
  return (
    <section className="card">
      <div className="card-head">
        <h2>Queues</h2>
        <Link href="/queues" className="small">
          All queues
        </Link>
      </div>
      {found.error && !found.data && <Trouble error={found.error} />}
      <div className="scroll-x" tabIndex={0} role="region" aria-label="Queues">
        <table className="plain-table">
          <thead>
            <tr>
              <th>Queue</th>
              <th className="n">Waiting</th>
              <th className="n">With a place</th>
              <th className="n">Accelerators</th>
              <th className="n">Share</th>
              <th className="n">Its due</th>
              <th className="n">Cost</th>
            </tr>
          </thead>
          <tbody>
            {rows.map((queue) => (
              <tr key={queue.name}>
                <td className="break">
                  <Link href={`/work?queue=${encodeURIComponent(queue.name)}`}>{queue.name}</Link>
                </td>
                <td className="n">{count(queue.waiting)}</td>
                <td className="n">{count(queue.running)}</td>
                <td className="n">{count(queue.accelerators_held)}</td>
                <td className="n">{percent(queue.share)}</td>
                <td className="n">{percent(queue.fair_share)}</td>
                <td className="n">{usdPerHour(queue.usd_per_h)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

function NeedsAttention({ now }: { now: Overview | undefined }) {
  const things = now?.attention ?? [];
  return (
    <section className="card">
      <h2>Needs attention{things.length > 0 && ` (${things.length})`}</h2>
      {now && things.length === 0 && <Empty>Nothing. Pools answer, nodes take work, nothing failed within a day.</Empty>}
      <ul className="list" style={{ maxHeight: "15rem", overflowY: "auto" }} tabIndex={0} aria-label="What needs attention">
        {things.map((thing, i) => (
          <li key={`${thing.about}/${thing.name}/${i}`}>
            <About about={thing.about} name={thing.name} /> <span className="break">{thing.text}</span>
            {thing.since && (
              <span className="dim">
                {" "}
                (<Since at={thing.since} /> ago)
              </span>
            )}
          </li>
        ))}
      </ul>
    </section>
  );
}

const FEED = 40;

function Latest() {
  const past = useQuery({ queryKey: ["events", "latest"], queryFn: ({ signal }) => events({ after: -FEED }, signal), staleTime: 5_000 });
  const newest = useNewest(past.data, FEED);
  return (
    <section className="card">
      <div className="card-head">
        <h2>What just happened</h2>
        <Link href="/why" className="small">
          The whole story
        </Link>
      </div>
      {past.data && newest.length === 0 && <Empty>Nothing yet. Everything that happens is told here, as it happens.</Empty>}
      <ul className="list feed" tabIndex={0} aria-label={`The latest ${many(FEED, "event")}`}>
        {newest.map((event) => (
          <li key={event.seq} data-seq={event.seq}>
            <At at={event.at} />
            <span className="break">{event.text}</span>
          </li>
        ))}
      </ul>
    </section>
  );
}
