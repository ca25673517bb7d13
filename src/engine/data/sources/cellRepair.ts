// Whether one source of a cell is the repair of another that failed: alike, changed where it matters, and not merely silenced.

/** Failures that no change of the code repairs. */
const NOT_THE_CODE = /^(?:KeyboardInterrupt|SystemExit|MemoryError|OutOfMemoryError|DeadKernelError|Connection\w*|HTTPError|URLError|\w*Timeout\w*|gaierror|SSLError|NewConnectionError|MaxRetryError|OSError: \[Errno 28\])/;

/** Whether a change of the code can have been the remedy of an error of this name. */
export function isErrorOfCode(errorName: string): boolean {
  return errorName !== "" && !NOT_THE_CODE.test(errorName);
}

/** Whether `after` repairs `before`. `leastLikeness`: share of lexemes that both must have, in [0, 1]. */
export function isRepair(before: string, after: string, leastLikeness: number): boolean {
  const old = code(before);
  const fresh = code(after);
  if (fresh.trim() === "" || asRun(old) === asRun(fresh)) return false;
  // To install what was missing, to swallow the error, or to leave most of the work out repairs nothing that can be learnt.
  if (/^\s*[!%](?:pip|conda|apt|apt-get|mamba|uv)\b/m.test(fresh) && !/^\s*[!%](?:pip|conda|apt|apt-get|mamba|uv)\b/m.test(old)) return false;
  if (/except\b[^\n]*:\s*(?:pass|\.\.\.)\s*$/m.test(fresh) && !/except\b[^\n]*:\s*(?:pass|\.\.\.)\s*$/m.test(old)) return false;
  if (squeezed(fresh).length < 0.4 * squeezed(old).length) return false;
  return likeness(old, fresh) >= leastLikeness;
}

/** Dice coefficient of the lexemes of two texts, counted with their numbers, in [0, 1]. */
export function likeness(a: string, b: string): number {
  const counts = new Map<string, number>();
  const left = lexemes(a);
  const right = lexemes(b);
  for (const lexeme of left) counts.set(lexeme, (counts.get(lexeme) ?? 0) + 1);
  let shared = 0;
  for (const lexeme of right) {
    const n = counts.get(lexeme) ?? 0;
    if (n > 0) {
      shared++;
      counts.set(lexeme, n - 1);
    }
  }
  return left.length + right.length === 0 ? 1 : (2 * shared) / (left.length + right.length);
}

function lexemes(text: string): string[] {
  return text.match(/[\p{L}\p{N}_]+|[^\s\p{L}\p{N}_]/gu) ?? [];
}

/** Without comments. */
function code(source: string): string {
  return source.split("\n").filter((line) => !/^\s*(?:#|\/\/)/.test(line)).map((line) => line.replace(/\s+#[^"']*$/, "")).join("\n");
}

/** Lines as the machine tells them apart: indentation counts, spaces within a line do not. */
function asRun(source: string): string {
  return source.split("\n").filter((line) => line.trim() !== "").map((line) => (/^\s*/.exec(line)?.[0] ?? "") + squeezed(line)).join("\n");
}

function squeezed(text: string): string {
  return text.replaceAll(/\s+/g, "");
}
