// Small pieces that every view uses: states, meters, empty places that teach, refusals in sentences.

import { Alert, Button } from "@mantine/core";
import type { ReactNode } from "react";
import { Link } from "wouter";

/** How every dialog behaves. */
export const DIALOG = { centered: true, transitionProps: { duration: 0 }, closeButtonProps: { "aria-label": "Close" } } as const;

export function State({ of }: { of: string }) {
  return <span className={`state s-${of}`}>{of}</span>;
}

export interface Part {
  kind: "used" | "idle" | "going" | "bad" | "coming";
  amount: number;
}

export function Meter({ parts, label }: { parts: readonly Part[]; label: string }) {
  const total = parts.reduce((sum, part) => sum + part.amount, 0);
  return (
    <div className="meter" role="img" aria-label={label}>
      {total > 0 &&
        parts.map(
          (part) =>
            part.amount > 0 && (
              <span key={part.kind} className={`m-${part.kind}`} style={{ width: `${(100 * part.amount) / total}%` }} />
            ),
        )}
    </div>
  );
}

export function Empty({ children }: { children: ReactNode }) {
  return <div className="empty">{children}</div>;
}

export function Trouble({ error, again }: { error: unknown; again?: () => void }) {
  const text = error instanceof Error ? error.message : String(error);
  return (
    <Alert color="red" variant="outline" role="alert" my="xs">
      <div className="break" style={{ whiteSpace: "pre-wrap" }}>
        {text}
      </div>
      {again && (
        <Button size="compact-sm" variant="default" mt="xs" onClick={again}>
          Try again
        </Button>
      )}
    </Alert>
  );
}

export function JobLink({ id, children }: { id: string; children?: ReactNode }) {
  return <Link href={`/work/${encodeURIComponent(id)}`}>{children ?? id}</Link>;
}

export function NodeLink({ id }: { id: string }) {
  return <Link href={`/nodes/${encodeURIComponent(id)}`}>{id}</Link>;
}

/** A line that names a thing, with the way to its own page. */
export function About({ about, name }: { about: string; name: string }) {
  if (about === "job") return <JobLink id={name} />;
  if (about === "node") return <NodeLink id={name} />;
  const page = about === "queue" ? "/queues" : "/fleet";
  return (
    <Link href={page}>
      {about} {name}
    </Link>
  );
}

export function Head({ title, children }: { title: ReactNode; children?: ReactNode }) {
  return (
    <div className="head">
      <h1 tabIndex={-1} id="title">
        {title}
      </h1>
      <div>{children}</div>
    </div>
  );
}
