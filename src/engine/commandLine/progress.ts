// Progress on standard error: a bar on a terminal, a plain line every few seconds otherwise. Never on standard output.

export interface Progress {
  /** `done` of `total` (null: unknown), with a short label. */
  report(label: string, done: number, total: number | null): void;
  /** A line of its own. */
  say(line: string): void;
  /** Clears the bar. */
  finish(): void;
}

const BAR_WIDTH = 24;
const PLAIN_EVERY_MS = 5_000;
const BAR_EVERY_MS = 80;

/** Progress on `stream`; `now` in milliseconds is there for tests. */
export function progressOn(stream: NodeJS.WriteStream, now: () => number = Date.now): Progress {
  const terminal = stream.isTTY;
  let last = -Infinity;
  let shown = false;
  const clear = (): void => {
    if (shown) stream.write("\r\u001b[K");
    shown = false;
  };
  return {
    report(label, done, total) {
      const time = now();
      if (time - last < (terminal ? BAR_EVERY_MS : PLAIN_EVERY_MS)) return;
      last = time;
      const count = total === null ? String(done) : `${done} / ${total}`;
      if (!terminal) {
        stream.write(`${label}: ${count}\n`);
        return;
      }
      const share = total ? Math.min(1, done / total) : 0;
      const full = Math.round(share * BAR_WIDTH);
      clear();
      stream.write(total === null ? `${label} ${count}` : `${label} [${"=".repeat(full)}${" ".repeat(BAR_WIDTH - full)}] ${count}`);
      shown = true;
    },
    say(line) {
      clear();
      stream.write(`${line}\n`);
    },
    finish: clear,
  };
}
