// The views and their addresses. Each is loaded when somebody first goes there.

import { Component, Suspense, lazy, type ReactNode } from "react";
import { Link, Route, Switch, useLocation } from "wouter";
import { Empty, Trouble } from "./parts/pieces";
import Now from "./pages/now";
import type { Place } from "./shell";

const Fleet = lazy(() => import("./pages/fleet"));
const Node = lazy(() => import("./pages/node"));
const Work = lazy(() => import("./pages/work"));
const Workload = lazy(() => import("./pages/workload"));
const Queues = lazy(() => import("./pages/queues"));
const Money = lazy(() => import("./pages/money"));
const Why = lazy(() => import("./pages/why"));
const WhatIf = lazy(() => import("./pages/what-if"));
const Submit = lazy(() => import("./pages/submit"));

export const PLACES: readonly Place[] = [
  { path: "/", name: "Now", icon: "now" },
  { path: "/fleet", name: "Fleet", icon: "fleet", also: "/nodes" },
  { path: "/work", name: "Work", icon: "work" },
  { path: "/queues", name: "Queues", icon: "queues" },
  { path: "/money", name: "Money", icon: "money" },
  { path: "/why", name: "Why", icon: "why" },
  { path: "/what-if", name: "What if", icon: "whatif" },
  { path: "/submit", name: "Submit", icon: "submit" },
];

export function Views() {
  const [location] = useLocation();
  return (
    <Caught key={location.split("/")[1]}>
      <Suspense fallback={null}>
        <Switch>
          <Route path="/" component={Now} />
          <Route path="/fleet" component={Fleet} />
          <Route path="/nodes/:id" component={Node} />
          <Route path="/work" component={Work} />
          <Route path="/work/:id" component={Workload} />
          <Route path="/queues" component={Queues} />
          <Route path="/money" component={Money} />
          <Route path="/why" component={Why} />
          <Route path="/what-if" component={WhatIf} />
          <Route path="/submit" component={Submit} />
          <Route>
            <Empty>
              There is nothing at this address. <Link href="/">Go to what is going on now.</Link>
            </Empty>
          </Route>
        </Switch>
      </Suspense>
    </Caught>
  );
}

/** A view that breaks says so, and leaves the others alone. */
class Caught extends Component<{ children: ReactNode }, { error: Error | null }> {
  override state = { error: null as Error | null };

  static getDerivedStateFromError(error: Error) {
    return { error };
  }

  override render() {
    if (!this.state.error) return this.props.children;
    return <Trouble error={new Error(`This view broke: ${this.state.error.message}`)} again={() => location.reload()} />;
  }
}
