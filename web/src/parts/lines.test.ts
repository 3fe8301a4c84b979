// Output is told line by line, wherever its bytes were cut, and neither length nor escapes break it.

import { describe, expect, it } from "vitest";
import { Lines, SHOWN_CHARS, bytesOf } from "./lines";

const encoder = new TextEncoder();

function all(lines: Lines): string[] {
  return Array.from({ length: lines.length }, (_, i) => lines.at(i));
}

describe("lines", () => {
  it("are the same wherever the bytes are cut", () => {
    const data = encoder.encode("grüße\n日本\n\nlast 🚀");
    for (let cut = 0; cut <= data.length; cut += 1) {
      const lines = new Lines();
      lines.take(data.slice(0, cut));
      lines.take(data.slice(cut));
      expect(all(lines)).toEqual(["grüße", "日本", "", "last 🚀"]);
    }
  });

  it("of a megabyte are cut for the eye, and say so", () => {
    const lines = new Lines();
    for (let i = 0; i < 16; i += 1) lines.take(encoder.encode("x".repeat(65_536)));
    lines.take(encoder.encode("\nafter\n"));
    expect(lines.length).toBe(2);
    expect(lines.at(0).length).toBeLessThan(SHOWN_CHARS + 200);
    expect(lines.at(0)).toContain("1,048,576 characters");
    expect(lines.at(1)).toBe("after");
  });

  it("lose what only a terminal understands", () => {
    const lines = new Lines();
    lines.take(encoder.encode("\u001b[31mred\u001b[0m\n\u001b]0;title\u0007x\n 1 %\r50 %\r100 %\r\n"));
    expect(all(lines)).toEqual(["red", "x", "100 %"]);
  });

  it("are found whatever their case", () => {
    const lines = new Lines();
    lines.take(encoder.encode("Loss 1\nacc 2\nLOSS 3"));
    expect(lines.find("loss")).toEqual([0, 2]);
  });

  it("do not grow without end", () => {
    const lines = new Lines();
    lines.take(encoder.encode("line\n".repeat(60_000)));
    expect(lines.length).toBeLessThanOrEqual(50_000);
    expect(lines.first + lines.length).toBe(60_000);
  });

  it("come as Base64", () => {
    expect([...bytesOf("AP+A")]).toEqual([0, 255, 128]);
  });
});
