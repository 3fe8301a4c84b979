// One node: what it is, each accelerator, the work on it, what it costs; taken out of service and back.

import { keepPreviousData, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Button, Modal, TextInput } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { useState } from "react";
import { useParams } from "wouter";
import type { NodeDetail } from "../api/client";
import { drain, events, node, undrain } from "../api/client";
import { DIALOG, Empty, Head, JobLink, Meter, State, Trouble } from "../parts/pieces";
import { At, Since } from "../parts/times";
import { bytes, count, usdPerHour } from "../parts/units";

export default function Node() {
  const { id } = useParams<{ id: string }>();
  const found = useQuery({
    queryKey: ["node", id],
    queryFn: ({ signal }) => node(id, signal),
    placeholderData: keepPreviousData,
    refetchInterval: 5_000,
  });
  if (!found.data)
    return (
      <>
        <Head title={id} />
        {found.error && <Trouble error={found.error} />}
      </>
    );
  const one = found.data.node;
  return (
    <>
      <Head
        title={
          <>
            <span className="break">{one.id}</span> <State of={one.state} />
          </>
        }
      >
        <Service id={one.id} state={one.state} />
      </Head>
      <div className="grid">
        <Facts detail={found.data} />
        <div className="grid two">
          <section className="card">
            <h2>Work on it</h2>
            <WorkOnIt detail={found.data} />
          </section>
          <Story id={one.id} />
        </div>
        {found.data.accelerators.length > 0 && <Accelerators detail={found.data} />}
      </div>
    </>
  );
}

function Service({ id, state }: { id: string; state: string }) {
  const client = useQueryClient();
  const [asking, ask] = useDisclosure(false);
  const [reason, setReason] = useState("");
  const renewed = { onSettled: () => client.invalidateQueries({ queryKey: ["node", id] }) };
  const draining = useMutation({ mutationFn: () => drain(id, { reason }), onSuccess: ask.close, ...renewed });
  const returning = useMutation({ mutationFn: () => undrain(id), ...renewed });
  if (state === "draining")
    return (
      <div className="actions">
        {returning.error && <Trouble error={returning.error} />}
        <Button size="xs" loading={returning.isPending} onClick={() => returning.mutate()}>
          Return to service
        </Button>
      </div>
    );
  return (
    <>
      <Button size="xs" variant="default" onClick={ask.open}>
        Drain
      </Button>
      <Modal opened={asking} onClose={ask.close} title={`Drain ${id}?`} {...DIALOG}>
        <p>It is given no new work. What runs on it goes on to its end.</p>
        <TextInput label="Why, for those who ask later" value={reason} onChange={(event) => setReason(event.currentTarget.value)} data-autofocus />
        {draining.error && <Trouble error={draining.error} />}
        <div className="actions" style={{ marginTop: "1rem" }}>
          <Button variant="default" onClick={ask.close}>
            Let it be
          </Button>
          <Button loading={draining.isPending} onClick={() => draining.mutate()}>
            Drain the node
          </Button>
        </div>
      </Modal>
    </>
  );
}

function Facts({ detail }: { detail: NodeDetail }) {
  const one = detail.node;
  const rows: [string, React.ReactNode][] = [
    ["Pool", one.pool],
    ["Accelerators", one.accelerator ? `${count(one.accelerators)} ${one.accelerator}${one.virtual ? " (pretended)" : ""}, ${count(one.accelerators_free)} free` : "none"],
    ["Cores", `${count(one.cpu_cores)}, ${count(one.cpu_free)} free`],
    ["Memory", `${count(one.memory_gib)} GiB, ${count(Math.round(one.memory_free_gib * 10) / 10)} free`],
    ["Capacity", one.capacity_type],
    ["Costs", usdPerHour(one.price_usd_per_h)],
    ["Of it idle", usdPerHour(detail.idle_usd_per_h)],
    ["There for", <Since at={one.ready_at} />],
  ];
  if (one.region) rows.push(["Region", one.region]);
  if (one.message) rows.push(["Note", one.message]);
  for (const [name, value] of Object.entries(detail.labels)) rows.push([name, value]);
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

function WorkOnIt({ detail }: { detail: NodeDetail }) {
  if (!detail.work.length) return <Empty>Nothing runs on it.</Empty>;
  return (
    <div className="scroll-x" tabIndex={0} role="region" aria-label="Work on it">
      <table className="plain-table">
        <thead>
          <tr>
            <th>Job</th>
            <th>Queue</th>
            <th>Holds</th>
            <th className="n">Cores</th>
            <th className="n">Memory</th>
            <th className="n">Costs</th>
            <th className="n">For</th>
          </tr>
        </thead>
        <tbody>
          {detail.work.map((work) => (
            <tr key={work.attempt}>
              <td>
                <JobLink id={work.job}>
                  {work.job} {work.name}
                </JobLink>
              </td>
              <td>{work.queue}</td>
              <td>
                {work.accelerators.length > 0 && `${detail.node.accelerator} ${work.accelerators.join(", ")}`}
                {work.share > 0 && work.share < 1 && ` (${count(work.share)} of it)`}
              </td>
              <td className="n">{count(work.cpu_cores)}</td>
              <td className="n">{count(Math.round(work.memory_gib * 10) / 10)} GiB</td>
              <td className="n">{usdPerHour(work.usd_per_h)}</td>
              <td className="n">
                <Since at={work.since} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

const MIB = 1024 * 1024;

function Accelerators({ detail }: { detail: NodeDetail }) {
  return (
    <section className="card">
      <h2>Its accelerators</h2>
      <div className="scroll-x" tabIndex={0} role="region" aria-label="Its accelerators">
        <table className="plain-table">
          <thead>
            <tr>
              <th className="n">Index</th>
              <th>Held by</th>
              <th className="n">Busy</th>
              <th style={{ width: "20%" }} aria-label="Busy" />
              <th className="n">Memory</th>
              <th className="n">Power</th>
              <th className="n">Temperature</th>
            </tr>
          </thead>
          <tbody>
            {detail.accelerators.map((one) => (
              <tr key={one.index}>
                <td className="n">{one.index}</td>
                <td>{one.job ? <JobLink id={one.job} /> : <span className="dim">idle</span>}</td>
                <td className="n">{one.utilisation_pct === null ? <span className="dim">not measured</span> : `${Math.round(one.utilisation_pct)} %`}</td>
                <td>
                  {one.utilisation_pct !== null && (
                    <Meter
                      label={`${Math.round(one.utilisation_pct)} % busy`}
                      parts={[
                        { kind: "used", amount: one.utilisation_pct },
                        { kind: "idle", amount: 100 - one.utilisation_pct },
                      ]}
                    />
                  )}
                </td>
                <td className="n">{one.memory_used_mib === null || one.memory_total_mib === null ? "–" : `${bytes(one.memory_used_mib * MIB)} of ${bytes(one.memory_total_mib * MIB)}`}</td>
                <td className="n">{one.power_w === null ? "–" : `${Math.round(one.power_w)} W`}</td>
                <td className="n">{one.temperature_c === null ? "–" : `${Math.round(one.temperature_c)} °C`}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

function Story({ id }: { id: string }) {
  const found = useQuery({ queryKey: ["node", id, "events"], queryFn: ({ signal }) => events({ subject: id, limit: 10_000 }, signal) });
  return (
    <section className="card">
      <h2>Its story</h2>
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
