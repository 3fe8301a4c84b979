// What views work out for themselves: a job's time cut into pieces, and worlds sampled at the same moments.

import { describe, expect, it } from "vitest";
import type { AttemptView, JobDetail } from "../api/client";
import { sampled } from "./what-if";
import { barsOf } from "./workload";

const SECOND = 1000;
const START = Date.parse("2026-01-01T12:00:00Z");
const at = (seconds: number) => new Date(START + seconds * SECOND).toISOString();

function attempt(number: number, placed: number, running: number | null, ended: number | null, outcome: string | null): AttemptView {
  return {
    number,
    pool: "lab",
    placed_at: at(placed),
    running_at: running === null ? null : at(running),
    ended_at: ended === null ? null : at(ended),
    outcome,
  } as unknown as AttemptView;
}

describe("a job's time", () => {
  it("is waiting, starting and running, without gaps", () => {
    const detail = {
      job: { submitted_at: at(0), ended_at: null },
      attempts: [attempt(1, 10, 12, 60, "preempted"), attempt(2, 100, 101, null, null)],
    } as unknown as JobDetail;
    const bars = barsOf(detail, START + 150 * SECOND);
    expect(bars.map((bar) => [bar.kind, (bar.from - START) / SECOND, (bar.to - START) / SECOND])).toEqual([
      ["wait", 0, 10],
      ["start", 10, 12],
      ["bad", 12, 60],
      ["wait", 60, 100],
      ["start", 100, 101],
      ["run", 101, 150],
    ]);
  });

  it("of one that never started is all waiting", () => {
    const detail = { job: { submitted_at: at(0), ended_at: at(5) }, attempts: [] } as unknown as JobDetail;
    expect(barsOf(detail, START + 99 * SECOND).map((bar) => [bar.kind, bar.to - bar.from])).toEqual([["wait", 5 * SECOND]]);
  });
});

describe("a world's curve", () => {
  it("holds each value until the next", () => {
    expect(sampled([0, 1, 2, 3, 4], [1, 3], [5, 7])).toEqual([null, 5, 5, 7, 7]);
    expect(sampled([0], [], [])).toEqual([null]);
  });
});
