import { defineConfig } from "vitest/config";

// A real browser and a real server: one file at a time, and patience, for the machine may be busy.
export default defineConfig({
  root: import.meta.dirname,
  test: {
    include: ["tests/**/*.browser.ts"],
    environment: "node",
    fileParallelism: false,
    testTimeout: 90_000,
    hookTimeout: 120_000,
    retry: 0,
  },
});
