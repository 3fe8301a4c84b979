// Refusals come as the server's own sentences; a lost session is told to whoever shows the sign-in.

import { afterEach, describe, expect, it, vi } from "vitest";
import { Away, Refused, ask, onSignedOut, streamAddress } from "./wire";

afterEach(() => vi.unstubAllGlobals());

function answering(status: number, body: string): ReturnType<typeof vi.fn> {
  const fetched = vi.fn(() => Promise.resolve(new Response(status === 204 ? null : body, { status })));
  vi.stubGlobal("fetch", fetched);
  return fetched;
}

describe("a question", () => {
  it("goes with the header that only the page can send, and a key where one is given", async () => {
    const fetched = answering(200, '{"id":"j1"}');
    expect(await ask("POST", "/v1/jobs", { body: { run: "true" }, key: "k" })).toEqual({ id: "j1" });
    const init = fetched.mock.calls[0]![1] as RequestInit;
    expect(init.headers).toMatchObject({ "x-tauon-page": "0", "idempotency-key": "k" });
    expect(init.body).toBe('{"run":"true"}');
  });

  it("that is refused says why", async () => {
    answering(409, '{"code":"conflict","message":"j1 has succeeded already"}');
    const refused = await ask("POST", "/v1/jobs/j1/cancel").catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(Refused);
    expect(refused).toMatchObject({ status: 409, code: "conflict", message: "j1 has succeeded already" });
  });

  it("answered by something in between says so", async () => {
    answering(502, "<html>Bad gateway</html>");
    await expect(ask("GET", "/v1/info")).rejects.toThrow("status 502");
  });

  it("without a session is told", async () => {
    answering(401, '{"code":"access_denied","message":"the session is over; sign in again"}');
    const told: string[] = [];
    onSignedOut((why) => told.push(why));
    await expect(ask("GET", "/v1/info")).rejects.toThrow("the session is over");
    await expect(ask("POST", "/v1/session", { authorization: "Bearer x" })).rejects.toThrow();
    expect(told).toEqual(["the session is over; sign in again"]);
  });

  it("that nobody answers is not a refusal", async () => {
    vi.stubGlobal("fetch", () => Promise.reject(new TypeError("Failed to fetch")));
    await expect(ask("GET", "/v1/info")).rejects.toBeInstanceOf(Away);
  });

  it("without content gives nothing", async () => {
    answering(204, "");
    expect(await ask("DELETE", "/v1/session")).toBeUndefined();
  });
});

describe("an address", () => {
  it("leaves out what is not given and repeats what is given several times", () => {
    expect(streamAddress("/v1/jobs", { states: ["queued", "running"], text: "", before: undefined, limit: 5 })).toBe(
      "/v1/jobs?states=queued&states=running&limit=5",
    );
    expect(streamAddress("/v1/jobs", { text: "a&b=c" })).toBe("/v1/jobs?text=a%26b%3Dc");
  });
});
