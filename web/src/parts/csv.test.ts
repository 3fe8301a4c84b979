// What is exported reads back the same, and a spreadsheet runs none of it.

import { describe, expect, it } from "vitest";
import { csv } from "./csv";

describe("comma-separated values", () => {
  it("quote what needs it", () => {
    expect(csv(["a", "b"], [['say "hi"', "x,y"], ["two\nlines", 1.5]])).toBe('a,b\r\n"say ""hi""","x,y"\r\n"two\nlines",1.5\r\n');
  });

  it("hold no formulas", () => {
    expect(csv(["n"], [["=1+1"], ["@x"], ["-3.50"], ["+cmd"], [-2]])).toBe("n\r\n'=1+1\r\n'@x\r\n-3.50\r\n'+cmd\r\n-2\r\n");
  });
});
