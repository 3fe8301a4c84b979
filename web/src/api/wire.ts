// How the page speaks to its server: JSON over HTTP, with the session's cookie, and errors as sentences.

export interface Asked {
  body?: unknown;
  key?: string;
  query?: Record<string, unknown>;
  signal?: AbortSignal;
  authorization?: string;
}

/** The server refused, and says why. */
export class Refused extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
  ) {
    super(message);
    this.name = "Refused";
  }
}

/** No server answered. */
export class Away extends Error {
  constructor() {
    super("The server does not answer. It is asked again by itself.");
    this.name = "Away";
  }
}

let position = () => 0;

/** How to tell the server up to which position of its journal this page knows what happened. */
export function onPosition(tell: () => number): void {
  position = tell;
}

type SignedOut = (why: string) => void;
let signedOut: SignedOut = () => undefined;

/** Whom to tell that the session is not valid (any more). */
export function onSignedOut(listener: SignedOut): void {
  signedOut = listener;
}

export async function ask<T>(method: string, path: string, asked: Asked = {}): Promise<T> {
  const headers: Record<string, string> = { accept: "application/json", "x-tauon-page": String(Math.max(0, position())) };
  if (asked.body !== undefined) headers["content-type"] = "application/json";
  if (asked.key) headers["idempotency-key"] = asked.key;
  if (asked.authorization) headers["authorization"] = asked.authorization;
  const init: RequestInit = { method, headers, credentials: "same-origin", cache: "no-store" };
  if (asked.signal) init.signal = asked.signal;
  if (asked.body !== undefined) init.body = JSON.stringify(asked.body);
  const answer = await reached(streamAddress(path, asked.query), init);
  if (answer.ok) return (answer.status === 204 ? undefined : await answer.json()) as T;
  const refused = await refusal(answer);
  if (refused.status === 401 && !asked.authorization) signedOut(refused.message);
  throw refused;
}

async function reached(address: string, init: RequestInit): Promise<Response> {
  try {
    return await fetch(address, init);
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new Away();
  }
}

async function refusal(answer: Response): Promise<Refused> {
  try {
    const problem = (await answer.json()) as { code?: string; message?: string };
    if (problem.message) return new Refused(answer.status, problem.code ?? "", problem.message);
  } catch {
    // Not the server's own words: a proxy in between answered.
  }
  return new Refused(answer.status, "", `Something between here and the server answered with status ${answer.status}.`);
}

/** An address with its query; what is undefined, null or empty is left out. */
export function streamAddress(path: string, query: Record<string, unknown> = {}): string {
  const parts = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    for (const one of Array.isArray(value) ? value : [value]) {
      if (one !== undefined && one !== null && one !== "") parts.append(name, String(one));
    }
  }
  const text = parts.toString();
  return text ? `${path}?${text}` : path;
}
