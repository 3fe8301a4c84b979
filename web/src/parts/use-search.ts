// What a view shows, kept in its address, so that it can be sent to somebody else and gone back to.

import { useCallback, useMemo } from "react";
import { useLocation, useSearch } from "wouter";

export type Fields = Record<string, string>;

/** The fields of the address, and a way to change some: empty ones vanish from it. */
export function useFields(): [Fields, (change: Fields, how?: { replace?: boolean }) => void] {
  const search = useSearch();
  const [location, go] = useLocation();
  const fields = useMemo(() => Object.fromEntries(new URLSearchParams(search)) as Fields, [search]);
  const change = useCallback(
    (changes: Fields, how: { replace?: boolean } = {}) => {
      const next = new URLSearchParams(window.location.search);
      for (const [name, value] of Object.entries(changes)) {
        if (value) next.set(name, value);
        else next.delete(name);
      }
      const text = next.toString();
      go(text ? `${location}?${text}` : location, { replace: how.replace ?? false });
    },
    [go, location],
  );
  return [fields, change];
}
