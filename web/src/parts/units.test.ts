// Amounts read as people read them.

import { describe, expect, it } from "vitest";
import { bytes, count, duration, many, percent, usd, usdPerHour } from "./units";

describe("amounts", () => {
  it("have their units", () => {
    expect(usd("1234.5")).toBe("$1,234.50");
    expect(usd("0.1")).toBe("$0.10");
    expect(usd("0.0421")).toBe("$0.0421");
    expect(usd("0.00001")).toBe("<$0.0001");
    expect(usd("0")).toBe("$0.00");
    expect(usd("-3")).toBe("-$3.00");
    expect(usdPerHour("2.49")).toBe("$2.49/h");
    expect(bytes(1023)).toBe("1,023 B");
    expect(bytes(1536)).toBe("1.5 KiB");
    expect(bytes(2 ** 40)).toBe("1.0 TiB");
  });

  it("are as fine as they need to be", () => {
    expect(count(100000)).toBe("100,000");
    expect(count(0.5)).toBe("0.5");
    expect(percent(0.5)).toBe("50 %");
    expect(percent(0.034)).toBe("3.4 %");
    expect(percent(0)).toBe("0 %");
    expect(percent(Number.NaN)).toBe("–");
    expect(many(1, "job")).toBe("1 job");
    expect(many(2, "job")).toBe("2 jobs");
  });

  it("of time are told in their two largest units", () => {
    expect(duration(0)).toBe("0 s");
    expect(duration(0.25)).toBe("0.3 s");
    expect(duration(59)).toBe("59 s");
    expect(duration(61)).toBe("1 min 1 s");
    expect(duration(3661)).toBe("1 h 1 min");
    expect(duration(49 * 3600)).toBe("2 d 1 h");
    expect(duration(-5)).toBe("0 s");
  });
});
