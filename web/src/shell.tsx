// The frame of every view: where one can go, whether what is seen is live, and who is looking.

import { ActionIcon, AppShell, Burger, Menu, useMantineColorScheme, useComputedColorScheme } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { useEffect, type ReactNode } from "react";
import { Link, useLocation } from "wouter";
import { stream, useLink } from "./live/use-live";
import { Icon, type IconName } from "./parts/icons";
import { clock, clockOffsetMs, useSecond } from "./parts/times";
import { duration } from "./parts/units";
import { leave, useWho } from "./session";

export interface Place {
  path: string;
  name: string;
  icon: IconName;
  /** Addresses that belong to this place too. */
  also?: string;
}

export function Shell({ places, children }: { places: readonly Place[]; children: ReactNode }) {
  const [opened, { toggle, close }] = useDisclosure(false);
  const [location] = useLocation();
  useEffect(() => {
    close();
    window.scrollTo(0, 0);
  }, [location, close]);
  return (
    <AppShell
      header={{ height: 48 }}
      navbar={{ width: 184, breakpoint: "sm", collapsed: { mobile: !opened } }}
      padding={{ base: "sm", sm: "md" }}
      transitionDuration={0}
    >
      <a className="skip" href="#title">
        To the content
      </a>
      <AppShell.Header className="bar">
        <Burger opened={opened} onClick={toggle} hiddenFrom="sm" size="sm" aria-label="Menu" />
        <Link href="/" className="brand">
          <img src="/mark.svg" alt="" width={22} height={22} /> Tauon
        </Link>
        <span className="fill" />
        <LinkState />
        <Scheme />
        <User />
      </AppShell.Header>
      <AppShell.Navbar p="xs" className="nav" aria-label="Views">
        {places.map((place) => (
          <Link key={place.path} href={place.path} aria-current={isHere(place, location) ? "page" : undefined}>
            <Icon name={place.icon} /> {place.name}
          </Link>
        ))}
      </AppShell.Navbar>
      <AppShell.Main>
        <Banner />
        {children}
      </AppShell.Main>
    </AppShell>
  );
}

function isHere(place: Place, location: string): boolean {
  if (place.path === "/") return location === "/";
  const under = (path: string) => location === path || location.startsWith(`${path}/`);
  return under(place.path) || (place.also !== undefined && under(place.also));
}

const LINK_WORDS = { connecting: "connecting", live: "live", away: "server away" } as const;

function LinkState() {
  const link = useLink();
  return (
    <span className="link-state" data-link={link} role="status" title="Whether events arrive as they happen">
      <i /> {LINK_WORDS[link]}
    </span>
  );
}

function Banner() {
  const link = useLink();
  useSecond();
  const offset = clockOffsetMs();
  return (
    <>
      {link === "away" && (
        <div className="banner" role="alert">
          The server has not answered since {clock(stream.awaySince)}. What you see is from then; it goes on by itself when
          the server is back, and nothing that happens meanwhile is left out.
        </div>
      )}
      {Math.abs(offset) > 30_000 && (
        <div className="banner" role="status">
          The clock of this machine is {duration(Math.abs(offset) / 1000)} {offset > 0 ? "behind" : "ahead of"} the
          server&apos;s. Ages are shown by the server&apos;s clock.
        </div>
      )}
    </>
  );
}

function Scheme() {
  const { setColorScheme } = useMantineColorScheme();
  const scheme = useComputedColorScheme("light");
  const other = scheme === "dark" ? "light" : "dark";
  return (
    <ActionIcon variant="subtle" color="gray" c="dimmed" aria-label={`Use ${other} colours`} onClick={() => setColorScheme(other)}>
      <Icon name={scheme === "dark" ? "sun" : "moon"} />
    </ActionIcon>
  );
}

function User() {
  const who = useWho();
  return (
    <Menu position="bottom-end" withinPortal>
      <Menu.Target>
        <button type="button" className="user" aria-label={`Signed in as ${who.user}`}>
          {who.user}
        </button>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>
          Tauon {who.version} on {who.database.includes("://") ? "PostgreSQL" : "SQLite"}
        </Menu.Label>
        <Menu.Item leftSection={<Icon name="out" size={15} />} onClick={() => void leave()}>
          Sign out
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}
