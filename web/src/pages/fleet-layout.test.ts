// Every accelerator is drawn once, where it is also found.

import { describe, expect, it } from "vitest";
import { cellsBetween, cornerOf, layOut, spotAt } from "./fleet-layout";

const FLEET = { pool: [0, 0, 0, 1, 1], type: [0, 0, 1, 1, 2], count: [8, 8, 4, 16, 0] };

describe("the fleet", () => {
  it("has every cell where it is found", () => {
    for (const [width, cell] of [
      [1200, 12],
      [60, 5],
      [10, 9],
    ] as const) {
      const layout = layOut(FLEET, width, cell);
      const seen: number[] = [];
      cellsBetween(layout, 0, layout.height, (number, x, y) => {
        seen.push(number);
        const spot = spotAt(layout, x + cell / 2, y + cell / 2);
        expect(spot?.cell).toBe(number);
      });
      expect(seen.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 8 + 8 + 4 + 16 + 1 }, (_, i) => i));
    }
  });

  it("has nothing between the nodes", () => {
    const layout = layOut(FLEET, 1200, 12);
    expect(spotAt(layout, 0, 0)).toBeNull();
    expect(spotAt(layout, 1199, layout.groups[0]!.top + 1)).toBeNull();
    expect(spotAt(layout, -1, layout.groups[0]!.top + 1)).toBeNull();
    expect(spotAt(layout, 8 * 13 + 1, layout.groups[0]!.top + 1)).toBeNull();
  });

  it("knows the corner of each node", () => {
    const layout = layOut(FLEET, 60, 5);
    for (let node = 0; node < 5; node += 1) {
      const corner = cornerOf(layout, node)!;
      expect(spotAt(layout, corner.x + 1, corner.y + 1)?.node).toBe(node);
    }
    expect(cornerOf(layout, 5)).toBeNull();
  });

  it("draws only what is in sight", () => {
    const nodes = 12_500;
    const many = { pool: Array<number>(nodes).fill(0), type: Array<number>(nodes).fill(0), count: Array<number>(nodes).fill(8) };
    const layout = layOut(many, 1200, 6);
    let drawn = 0;
    cellsBetween(layout, 2000, 2800, () => (drawn += 1));
    expect(drawn).toBeGreaterThan(5_000);
    expect(drawn).toBeLessThan(20_000);
  });
});
