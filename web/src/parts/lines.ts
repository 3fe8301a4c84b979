// A job's output as lines: bytes come in pieces, cut anywhere; very long lines and very long outputs stay bearable.

const MOST_LINES = 50_000;
const MOST_CHARS = 16 * 2 ** 20;
/** How much of a line is shown. */
export const SHOWN_CHARS = 4000;

// Colours and cursor movements of terminals; the log shows text.
// eslint-disable-next-line no-control-regex
const ESCAPES = /\u001b(?:\[[0-?]*[ -/]*[@-~]|\][^\u0007\u001b]*(?:\u0007|\u001b\\)|[@-Z\\-_])/g;

export class Lines {
  /** The number of the first line that is kept, from 0. */
  first = 0;
  private done: string[] = [];
  private open = "";
  private openChars = 0;
  private chars = 0;
  private readonly decoder = new TextDecoder("utf-8");

  /** Take the next bytes. */
  take(data: Uint8Array): void {
    const text = this.decoder.decode(data, { stream: true });
    let from = 0;
    for (;;) {
      const at = text.indexOf("\n", from);
      if (at < 0) break;
      this.grow(text.slice(from, at));
      this.finish();
      from = at + 1;
    }
    this.grow(text.slice(from));
  }

  get length(): number {
    return this.done.length + (this.openChars ? 1 : 0);
  }

  at(index: number): string {
    return index < this.done.length ? this.done[index]! : shown(this.open, this.openChars);
  }

  /** The lines that hold a text, whatever its case. */
  find(text: string): number[] {
    const wanted = text.toLowerCase();
    const found: number[] = [];
    for (let i = 0; i < this.length; i += 1) if (this.at(i).toLowerCase().includes(wanted)) found.push(i);
    return found;
  }

  private grow(piece: string): void {
    this.openChars += piece.length;
    // What will not be shown is counted, not kept.
    if (this.open.length < SHOWN_CHARS * 2) this.open += piece.slice(0, SHOWN_CHARS * 2);
  }

  private finish(): void {
    const line = shown(this.open, this.openChars);
    this.done.push(line);
    this.chars += line.length;
    this.open = "";
    this.openChars = 0;
    if (this.done.length > MOST_LINES || this.chars > MOST_CHARS) {
      const dropped = this.done.splice(0, Math.ceil(this.done.length / 10));
      for (const one of dropped) this.chars -= one.length;
      this.first += dropped.length;
    }
  }
}

function shown(raw: string, chars: number): string {
  // A progress bar writes over itself: what stood there last is what a terminal would show.
  const text = raw.endsWith("\r") ? raw.slice(0, -1) : raw;
  const line = text.slice(text.lastIndexOf("\r") + 1).replace(ESCAPES, "");
  if (chars <= SHOWN_CHARS) return line;
  return `${line.slice(0, SHOWN_CHARS)} … (${chars.toLocaleString("en-US")} characters in this line; the whole of it is in the download)`;
}

/** Bytes of Base64. */
export function bytesOf(base64: string): Uint8Array {
  const text = atob(base64);
  const data = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i += 1) data[i] = text.charCodeAt(i);
  return data;
}
