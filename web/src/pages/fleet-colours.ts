// What the colours of the fleet mean: for each way of looking at it, a colour for each cell, and the legend.

import type { Fleet } from "../api/client";
import { duration, percent, usdPerHour } from "../parts/units";

export type Way = "owner" | "utilisation" | "price" | "health" | "age";

export interface Colouring {
  /** For each cell, a place in `colours`. */
  cells: Uint8Array;
  colours: string[];
  legend: { colour: string; text: string }[];
}

const STEPS = 8;

/** A colour of a scale from cold to hot, 0 to 1; both lightness and hue change, so that it reads without hue. */
function step(share: number, dark: boolean): string {
  const light = dark ? 32 + 42 * share : 84 - 50 * share;
  return `hsl(${Math.round(215 - 195 * share)} 75% ${Math.round(light)}%)`;
}

const HUES = [226, 150, 32, 288, 190, 350, 85, 255, 12, 168, 320, 55];

function owner(number: number, dark: boolean): string {
  const ring = Math.floor(number / HUES.length) % 3;
  return `hsl(${HUES[number % HUES.length]} ${70 - ring * 18}% ${(dark ? 62 : 46) + ring * 9}%)`;
}

export function colour(fleet: Fleet, way: Way, dark: boolean): Colouring {
  const idle = dark ? "#39414e" : "#d3d9e3";
  switch (way) {
    case "owner":
      return byOwner(fleet, dark, idle);
    case "utilisation":
      return scaled(fleet, dark, idle, (cell) => fleet.utilisation[cell]! / 100, (share) => percent(share), "not measured");
    case "price": {
      const prices = fleet.usd_per_h.map((price, node) => price / Math.max(1, fleet.count[node]!));
      const most = Math.max(...prices, 1e-9);
      return scaled(fleet, dark, idle, (_, node) => (prices[node]! ? prices[node]! / most : -1), (share) => usdPerHour(share * most), "free of charge");
    }
    case "age": {
      const oldest = Math.max(...fleet.age_s, 1);
      return scaled(fleet, dark, idle, (_, node) => fleet.age_s[node]! / oldest, (share) => duration(share * oldest), "new");
    }
    case "health":
      return byHealth(fleet, dark);
  }
}

function byOwner(fleet: Fleet, dark: boolean, idle: string): Colouring {
  const cells = new Uint8Array(fleet.holders.length);
  const shown = Math.min(fleet.queues.length, 250);
  for (let i = 0; i < cells.length; i += 1) {
    const holder = fleet.holders[i]!;
    cells[i] = holder < 0 ? 0 : 1 + (fleet.job_queue[holder]! % 250);
  }
  const colours = [idle, ...Array.from({ length: shown }, (_, i) => owner(i, dark))];
  return { cells, colours, legend: [{ colour: idle, text: "idle" }, ...fleet.queues.slice(0, 24).map((text, i) => ({ colour: colours[1 + i]!, text }))] };
}

function byHealth(fleet: Fleet, dark: boolean): Colouring {
  const states = ["ready", "draining", "requested", "terminated", "lost"];
  const colours = dark ? ["#4fae78", "#d69e2e", "#7f8df0", "#98a1af", "#ff8f8f"] : ["#2f9a60", "#c98a1b", "#5566dd", "#8a93a0", "#c11f1f"];
  const cells = perNode(fleet, (node) => Math.max(0, states.indexOf(fleet.state[node]!)));
  const there = new Set(fleet.state);
  return { cells, colours, legend: states.flatMap((text, i) => (there.has(text as Fleet["state"][number]) ? [{ colour: colours[i]!, text }] : [])) };
}

function scaled(
  fleet: Fleet,
  dark: boolean,
  idle: string,
  share: (cell: number, node: number) => number,
  tell: (share: number) => string,
  none: string,
): Colouring {
  const cells = new Uint8Array(fleet.holders.length);
  let missing = false;
  eachCell(fleet, (cell, node) => {
    const value = share(cell, node);
    if (value < 0) missing = true;
    cells[cell] = value < 0 ? 0 : 1 + Math.min(STEPS - 1, Math.floor(value * STEPS));
  });
  const colours = [idle, ...Array.from({ length: STEPS }, (_, i) => step(i / (STEPS - 1), dark))];
  const legend = colours.slice(1).map((one, i) => ({ colour: one, text: i === STEPS - 1 ? tell(1) : tell(i / STEPS) }));
  return { cells, colours, legend: [...(missing ? [{ colour: idle, text: none }] : []), ...legend.filter((_, i) => i % 2 === 0 || i === STEPS - 1)] };
}

function perNode(fleet: Fleet, of: (node: number) => number): Uint8Array {
  const cells = new Uint8Array(fleet.holders.length);
  eachCell(fleet, (cell, node) => (cells[cell] = of(node)));
  return cells;
}

function eachCell(fleet: Fleet, draw: (cell: number, node: number) => void): void {
  let cell = 0;
  for (let node = 0; node < fleet.count.length; node += 1) {
    for (let i = 0; i < Math.max(1, fleet.count[node]!); i += 1) draw(cell++, node);
  }
}
