// Fleet: every accelerator as a cell on a canvas of which only what is in sight is drawn.

import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { NativeSelect, TextInput, useComputedColorScheme } from "@mantine/core";
import { useElementSize } from "@mantine/hooks";
import { useEffect, useMemo, useRef, useState, type KeyboardEvent, type PointerEvent } from "react";
import { useLocation } from "wouter";
import type { Fleet as FleetView } from "../api/client";
import { fleet } from "../api/client";
import { Empty, Head, Trouble } from "../parts/pieces";
import { count, duration, many, usdPerHour } from "../parts/units";
import { useFields } from "../parts/use-search";
import { type Colouring, type Way, colour } from "./fleet-colours";
import { HEAD_PX, type Layout, type Spot, cellsBetween, cornerOf, layOut, spotAt } from "./fleet-layout";

const WAYS: { value: Way; label: string }[] = [
  { value: "owner", label: "who holds it" },
  { value: "utilisation", label: "utilisation" },
  { value: "price", label: "price" },
  { value: "health", label: "health" },
  { value: "age", label: "age" },
];

export default function Fleet() {
  const [fields, change] = useFields();
  const way = (fields["colour"] ?? "owner") as Way;
  const found = useQuery({
    queryKey: ["fleet"],
    queryFn: ({ signal }) => fleet(signal),
    placeholderData: keepPreviousData,
    refetchInterval: way === "utilisation" ? 5_000 : 30_000,
  });
  const data = found.data;
  const cells = data?.holders.length ?? 0;
  return (
    <div className="fills">
      <Head title="Fleet">
        <span className="dim small" role="status">
          {data && `${many(data.ids.length, "node")}, ${many(cells, "accelerator")}, ${count(data.holders.filter((holder) => holder >= 0).length)} held`}
        </span>
      </Head>
      <div className="filters">
        <NativeSelect label="Colour by" value={way} onChange={(event) => change({ colour: event.currentTarget.value }, { replace: true })} data={WAYS} />
        <NativeSelect
          label="Size"
          value={fields["size"] ?? ""}
          onChange={(event) => change({ size: event.currentTarget.value }, { replace: true })}
          data={[{ value: "", label: "to fit" }, ...["5", "8", "12", "18", "26"].map((size) => ({ value: size, label: `${size} px` }))]}
        />
        <Find data={data} />
      </div>
      {found.error && !data && <Trouble error={found.error} again={() => void found.refetch()} />}
      {data && data.ids.length === 0 && (
        <Empty>
          No pool has a node yet. <code>tauon up --virtual-gpus H100:8</code> starts a server with eight pretended accelerators.
        </Empty>
      )}
      {data && data.ids.length > 0 && <Map data={data} way={way} size={Number(fields["size"] ?? 0)} />}
    </div>
  );
}

function Find({ data }: { data: FleetView | undefined }) {
  const [text, setText] = useState("");
  const [, go] = useLocation();
  const fitting = text ? (data?.ids ?? []).filter((id) => id.includes(text)).slice(0, 20) : [];
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        const there = data?.ids.includes(text) ? text : fitting[0];
        if (there) go(`/nodes/${encodeURIComponent(there)}`);
      }}
    >
      <TextInput label="Go to node" value={text} onChange={(event) => setText(event.currentTarget.value)} list="nodes" />
      <datalist id="nodes">
        {fitting.map((id) => (
          <option key={id} value={id} />
        ))}
      </datalist>
    </form>
  );
}

/** The largest cells with which all of it is in sight; small ones where that can't be. */
function sizeFor(data: FleetView, width: number, height: number): number {
  for (const size of [26, 18, 12, 8]) if (layOut(data, width, size).height <= height) return size;
  return data.holders.length > 20_000 ? 6 : 8;
}

function Map({ data, way, size }: { data: FleetView; way: Way; size: number }) {
  const dark = useComputedColorScheme("light") === "dark";
  const { ref, width, height } = useElementSize<HTMLDivElement>();
  const canvas = useRef<HTMLCanvasElement>(null);
  const scroller = useRef<HTMLDivElement | null>(null);
  const [spot, setSpot] = useState<Spot | null>(null);
  const [, go] = useLocation();
  const layout = useMemo(() => (width ? layOut(data, width, size || sizeFor(data, width, height)) : null), [data, width, height, size]);
  const colouring = useMemo(() => colour(data, way, dark), [data, way, dark]);
  const drawing = useRef({ layout, colouring, data, spot, dark, width, height });
  drawing.current = { layout, colouring, data, spot, dark, width, height };
  const redraw = useRef(0);
  const ask = () => {
    redraw.current ||= requestAnimationFrame(() => {
      redraw.current = 0;
      const now = drawing.current;
      if (canvas.current && now.layout) draw(canvas.current, { ...now, layout: now.layout, top: scroller.current?.scrollTop ?? 0 });
    });
  };
  useEffect(ask, [layout, colouring, data, spot, dark, width, height]);
  useEffect(() => () => cancelAnimationFrame(redraw.current), []);

  const at = (event: PointerEvent): Spot | null => {
    const box = canvas.current?.getBoundingClientRect();
    return layout && box ? spotAt(layout, event.clientX - box.left, event.clientY - box.top + (scroller.current?.scrollTop ?? 0)) : null;
  };
  const open = (to: Spot | null) => to && go(`/nodes/${encodeURIComponent(data.ids[to.node]!)}`);
  const move = (event: KeyboardEvent) => {
    if (!layout) return;
    const here = spot ?? { node: 0, index: 0, cell: 0 };
    const corner = cornerOf(layout, here.node);
    const by = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: corner?.group.perRow ?? 1, ArrowUp: -(corner?.group.perRow ?? 1) }[event.key];
    if (event.key === "Enter") return open(spot);
    if (by === undefined) return;
    event.preventDefault();
    const node = Math.max(0, Math.min(data.ids.length - 1, spot ? here.node + by : 0));
    const next = cornerOf(layout, node);
    if (!next) return;
    setSpot({ node, index: 0, cell: next.group.firstCell + (node - next.group.first) * next.group.cells });
    const inner = scroller.current;
    if (inner && (next.y < inner.scrollTop + HEAD_PX || next.y > inner.scrollTop + inner.clientHeight - 40)) inner.scrollTop = next.y - inner.clientHeight / 2;
  };
  return (
    <div className="card fleet">
      <div className="legend">
        {colouring.legend.map((one) => (
          <span key={one.text}>
            <i style={{ background: one.colour }} />
            {one.text}
          </span>
        ))}
      </div>
      <div
        className="map"
        ref={(element) => {
          scroller.current = element;
          ref(element);
        }}
        onScroll={ask}
        tabIndex={0}
        role="application"
        aria-label="Nodes and their accelerators: arrow keys go from node to node, Enter opens one"
        onKeyDown={move}
      >
        <canvas
          ref={canvas}
          onPointerMove={(event) => setSpot(at(event))}
          onPointerLeave={() => setSpot(null)}
          onClick={(event) => open(at(event as unknown as PointerEvent))}
          style={{ cursor: spot ? "pointer" : "default" }}
        />
        <div style={{ height: Math.max(0, (layout?.height ?? 0) - height) }} />
      </div>
      <Told data={data} spot={spot} />
    </div>
  );
}

interface Drawn {
  layout: Layout;
  colouring: Colouring;
  data: FleetView;
  spot: Spot | null;
  dark: boolean;
  width: number;
  height: number;
  top: number;
}

function draw(canvas: HTMLCanvasElement, drawn: Drawn): void {
  const { layout, colouring, data, spot, dark, width, height, top } = drawn;
  const ratio = window.devicePixelRatio || 1;
  if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
    canvas.style.width = `${width}px`;
    canvas.style.height = `${height}px`;
  }
  const pen = canvas.getContext("2d");
  if (!pen) return;
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.clearRect(0, 0, width, height);
  let last = -1;
  cellsBetween(layout, top, top + height, (cell, x, y) => {
    const which = colouring.cells[cell]!;
    if (which !== last) {
      pen.fillStyle = colouring.colours[which] ?? "#888";
      last = which;
    }
    pen.fillRect(x, y - top, layout.cell, layout.cell);
  });
  pen.fillStyle = dark ? "#e4e7ec" : "#1c2026";
  pen.font = "600 12px system-ui, sans-serif";
  for (const group of layout.groups) {
    const y = group.top - 8 - top;
    if (y > -20 && y < height + 20) pen.fillText(`${data.pools[group.pool] ?? ""} · ${data.types[group.type] || "plain nodes"} · ${many(group.nodes, "node")}`, 0, y);
  }
  outlines(pen, drawn);
  const corner = spot && cornerOf(layout, spot.node);
  if (corner) {
    pen.strokeStyle = dark ? "#ffffff" : "#111111";
    pen.lineWidth = 1.5;
    pen.strokeRect(corner.x - 1.5, corner.y - top - 1.5, corner.group.nodeWidth - 2, corner.group.nodeHeight - 2);
  }
}

/** Nodes that take no new work are framed, whatever they are coloured by. */
function outlines(pen: CanvasRenderingContext2D, { layout, data, dark, height, top }: Drawn): void {
  pen.strokeStyle = dark ? "#d69e2e" : "#b7791f";
  pen.lineWidth = 1;
  for (let node = 0; node < data.state.length; node += 1) {
    if (data.state[node] === "ready") continue;
    const corner = cornerOf(layout, node);
    if (corner && corner.y > top - 50 && corner.y < top + height) pen.strokeRect(corner.x - 1.5, corner.y - top - 1.5, corner.group.nodeWidth - 2, corner.group.nodeHeight - 2);
  }
}

function Told({ data, spot }: { data: FleetView; spot: Spot | null }) {
  if (!spot || spot.node >= data.ids.length) return <p className="told dim small">Point at a cell, or walk with the arrow keys; a click or Enter opens the node.</p>;
  const holder = data.holders[spot.cell] ?? -1;
  const busy = data.utilisation[spot.cell] ?? -1;
  return (
    <p className="told small" role="status">
      <strong>{data.ids[spot.node]}</strong> {data.types[data.type[spot.node]!] || "plain node"} {data.count[spot.node]! > 0 && spot.index} in{" "}
      {data.pools[data.pool[spot.node]!]}, {data.state[spot.node]}, {usdPerHour(data.usd_per_h[spot.node]!)} the node, there for{" "}
      {duration(data.age_s[spot.node]!)};{" "}
      {holder < 0 ? "idle" : `held by ${data.jobs[holder]} of queue ${data.queues[data.job_queue[holder]!]}`}
      {busy >= 0 && `, ${busy} % busy`}
    </p>
  );
}
