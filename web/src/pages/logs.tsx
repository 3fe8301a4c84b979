// What a worker writes, as it writes it: followed, searched, and never so long that the page suffers.

import { ActionIcon, Button, NativeSelect, Switch, TextInput } from "@mantine/core";
import { useVirtualizer } from "@tanstack/react-virtual";
import { useEffect, useMemo, useRef, useState } from "react";
import type { JobDetail } from "../api/client";
import { logStream } from "../api/client";
import { streamAddress } from "../api/wire";
import { Lines, bytesOf } from "../parts/lines";
import { Empty, Trouble } from "../parts/pieces";
import { count, many } from "../parts/units";

const LINE_PX = 19;
const BEGIN_BYTES = 1024 * 1024;

interface Output {
  lines: Lines;
  version: number;
  ended: boolean;
  error: string;
}

function useOutput(job: string, attempt: number, rank: number): Output {
  const [output, setOutput] = useState<Output>({ lines: new Lines(), version: 0, ended: false, error: "" });
  useEffect(() => {
    const lines = new Lines();
    let version = 0;
    let frame = 0;
    let ended = false;
    let error = "";
    const show = () => {
      // Many pieces may come between two pictures; they are drawn together.
      frame ||= requestAnimationFrame(() => {
        frame = 0;
        version += 1;
        setOutput({ lines, version, ended, error });
      });
    };
    show();
    const source = new EventSource(logStream(job, { attempt, rank, follow: true, offset: -BEGIN_BYTES }));
    source.addEventListener("message", (event: MessageEvent<string>) => {
      lines.take(bytesOf(event.data));
      error = "";
      show();
    });
    source.addEventListener("end", () => {
      ended = true;
      source.close();
      show();
    });
    source.addEventListener("error", (event) => {
      const told = (event as MessageEvent<string>).data;
      if (told) {
        error = (JSON.parse(told) as { message: string }).message;
        source.close();
      } else if (source.readyState === EventSource.CLOSED) {
        error = "The output can't be read now; it may be gone, or the server away.";
      }
      show();
    });
    return () => {
      source.close();
      cancelAnimationFrame(frame);
    };
  }, [job, attempt, rank]);
  return output;
}

export default function Logs({ detail }: { detail: JobDetail }) {
  const newest = detail.attempts.at(-1)?.number ?? 1;
  const [chosen, setChosen] = useState<number | null>(null);
  const [rank, setRank] = useState(0);
  const [follow, setFollow] = useState(true);
  const [text, setText] = useState("");
  const [at, setAt] = useState(0);
  const attempt = chosen ?? newest;
  const output = useOutput(detail.job.id, attempt, rank);
  const found = useMemo(() => (text ? output.lines.find(text) : []), [text, output.lines, output.version]);
  const hit = found.length ? found[((at % found.length) + found.length) % found.length] : undefined;
  const step = (by: number) => {
    setFollow(false);
    setAt((now) => now + by);
  };
  const address = streamAddress(`/v1/jobs/${encodeURIComponent(detail.job.id)}/logs`, { attempt, rank });
  return (
    <section className="card">
      <div className="card-head">
        <h2>Output</h2>
        <a href={address} download={`${detail.job.id}-${attempt}-${rank}.log`} className="small">
          Download
        </a>
      </div>
      <div className="filters">
        <NativeSelect
          label="Attempt"
          value={String(attempt)}
          onChange={(event) => setChosen(Number(event.currentTarget.value))}
          data={detail.attempts.map((one) => String(one.number)).toReversed()}
        />
        {detail.job.workers > 1 && (
          <NativeSelect
            label="Worker (rank)"
            value={String(rank)}
            onChange={(event) => setRank(Number(event.currentTarget.value))}
            data={Array.from({ length: detail.job.workers }, (_, i) => String(i))}
          />
        )}
        <TextInput
          label="Search"
          value={text}
          onChange={(event) => {
            setText(event.currentTarget.value);
            setAt(-1);
          }}
          onKeyDown={(event) => event.key === "Enter" && step(event.shiftKey ? -1 : 1)}
        />
        <Button.Group>
          <ActionIcon variant="default" size={36} aria-label="Match before" disabled={!found.length} onClick={() => step(-1)}>
            ↑
          </ActionIcon>
          <ActionIcon variant="default" size={36} aria-label="Next match" disabled={!found.length} onClick={() => step(1)}>
            ↓
          </ActionIcon>
        </Button.Group>
        <Switch label="Follow" checked={follow} onChange={(event) => setFollow(event.currentTarget.checked)} style={{ paddingBottom: 8 }} />
        <span className="small dim" role="status">
          {text ? `${count(found.length)} of ${many(output.lines.length, "line")}` : many(output.lines.length, "line")}
          {output.ended && ", ended"}
        </span>
      </div>
      {output.error && <Trouble error={output.error} />}
      <Screen output={output} follow={follow} setFollow={setFollow} text={text} hit={hit} />
    </section>
  );
}

interface ScreenProps {
  output: Output;
  follow: boolean;
  setFollow: (follow: boolean) => void;
  text: string;
  hit: number | undefined;
}

function Screen({ output, follow, setFollow, text, hit }: ScreenProps) {
  const scroller = useRef<HTMLDivElement>(null);
  const rows = useVirtualizer({
    count: output.lines.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => LINE_PX,
    overscan: 20,
  });
  const total = output.lines.length;
  useEffect(() => {
    if (follow && total) rows.scrollToIndex(total - 1, { align: "end" });
  }, [follow, total, output.version, rows]);
  useEffect(() => {
    if (hit !== undefined) rows.scrollToIndex(hit, { align: "center" });
  }, [hit, rows]);
  return (
    <div
      className="screen"
      ref={scroller}
      tabIndex={0}
      role="log"
      aria-label="Output"
      onWheel={(event) => event.deltaY < 0 && setFollow(false)}
    >
      {total === 0 && <Empty>{output.ended ? "It wrote nothing." : "Nothing has been written yet."}</Empty>}
      <div style={{ height: rows.getTotalSize(), position: "relative" }}>
        {rows.getVirtualItems().map((item) => (
          <div key={item.key} className={item.index === hit ? "line hit" : "line"} style={{ transform: `translateY(${item.start}px)` }}>
            <span className="number">{output.lines.first + item.index + 1}</span>
            <Marked line={output.lines.at(item.index)} text={text} />
          </div>
        ))}
      </div>
    </div>
  );
}

/** A line with what was searched for marked; always text, whatever is in it. */
function Marked({ line, text }: { line: string; text: string }) {
  const at = text ? line.toLowerCase().indexOf(text.toLowerCase()) : -1;
  if (at < 0) return <span>{line}</span>;
  return (
    <span>
      {line.slice(0, at)}
      <mark>{line.slice(at, at + text.length)}</mark>
      {line.slice(at + text.length)}
    </span>
  );
}
