// The few signs that the page uses, drawn here so that nothing is fetched for them.

const PATHS = {
  now: "M3 13h4l2-7 4 12 3-8 1.5 3H21",
  fleet: "M4 4h6v6H4zM14 4h6v6h-6zM4 14h6v6H4zM14 14h6v6h-6z",
  work: "M4 6h16M4 12h16M4 18h10",
  queues: "M12 4v5M12 9H5v5M12 9h7v5M3 14h4v5H3zM10 14h4v5h-4zM17 14h4v5h-4zM12 9v5",
  money: "M12 3v18M16.5 7.5C16 6 14.3 5.3 12 5.3c-2.6 0-4.3 1.200-4.300 3.100 0 4.600 9 2.400 9 7.200 0 2-1.900 3.200-4.700 3.200-2.700 0-4.500-1-5-2.900",
  why: "M9 9a3 3 0 1 1 4.500 2.600c-1 .6-1.500 1.200-1.500 2.400M12 17.500v.5M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18z",
  whatif: "M6 3v6c0 4 12 2 12 8v4M18 3v6c0 4-12 2-12 8v4",
  submit: "M12 4v16M4 12h16",
  sun: "M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM12 2v2M12 20v2M2 12h2M20 12h2M5 5l1.500 1.500M17.500 17.500 19 19M5 19l1.500-1.500M17.500 6.500 19 5",
  moon: "M20 14.500A8 8 0 0 1 9.500 4 8 8 0 1 0 20 14.500z",
  menu: "M4 7h16M4 12h16M4 17h16",
  out: "M14 4H5v16h9M10 12h10M17 9l3 3-3 3",
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name, size = 18 }: { name: IconName; size?: number }) {
  return (
    <svg
      width={size}
      height={size}
      viewBox="0 0 24 24"
      fill="none"
      stroke="currentColor"
      strokeWidth={1.8}
      strokeLinecap="round"
      strokeLinejoin="round"
      aria-hidden="true"
    >
      <path d={PATHS[name]} />
    </svg>
  );
}
