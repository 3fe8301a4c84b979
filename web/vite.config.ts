import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

// The server puts a fresh nonce into each page that it serves; styles that Mantine adds while running carry it.
export default defineConfig({
  plugins: [react()],
  html: { cspNonce: "__NONCE__" },
  build: {
    outDir: "../src/tauon/api/page_files",
    emptyOutDir: true,
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    target: "es2023",
    chunkSizeWarningLimit: 700,
  },
  server: { proxy: { "/v1": "http://127.0.0.1:8286" } },
  test: { environment: "jsdom", include: ["src/**/*.test.ts", "src/**/*.test.tsx"] },
});
