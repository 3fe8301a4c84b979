// A real server with real jobs, for the length of a test: `tauon up` on a home of its own and any free port.

import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

const ROOT = resolve(import.meta.dirname, "../..");
const WITHIN_MS = 60_000;

export const PYTHON = process.env["TAUON_PYTHON"] ?? resolve(ROOT, ".venv/bin/python");

const CONFIG = `
pools:
  - name: laptop
    provider: local
    prices_usd_per_h: { H100: 2.49, cpu: 0.03, memory_gib: 0.004 }
    options: { virtual_gpus: "H100:8", cpu: 32, memory_gib: 64 }
  - name: rack
    provider: local
    prices_usd_per_h: { L40S: 0.99, cpu: 0.03, memory_gib: 0.004 }
    options: { virtual_gpus: "L40S:4", cpu: 16, memory_gib: 64 }
queues:
  - { name: research, weight: 2 }
  - { name: research/vision, weight: 1 }
  - { name: product, weight: 1, priority: 100, guarantee: { H100: 2 } }
  - { name: batch, weight: 1, priority: -10 }
`;

export interface Job {
  name: string;
  run: string;
  queue?: string;
  [field: string]: unknown;
}

export class Server {
  readonly home = mkdtempSync(join(tmpdir(), "tauon-page-"));
  url = "";
  token = "";
  private process: ChildProcess | null = null;
  private port = 0;

  constructor(private readonly config: string = CONFIG) {}

  async start(): Promise<void> {
    const file = join(this.home, "server.json");
    rmSync(file, { force: true });
    const config = join(this.home, "config.yaml");
    writeFileSync(config, this.config);
    const flags = ["--home", this.home, "up", "--config", config, "--port", String(this.port)];
    this.process = spawn(PYTHON, ["-m", "tauon.main", ...flags], { stdio: ["ignore", "ignore", "pipe"] });
    let said = "";
    this.process.stderr?.on("data", (data: Buffer) => (said = (said + data.toString()).slice(-4000)));
    const until = Date.now() + WITHIN_MS;
    while (!existsSync(file)) {
      if (Date.now() > until || this.process.exitCode !== null) throw new Error(`the server did not start:\n${said}`);
      await pause(50);
    }
    for (;;) {
      try {
        const found = JSON.parse(readFileSync(file, "utf8")) as { url: string; token: string };
        this.url = found.url;
        this.token = found.token;
        this.port = Number(new URL(found.url).port);
        return;
      } catch {
        await pause(20);
      }
    }
  }

  /** SIGTERM, as an operator; the same port again at the next start. */
  async stop(): Promise<void> {
    const process = this.process;
    this.process = null;
    if (!process || process.exitCode !== null) return;
    const ended = new Promise((done) => process.once("exit", done));
    process.kill("SIGTERM");
    await ended;
  }

  /** Stop it, end its jobs and take its home away. */
  async end(): Promise<void> {
    try {
      for (const job of await this.ask<{ id: string }[]>("GET", "/v1/jobs?states=running&states=starting&states=queued"))
        await this.ask("POST", `/v1/jobs/${job.id}/cancel`);
      await this.until(async () => (await this.ask<unknown[]>("GET", "/v1/jobs?states=running&states=preempting")).length === 0);
    } catch {
      // It was down already.
    }
    await this.stop();
    rmSync(this.home, { recursive: true, force: true });
  }

  async ask<T>(method: string, path: string, body?: unknown): Promise<T> {
    const headers: Record<string, string> = { authorization: `Bearer ${this.token}` };
    const init: RequestInit = { method, headers };
    if (body !== undefined) init.body = JSON.stringify(body);
    const answer = await fetch(this.url + path, init);
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
    return (text ? JSON.parse(text) : undefined) as T;
  }

  async submit(job: Job): Promise<string> {
    return (await this.ask<{ id: string }>("POST", "/v1/jobs", job)).id;
  }

  async until(is: () => Promise<boolean>): Promise<void> {
    const deadline = Date.now() + WITHIN_MS;
    while (!(await is())) {
      if (Date.now() > deadline) throw new Error("it did not come to that in time");
      await pause(100);
    }
  }

  async reaches(job: string, state: string): Promise<void> {
    await this.until(async () => (await this.ask<{ job: { state: string } }>("GET", `/v1/jobs/${job}`)).job.state === state);
  }

  /** The command line, on this server. */
  tauon(...args: string[]): string {
    return execFileSync(PYTHON, ["-m", "tauon.main", "--home", this.home, ...args], { encoding: "utf8" });
  }
}

export function pause(ms: number): Promise<void> {
  return new Promise((done) => setTimeout(done, ms));
}
