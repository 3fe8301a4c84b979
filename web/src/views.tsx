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

export const PLACES: readonly Place[] = [
  { path: "/", name: "Now", icon: "now" },
  { path: "/fleet", name: "Fleet", icon: "fleet", also: "/nodes" },
  { path: "/work", name: "Work", icon: "work" },
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
