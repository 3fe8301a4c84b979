// Work: all jobs in one table that the server filters, sorts and pages, however many there are.

import { keepPreviousData, useQueries, useQuery } from "@tanstack/react-query";
import { Button, Menu, NativeSelect, TextInput } from "@mantine/core";
import { useDebouncedCallback } from "@mantine/hooks";
import { useVirtualizer } from "@tanstack/react-virtual";
import { memo, useEffect, useRef, useState } from "react";
import { Link } from "wouter";
import type { JobOrder, JobState, JobView } from "../api/client";
import { countJobs, jobs, queues } from "../api/client";
import { Empty, Head, JobLink, State, Trouble } from "../parts/pieces";
import { Since } from "../parts/times";
import { count } from "../parts/units";
import { type Fields, useFields } from "../parts/use-search";

const PAGE = 100;
const ROW_PX = 38;
const STATES = ["queued", "starting", "running", "preempting", "succeeded", "failed", "cancelled"] as const;

const GROUPS: Record<string, readonly JobState[]> = {
  live: ["queued", "starting", "running", "preempting"],
  ended: ["succeeded", "failed", "cancelled"],
};

interface Column {
  name: string;
  label: string;
  order?: JobOrder;
}

const COLUMNS: readonly Column[] = [
  { name: "id", label: "Job", order: "submitted" },
  { name: "name", label: "Name", order: "name" },
  { name: "state", label: "State", order: "state" },
  { name: "queue", label: "Queue", order: "queue" },
  { name: "user", label: "User", order: "user" },
  { name: "priority", label: "Priority", order: "priority" },
  { name: "request", label: "Asks for" },
  { name: "where", label: "Where" },
  { name: "age", label: "Submitted" },
  { name: "ran", label: "Ran" },
];

function queryOf(fields: Fields) {
  const state = fields["state"] ?? "";
  return {
    states: [...(GROUPS[state] ?? (state ? [state as JobState] : []))],
    queue: fields["queue"] ?? "",
    user: fields["user"] ?? "",
    text: fields["text"] ?? "",
    labels: fields["label"] ? [fields["label"]] : [],
    order: (fields["order"] ?? "submitted") as JobOrder,
    reverse: fields["reverse"] === "1",
  };
}

export default function Work() {
  const [fields, change] = useFields();
  const query = queryOf(fields);
  const found = useQuery({
    queryKey: ["jobs", "count", query],
    queryFn: ({ signal }) => countJobs(query, signal),
    placeholderData: keepPreviousData,
  });
  const total = found.data?.count ?? 0;
  return (
    <div className="fills">
      <Head title="Work">
        <Link href="/submit" className="small">
          Submit a job
        </Link>
      </Head>
      <Filters fields={fields} change={change} total={found.data?.count} />
      {found.error && <Trouble error={found.error} again={() => void found.refetch()} />}
      <Table query={query} total={total} sort={change} loaded={found.data !== undefined} filtered={Object.keys(fields).length > 0} />
    </div>
  );
}

interface FiltersProps {
  fields: Fields;
  change: (change: Fields, how?: { replace?: boolean }) => void;
  total: number | undefined;
}

function Filters({ fields, change, total }: FiltersProps) {
  const names = useQuery({ queryKey: ["queues"], queryFn: ({ signal }) => queues(signal), staleTime: 60_000 });
  return (
    <div className="filters" role="search">
      <Typed label="Name or id" name="text" fields={fields} change={change} />
      <NativeSelect
        label="State"
        value={fields["state"] ?? ""}
        onChange={(event) => change({ state: event.currentTarget.value })}
        data={[
          { value: "", label: "any" },
          { value: "live", label: "waits or runs" },
          { value: "ended", label: "has ended" },
          ...STATES.map((state) => ({ value: state, label: state })),
        ]}
      />
      <NativeSelect
        label="Queue"
        value={fields["queue"] ?? ""}
        onChange={(event) => change({ queue: event.currentTarget.value })}
        data={[{ value: "", label: "any" }, ...(names.data ?? []).map((queue) => queue.name)]}
      />
      <Typed label="User" name="user" fields={fields} change={change} />
      <Typed label="Label" name="label" fields={fields} change={change} placeholder="key=value" />
      <SavedViews change={change} />
      <span className="dim small" role="status">
        {total !== undefined && `${count(total)} ${total === 1 ? "job" : "jobs"}`}
      </span>
    </div>
  );
}

function Typed({ label, name, fields, change, placeholder }: Omit<FiltersProps, "total"> & { label: string; name: string; placeholder?: string }) {
  const there = fields[name] ?? "";
  const [value, setValue] = useState(there);
  const later = useDebouncedCallback((text: string) => change({ [name]: text }, { replace: true }), 250);
  useEffect(() => setValue(there), [there]);
  return (
    <TextInput
      label={label}
      value={value}
      placeholder={placeholder}
      onChange={(event) => {
        setValue(event.currentTarget.value);
        later(event.currentTarget.value);
      }}
    />
  );
}

const READY: Record<string, string> = {
  "What waits or runs": "?state=live&order=state",
  "What failed": "?state=failed",
  "What waits, dearest priority first": "?state=queued&order=priority&reverse=1",
};
const SAVED = "tauon-work-views";

function savedViews(): Record<string, string> {
  try {
    return JSON.parse(localStorage.getItem(SAVED) ?? "{}") as Record<string, string>;
  } catch {
    return {};
  }
}

function SavedViews({ change }: { change: FiltersProps["change"] }) {
  const [own, setOwn] = useState(savedViews);
  const show = (search: string) => {
    const wanted = Object.fromEntries(new URLSearchParams(search));
    change({ state: "", queue: "", user: "", text: "", label: "", order: "", reverse: "", ...wanted });
  };
  const keep = (views: Record<string, string>) => {
    setOwn(views);
    localStorage.setItem(SAVED, JSON.stringify(views));
  };
  const save = () => {
    const name = window.prompt("A name for what the table shows now");
    if (name) keep({ ...own, [name]: window.location.search });
  };
  return (
    <Menu position="bottom-start">
      <Menu.Target>
        <Button variant="default">Views</Button>
      </Menu.Target>
      <Menu.Dropdown>
        {Object.entries({ ...READY, ...own }).map(([name, search]) => (
          <Menu.Item key={name} onClick={() => show(search)}>
            {name}
          </Menu.Item>
        ))}
        <Menu.Divider />
        <Menu.Item onClick={save}>Save this view…</Menu.Item>
        {Object.keys(own).length > 0 && <Menu.Item onClick={() => keep({})}>Forget my views</Menu.Item>}
      </Menu.Dropdown>
    </Menu>
  );
}

interface TableProps {
  query: ReturnType<typeof queryOf>;
  total: number;
  sort: (change: Fields) => void;
  loaded: boolean;
  filtered: boolean;
}

function Table({ query, total, sort, loaded, filtered }: TableProps) {
  const scroller = useRef<HTMLDivElement>(null);
  const rows = useVirtualizer({ count: total, getScrollElement: () => scroller.current, estimateSize: () => ROW_PX, overscan: 12 });
  const seen = rows.getVirtualItems();
  const first = Math.floor((seen[0]?.index ?? 0) / PAGE);
  const last = Math.floor((seen.at(-1)?.index ?? 0) / PAGE);
  const pages = Array.from({ length: last - first + 1 }, (_, i) => first + i);
  const found = useQueries({
    queries: pages.map((page) => ({
      queryKey: ["jobs", "page", query, page],
      queryFn: ({ signal }: { signal: AbortSignal }) => jobs({ ...query, offset: page * PAGE, limit: PAGE }, signal),
      placeholderData: keepPreviousData,
      enabled: total > 0,
      gcTime: 60_000,
    })),
  });
  const job = (index: number): JobView | undefined => found[Math.floor(index / PAGE) - first]?.data?.[index % PAGE];
  const key = JSON.stringify(query);
  useEffect(() => {
    // In braces: where scrolling answers with a promise, React would take that for a way to clean up.
    void scroller.current?.scrollTo(0, 0);
  }, [key]);
  const failed = found.find((one) => one.error);
  return (
    <>
      {failed && <Trouble error={failed.error} />}
      <div className="card table" ref={scroller} tabIndex={0} role="table" aria-label="Jobs" aria-rowcount={total + 1}>
        <div className="row heads" role="row">
          {COLUMNS.map((column) => (
            <Header key={column.name} column={column} query={query} sort={sort} />
          ))}
        </div>
        <div role="rowgroup" style={{ height: rows.getTotalSize(), position: "relative" }}>
          {seen.map((item) => (
            <Row key={item.key} top={item.start} index={item.index} job={job(item.index)} />
          ))}
        </div>
        {loaded && total === 0 && <Nothing filtered={filtered} />}
      </div>
    </>
  );
}

function Nothing({ filtered }: { filtered: boolean }) {
  if (filtered) return <Empty>No job is like that. Take a filter away to see more.</Empty>;
  return (
    <Empty>
      No job yet. <code>tauon run -- echo hello</code> submits one, and so does <Link href="/submit">this page</Link>.
    </Empty>
  );
}

function Header({ column, query, sort }: { column: Column; query: TableProps["query"]; sort: TableProps["sort"] }) {
  const isHere = column.order !== undefined && column.order === query.order;
  // Newest first is the natural order of submission, everything else goes from A to Z.
  const rising = column.order === "submitted" ? query.reverse : !query.reverse;
  const turn = () => column.order && sort({ order: column.order, reverse: isHere && !query.reverse ? "1" : "" });
  return (
    <div className={`c-${column.name}`} role="columnheader" aria-sort={isHere ? (rising ? "ascending" : "descending") : undefined}>
      {column.order ? (
        <button type="button" onClick={turn}>
          {column.label} {isHere && <span aria-hidden="true">{rising ? "↑" : "↓"}</span>}
        </button>
      ) : (
        column.label
      )}
    </div>
  );
}

const Row = memo(function Row({ top, index, job }: { top: number; index: number; job: JobView | undefined }) {
  return (
    <div className="row" role="row" aria-rowindex={index + 2} style={{ transform: `translateY(${top}px)`, height: ROW_PX }}>
      {job && (
        <>
          <div className="c-id" role="cell">
            <JobLink id={job.id} />
          </div>
          <div className="c-name" role="cell" title={job.name}>
            {job.name}
          </div>
          <div className="c-state" role="cell">
            <State of={job.state} />
          </div>
          <div className="c-queue" role="cell" title={job.queue}>
            {job.queue}
          </div>
          <div className="c-user" role="cell">
            {job.user}
          </div>
          <div className="c-priority" role="cell">
            {job.priority}
          </div>
          <div className="c-request" role="cell" title={job.request}>
            {job.request}
          </div>
          <div className="c-where" role="cell" title={job.where || job.message}>
            {job.where || <span className="dim">{job.message}</span>}
          </div>
          <div className="c-age" role="cell">
            <Since at={job.submitted_at} />
          </div>
          <div className="c-ran" role="cell">
            {job.started_at && <Since at={job.started_at} until={job.ended_at} />}
          </div>
        </>
      )}
    </div>
  );
});
