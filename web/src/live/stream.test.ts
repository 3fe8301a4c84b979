// The stream resumes by position, loses nothing, hears nothing twice, and rests while nobody looks.

import { describe, expect, it } from "vitest";
import type { EventLine } from "../api/client";
import { Stream, type Source } from "./stream";
import { Renewal, topicsOf } from "./topics";

class Line implements Source {
  closed = false;
  private readonly listeners = new Map<string, (event: MessageEvent<string>) => void>();

  constructor(readonly address: string) {}

  addEventListener(type: string, listener: (event: MessageEvent<string>) => void): void {
    this.listeners.set(type, listener);
  }

  close(): void {
    this.closed = true;
  }

  say(type: string, id: string, data = ""): void {
    this.listeners.get(type)?.(new MessageEvent(type, { data, lastEventId: id }));
  }

  happen(seq: number, type = "JobSucceeded"): void {
    this.say("message", String(seq), JSON.stringify({ seq, at: "2026-01-01T12:00:00Z", type, subject: "j1", text: "x" }));
  }
}

class World {
  lines: Line[] = [];
  timers: { what: () => void; ms: number }[] = [];
  lost = 0;
  heard: number[] = [];
  stream = new Stream(
    {
      open: (address) => {
        const line = new Line(address);
        this.lines.push(line);
        return line;
      },
      later: (what, ms) => this.timers.push({ what, ms }),
      forget: () => undefined,
    },
    () => (this.lost += 1),
    () => 1234,
  );

  constructor() {
    this.stream.listen((events) => this.heard.push(...events.map((event) => event.seq)));
    this.stream.start();
  }

  get line(): Line {
    return this.lines.at(-1)!;
  }

  pass(): void {
    for (const timer of this.timers.splice(0)) timer.what();
  }
}

describe("the stream", () => {
  it("begins at the end of the journal and says when it is live", () => {
    const world = new World();
    expect(world.line.address).toBe("/v1/events/live?after=-1");
    expect(world.stream.link).toBe("connecting");
    world.line.say("open", "41");
    expect([world.stream.link, world.stream.position]).toEqual(["live", 41]);
    world.line.happen(42);
    expect(world.heard).toEqual([42]);
  });

  it("goes on after the last event that came, and hears nothing twice", () => {
    const world = new World();
    world.line.say("open", "41");
    world.line.happen(42);
    world.line.say("error", "");
    expect([world.stream.link, world.stream.awaySince, world.lost]).toEqual(["away", 1234, 1]);
    world.pass();
    expect(world.line.address).toBe("/v1/events/live?after=42");
    world.line.say("open", "42");
    world.line.happen(42);
    world.line.happen(43);
    expect(world.heard).toEqual([42, 43]);
    expect(world.stream.link).toBe("live");
  });

  it("is patient with a server that stays away, and quick again after", () => {
    const world = new World();
    const pauses: number[] = [];
    for (let i = 0; i < 6; i += 1) {
      world.line.say("error", "");
      pauses.push(world.timers[0]!.ms);
      world.pass();
    }
    expect(pauses).toEqual([500, 1000, 2000, 4000, 5000, 5000]);
    world.line.say("open", "7");
    world.line.say("error", "");
    expect(world.timers[0]!.ms).toBe(500);
  });

  it("closes while nobody looks and resumes", () => {
    const world = new World();
    world.line.say("open", "5");
    world.stream.stop();
    expect(world.line.closed).toBe(true);
    world.lines[0]!.say("error", "");
    expect(world.timers).toEqual([]);
    world.stream.start();
    expect(world.line.address).toBe("/v1/events/live?after=5");
  });

  it("heeds an old connection no more", () => {
    const world = new World();
    const old = world.line;
    old.say("error", "");
    world.pass();
    old.say("error", "");
    expect(world.lines.length).toBe(2);
    expect(world.timers).toEqual([]);
  });
});

describe("what events make old", () => {
  it("is asked for again at once, then at most once a second", () => {
    const asked: string[][] = [];
    const timers: { what: () => void; ms: number }[] = [];
    let now = 10_000;
    const renewal = new Renewal(
      (topics) => asked.push([...topics].sort()),
      (what, ms) => timers.push({ what, ms }),
      () => now,
    );
    const event = (type: string): EventLine => ({ seq: 1, at: "", type, subject: "", text: "" });
    renewal.take([event("JobSubmitted")]);
    expect(timers[0]!.ms).toBe(0);
    timers.shift()!.what();
    expect(asked[0]).toEqual([...topicsOf("JobSubmitted")].sort());
    now += 300;
    renewal.take([event("NodeReady")]);
    renewal.take([event("JobSubmitted")]);
    expect(timers.map((timer) => timer.ms)).toEqual([700]);
    timers.shift()!.what();
    expect(asked[1]).toContain("pools");
    expect(asked[1]).toContain("job");
  });

  it("knows what each kind of event touches", () => {
    expect(topicsOf("AttemptEnded")).toContain("jobs");
    expect(topicsOf("NodeDraining")).toContain("fleet");
    expect(topicsOf("QueueConfigured")).toContain("queues");
  });
});
