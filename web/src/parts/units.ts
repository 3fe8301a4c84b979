// Amounts as people read them, with their units, in figures that line up.

const WHOLE = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });
const PLAIN = new Intl.NumberFormat("en-US", { maximumFractionDigits: 2 });
const ONE = new Intl.NumberFormat("en-US", { minimumFractionDigits: 1, maximumFractionDigits: 1 });
const CENTS = new Intl.NumberFormat("en-US", { minimumFractionDigits: 2, maximumFractionDigits: 2 });
const FINE = new Intl.NumberFormat("en-US", { minimumFractionDigits: 4, maximumFractionDigits: 4 });

/** A number of things. */
export function count(value: number): string {
  return Number.isInteger(value) ? WHOLE.format(value) : PLAIN.format(value);
}

/** Dollars: to the cent, or finer where it is less than ten cents. */
export function usd(value: string | number): string {
  const amount = Number(value);
  const size = Math.abs(amount);
  const sign = amount < 0 ? "-" : "";
  if (size > 0 && size < 0.00005) return `${sign}<$0.0001`;
  return `${sign}$${(size > 0 && size < 0.1 ? FINE : CENTS).format(size)}`;
}

export function usdPerHour(value: string | number): string {
  return `${usd(value)}/h`;
}

/** A share between 0 and 1. */
export function percent(share: number): string {
  if (!Number.isFinite(share)) return "–";
  const value = share * 100;
  return `${value > 0 && value < 10 && !Number.isInteger(value) ? ONE.format(value) : WHOLE.format(value)} %`;
}

/** A length of time, in its two largest units. */
export function duration(seconds: number): string {
  const s = Math.max(0, seconds);
  if (s < 10 && s > 0) return `${ONE.format(s)} s`;
  if (s < 60) return `${Math.round(s)} s`;
  const minutes = Math.floor(s / 60);
  if (minutes < 60) return `${minutes} min ${Math.floor(s % 60)} s`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return `${hours} h ${minutes % 60} min`;
  return `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

/** Bytes with a binary unit. */
export function bytes(value: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let at = 0;
  let size = value;
  while (size >= 1024 && at < units.length - 1) {
    size /= 1024;
    at += 1;
  }
  return `${at ? ONE.format(size) : WHOLE.format(size)} ${units[at]}`;
}

/** "1 job", "2 jobs". */
export function many(value: number, what: string): string {
  return `${count(value)} ${what}${value === 1 ? "" : "s"}`;
}
