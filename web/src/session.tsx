// Who is signed in: the page behind a sign-in that keeps its place.

import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Button, PasswordInput } from "@mantine/core";
import { createContext, useContext, useEffect, useState, type FormEvent, type ReactNode } from "react";
import type { ServerInfo } from "./api/client";
import { info, signOut } from "./api/client";
import { Refused, ask, onSignedOut } from "./api/wire";
import { stream } from "./live/use-live";
import { Trouble } from "./parts/pieces";

const Who = createContext<ServerInfo | null>(null);

export function useWho(): ServerInfo {
  const who = useContext(Who);
  if (!who) throw new Error("nobody is signed in");
  return who;
}

/** The one-time code of a sign-in link; it is taken out of the address at once. */
function codeOfAddress(): string {
  const code = new URLSearchParams(location.hash.slice(1)).get("code") ?? "";
  if (code) history.replaceState(history.state, "", location.pathname + location.search);
  return code;
}

const linkCode = codeOfAddress();

function open(authorization: string): Promise<ServerInfo> {
  return ask<ServerInfo>("POST", "/v1/session", { authorization });
}

let linked: Promise<unknown> | null = null;

async function whoAmI(signal: AbortSignal): Promise<ServerInfo> {
  if (linkCode) {
    linked ??= open(`Code ${linkCode}`).catch((error: unknown) => error);
    await linked;
  }
  return info(signal);
}

export function Session({ children }: { children: ReactNode }) {
  const client = useQueryClient();
  const [why, setWhy] = useState<string | null>(null);
  const found = useQuery({
    queryKey: ["info"],
    queryFn: ({ signal }) => whoAmI(signal),
    retry: (_, error) => !(error instanceof Refused),
    retryDelay: 1000,
    staleTime: Infinity,
  });
  useEffect(() => {
    onSignedOut((reason) => {
      setWhy(reason);
      stream.stop();
    });
  }, []);
  if (why !== null || (found.error instanceof Refused && found.error.status === 401)) {
    const signedIn = (who: ServerInfo) => {
      setWhy(null);
      client.clear();
      client.setQueryData(["info"], who);
      stream.start();
    };
    // Whoever never was in needs no reason; whoever was hears it, whatever has become of the answers meanwhile.
    return <SignIn why={why?.startsWith("a bearer token is needed") ? null : why} signedIn={signedIn} />;
  }
  if (found.data) return <Who.Provider value={found.data}>{children}</Who.Provider>;
  if (found.error) return <Trouble error={found.error} again={() => void found.refetch()} />;
  return <main className="empty">{found.failureReason ? found.failureReason.message : ""}</main>;
}

function SignIn({ why, signedIn }: { why: string | null; signedIn: (who: ServerInfo) => void }) {
  const [token, setToken] = useState("");
  const [error, setError] = useState<unknown>(null);
  const [asking, setAsking] = useState(false);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    setAsking(true);
    setError(null);
    open(`Bearer ${token.trim()}`)
      .then(signedIn, setError)
      .finally(() => setAsking(false));
  };
  return (
    <main className="sign-in">
      <form className="card" onSubmit={submit}>
        <h1>
          <img src="/mark.svg" alt="" width={28} height={28} /> Tauon
        </h1>
        {why && <p role="status">{why[0]?.toUpperCase() + why.slice(1)}.</p>}
        <PasswordInput
          label="Token"
          value={token}
          onChange={(event) => setToken(event.currentTarget.value)}
          autoComplete="current-password"
          autoFocus
          required
          withAsterisk={false}
        />
        {error !== null && <Trouble error={error} />}
        <Button type="submit" fullWidth mt="md" loading={asking}>
          Sign in
        </Button>
        <p className="hint small dim">
          On the server&apos;s machine <code>tauon page</code> prints a link that signs you in. Elsewhere ask for a token:{" "}
          <code>tauon admin login create NAME</code> makes one.
        </p>
      </form>
    </main>
  );
}

export async function leave(): Promise<void> {
  await signOut();
  location.assign("/");
}
