// One workload: why it is where it is, its attempts over time and places, what it writes, what it costs.

import { keepPreviousData, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Button, Modal } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { Suspense, lazy } from "react";
import { Link, useParams } from "wouter";
import type { AttemptView, JobDetail } from "../api/client";
import { cancel, events, explain, job } from "../api/client";
import { DIALOG, Empty, Head, JobLink, NodeLink, State, Trouble } from "../parts/pieces";
import { At, Since, nowMs, useSecond, when } from "../parts/times";
import { count, duration, many, usd } from "../parts/units";

const Logs = lazy(() => import("./logs"));

const ENDED = new Set(["succeeded", "failed", "cancelled"]);

export default function Workload() {
  const { id } = useParams<{ id: string }>();
  const found = useQuery({
    queryKey: ["job", id],
    queryFn: ({ signal }) => job(id, signal),
    placeholderData: keepPreviousData,
    refetchInterval: (query) => (ENDED.has(query.state.data?.job.state ?? "") ? false : 10_000),
  });
  if (!found.data) return found.error ? <Gone id={id} error={found.error} /> : <Head title={id} />;
  const { job: one } = found.data;
  const ended = ENDED.has(one.state);
  return (
    <>
      <Head
        title={
          <>
            <span className="break">{one.name || one.id}</span> <span className="dim">{one.id}</span> <State of={one.state} />
          </>
        }
      >
        <Actions detail={found.data} />
      </Head>
      <div className="grid">
        <Facts detail={found.data} />
        <div className="grid two">
          <Timeline detail={found.data} />
          {ended ? <How detail={found.data} /> : <Why id={one.id} />}
        </div>
        <Suspense fallback={null}>
          {found.data.attempts.length > 0 ? (
            <Logs key={one.id} detail={found.data} />
          ) : (
            <section className="card">
              <h2>Output</h2>
              <Empty>It has not started yet, so it has written nothing.</Empty>
            </section>
          )}
        </Suspense>
        <div className="grid two">
          <Story id={one.id} />
          <section className="card">
            <h2>The document as submitted</h2>
            <pre className="mono document" tabIndex={0}>
              {JSON.stringify(found.data.spec, null, 2)}
            </pre>
          </section>
        </div>
      </div>
    </>
  );
}

function Gone({ id, error }: { id: string; error: unknown }) {
  return (
    <>
      <Head title={id} />
      <Trouble error={error} />
      <Empty>
        <Link href="/work">All work</Link>
      </Empty>
    </>
  );
}

function Actions({ detail }: { detail: JobDetail }) {
  const client = useQueryClient();
  const [asking, ask] = useDisclosure(false);
  const one = detail.job;
  const cancelling = useMutation({
    mutationFn: () => cancel(one.id),
    onSettled: () => client.invalidateQueries({ queryKey: ["job", one.id] }),
    onSuccess: ask.close,
  });
  return (
    <div className="actions">
      <Link href={`/submit?from=${encodeURIComponent(one.id)}`} className="small">
        Submit it again
      </Link>
      {!ENDED.has(one.state) && (
        <Button className="danger" variant="outline" size="xs" onClick={ask.open}>
          Cancel
        </Button>
      )}
      <Modal opened={asking} onClose={ask.close} title={`Cancel ${one.id}?`} {...DIALOG}>
        <p className="break">
          {one.name} {one.state === "queued" ? "leaves the line at once" : "is told to stop, has its notice to save what it wants, and ends"}.
        </p>
        {cancelling.error && <Trouble error={cancelling.error} />}
        <div className="actions">
          <Button variant="default" onClick={ask.close}>
            Let it be
          </Button>
          <Button color="red" loading={cancelling.isPending} onClick={() => cancelling.mutate()}>
            Cancel the job
          </Button>
        </div>
      </Modal>
    </div>
  );
}

function Facts({ detail }: { detail: JobDetail }) {
  const one = detail.job;
  const rows: [string, React.ReactNode][] = [
    ["Queue", <Link href={`/work?queue=${encodeURIComponent(one.queue)}`}>{one.queue}</Link>],
    ["User", one.user],
    ["Asks for", one.request],
    ["Priority", count(one.priority)],
    ["Submitted", <At at={one.submitted_at} />],
    ["Waited", duration(detail.waited_s)],
    ["Accelerator hours", count(Math.round(detail.accelerator_hours * 1000) / 1000)],
    ["Cost so far", usd(detail.cost_usd)],
    ["Preemptions", count(one.preemptions)],
    ["Retries", count(one.retries)],
  ];
  if (detail.run_time) {
    const { low_s, middle_s, high_s } = detail.run_time;
    rows.push(["Still to run", `about ${duration(middle_s)} (${duration(low_s)} to ${duration(high_s)})`]);
  }
  for (const [name, value] of Object.entries(one.labels)) rows.push([name, value]);
  return (
    <dl className="card facts">
      {rows.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd className="break">{value}</dd>
        </div>
      ))}
    </dl>
  );
}

function Why({ id }: { id: string }) {
  const found = useQuery({ queryKey: ["job", id, "explain"], queryFn: ({ signal }) => explain(id, signal), refetchInterval: 10_000 });
  const said = found.data;
  return (
    <section className="card">
      <h2>Why it is where it is</h2>
      {found.error && !said && <Trouble error={found.error} />}
      {said && (
        <>
          <p className="said break">{said.message}</p>
          {said.ahead > 0 && <p className="small">{many(said.ahead, "equal job")} came first.</p>}
          {said.waits_for.length > 0 && (
            <p className="small">
              It waits for{" "}
              {said.waits_for.map((other, i) => (
                <span key={other}>
                  {i > 0 && ", "}
                  <JobLink id={other} />
                </span>
              ))}
              .
            </p>
          )}
          <ul className="list">
            {said.pools.map((pool, i) => (
              <li key={`${pool.pool}/${i}`}>
                <strong>{pool.pool}</strong> <span className="break">{pool.message}</span>
              </li>
            ))}
          </ul>
        </>
      )}
    </section>
  );
}

function How({ detail }: { detail: JobDetail }) {
  const one = detail.job;
  return (
    <section className="card">
      <h2>How it ended</h2>
      <p className="said break">{one.message || `It has ${one.state}.`}</p>
      <p className="small dim">
        {one.ended_at && <At at={one.ended_at} />}, after {many(one.attempts, "attempt")}.
      </p>
    </section>
  );
}

interface Bar {
  key: string;
  from: number;
  to: number;
  kind: "wait" | "run" | "bad" | "start";
  text: string;
}

/** What happened between the submission and now (or the end), in order. */
export function barsOf(detail: JobDetail, now: number): Bar[] {
  const bars: Bar[] = [];
  let at = Date.parse(detail.job.submitted_at);
  const end = detail.job.ended_at ? Date.parse(detail.job.ended_at) : now;
  for (const attempt of detail.attempts) {
    const placed = Date.parse(attempt.placed_at);
    if (placed > at) bars.push({ key: `w${attempt.number}`, from: at, to: placed, kind: "wait", text: "waiting" });
    const over = attempt.ended_at ? Date.parse(attempt.ended_at) : now;
    const ran = attempt.running_at ? Date.parse(attempt.running_at) : over;
    const place = `attempt ${attempt.number} in ${attempt.pool}`;
    if (ran > placed) bars.push({ key: `s${attempt.number}`, from: placed, to: ran, kind: "start", text: `starting, ${place}` });
    const bad = attempt.outcome !== null && attempt.outcome !== "succeeded";
    if (over > ran) bars.push({ key: `r${attempt.number}`, from: ran, to: over, kind: bad ? "bad" : "run", text: place + (attempt.outcome ? `: ${attempt.outcome}` : "") });
    at = Math.max(at, over);
  }
  if (end > at) bars.push({ key: "last", from: at, to: end, kind: "wait", text: "waiting" });
  return bars;
}

function Timeline({ detail }: { detail: JobDetail }) {
  useSecond();
  const bars = barsOf(detail, nowMs());
  const from = bars[0]?.from ?? 0;
  const whole = Math.max(1, (bars.at(-1)?.to ?? 0) - from);
  return (
    <section className="card">
      <div className="card-head">
        <h2>Its attempts over time</h2>
        <div className="legend">
          <span>
            <i className="b-wait" />
            waits
          </span>
          <span>
            <i className="b-start" />
            starts
          </span>
          <span>
            <i className="b-run" />
            runs
          </span>
          <span>
            <i className="b-bad" />
            ended badly
          </span>
        </div>
      </div>
      <div className="bars" role="img" aria-label={bars.map((bar) => `${bar.text} for ${duration((bar.to - bar.from) / 1000)}`).join("; ")}>
        {bars.map((bar) => (
          <span
            key={bar.key}
            className={`b-${bar.kind}`}
            style={{ left: `${(100 * (bar.from - from)) / whole}%`, width: `${(100 * (bar.to - bar.from)) / whole}%` }}
            title={`${bar.text}: ${duration((bar.to - bar.from) / 1000)}, from ${when(bar.from)}`}
          />
        ))}
      </div>
      <div className="between small dim">
        <span>{when(from)}</span>
        <span>{detail.job.ended_at ? when(detail.job.ended_at) : "now"}</span>
      </div>
      <Attempts attempts={detail.attempts} />
    </section>
  );
}

function Attempts({ attempts }: { attempts: AttemptView[] }) {
  if (!attempts.length) return <Empty>No attempt yet.</Empty>;
  return (
    <div className="scroll-x" tabIndex={0} role="region" aria-label="Attempts">
      <table className="plain-table">
        <thead>
          <tr>
            <th className="n">Attempt</th>
            <th>State</th>
            <th>Where</th>
            <th className="n">Ran</th>
            <th>How it ended</th>
          </tr>
        </thead>
        <tbody>
          {attempts.toReversed().map((attempt) => (
            <tr key={attempt.id}>
              <td className="n">{attempt.number}</td>
              <td>
                <State of={attempt.outcome ?? attempt.state} />
              </td>
              <td>
                {attempt.pool}
                <Workers of={attempt} />
              </td>
              <td className="n">{attempt.running_at ? <Since at={attempt.running_at} until={attempt.ended_at} /> : "–"}</td>
              <td className="break">
                {attempt.message}
                {attempt.stop_cause && <span className="dim"> (stopped: {attempt.stop_cause})</span>}
                {attempt.exit_codes.some((code) => code) && <span className="dim"> exit codes {attempt.exit_codes.map((code) => code ?? "–").join(", ")}</span>}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

const MOST_WORKERS = 6;

function Workers({ of }: { of: AttemptView }) {
  return (
    <div className="small dim">
      {of.workers.slice(0, MOST_WORKERS).map((worker, rank) => {
        const [node = "", indices] = worker.split(":");
        return (
          <div key={rank}>
            <NodeLink id={node} />
            {indices && ` ${of.accelerator} ${indices}`}
          </div>
        );
      })}
      {of.workers.length > MOST_WORKERS && <div>and {many(of.workers.length - MOST_WORKERS, "more worker")}</div>}
    </div>
  );
}

function Story({ id }: { id: string }) {
  const found = useQuery({
    queryKey: ["job", id, "events"],
    queryFn: ({ signal }) => events({ subject: id, limit: 10_000 }, signal),
  });
  return (
    <section className="card">
      <div className="card-head">
        <h2>Its story</h2>
        <Link href={`/why?subject=${encodeURIComponent(id)}`} className="small">
          In the journal
        </Link>
      </div>
      {found.error && !found.data && <Trouble error={found.error} />}
      <ul className="list feed" tabIndex={0} aria-label="What happened to it">
        {(found.data ?? []).toReversed().map((event) => (
          <li key={event.seq}>
            <At at={event.at} />
            <span className="break">{event.text}</span>
          </li>
        ))}
      </ul>
    </section>
  );
}
