// Where the page begins: colours, answers that are kept, the session, and the view of this address.

import "@mantine/core/styles.css";
import "./app.css";

import { MantineProvider, localStorageColorSchemeManager } from "@mantine/core";
import { QueryClient, QueryClientProvider, useQueryClient } from "@tanstack/react-query";
import { StrictMode, useEffect } from "react";
import { createRoot } from "react-dom/client";
import { Refused } from "./api/wire";
import { followWhileSeen } from "./live/use-live";
import { Session, useWho } from "./session";
import { Shell } from "./shell";
import { theme, variables } from "./theme";
import { PLACES, Views } from "./views";

const client = new QueryClient({
  defaultOptions: {
    queries: {
      // A refusal stays one; a server that is away comes back.
      retry: (times, error) => !(error instanceof Refused) && times < 3,
      staleTime: 1000,
      refetchOnWindowFocus: true,
    },
  },
});

function Live() {
  const known = useQueryClient();
  const { seq } = useWho();
  useEffect(() => followWhileSeen(known, seq), [known, seq]);
  return null;
}

const nonce = document.querySelector<HTMLMetaElement>('meta[property="csp-nonce"]')?.nonce ?? "";
// What keeps the page still behind a dialog adds a style of its own, and looks for the nonce under this name.
Object.assign(globalThis, { __webpack_nonce__: nonce });
const root = document.getElementById("root");
if (!root) throw new Error("the page has no place to be drawn in");

createRoot(root).render(
  <StrictMode>
    <MantineProvider
      theme={theme}
      cssVariablesResolver={variables}
      defaultColorScheme="auto"
      colorSchemeManager={localStorageColorSchemeManager({ key: "tauon-scheme" })}
      getStyleNonce={() => nonce}
    >
      <QueryClientProvider client={client}>
        <Session>
          <Live />
          <Shell places={PLACES}>
            <Views />
          </Shell>
        </Session>
      </QueryClientProvider>
    </MantineProvider>
  </StrictMode>,
);
