// Finds error messages and stack frames in pasted text, for the languages people paste: Python, JavaScript and TypeScript,
// Go, Rust, Java, C#, Ruby, PHP, C, and the `path:line` of compilers. It does not decide which frame is in the workspace.

/** A place that an error names. `path` is as pasted, with forward slashes; `line` is 1-based. */
export interface StackFrame {
  path: string;
  line: number;
  /** The function's name as the trace gives it, or "". */
  name: string;
}

/** An error as it was pasted. `frames` are innermost first. */
export interface ErrorMention {
  /** "TypeError", "ValueError", "TS2345", "panic", or "". */
  type: string;
  message: string;
  frames: StackFrame[];
}

const MAXIMUM_FRAMES = 32;
const MAXIMUM_LINE_LENGTH = 1000;

/** A path: it may hold spaces only where quotes or brackets delimit it. */
const PATH = String.raw`(?:[A-Za-z]:[\\/])?[^\s"'()<>:|*?,;\[\]]+`;

interface FramePattern {
  pattern: RegExp;
  /** Indices of the groups: path, line, name (0: none). */
  groups: readonly [path: number, line: number, name: number];
  /** Python prints the innermost frame last, everybody else first. */
  innermostLast?: boolean;
}

const FRAME_PATTERNS: readonly FramePattern[] = [
  { pattern: /^\s*File "([^"]+)", line (\d+)(?:, in (.+?))?\s*$/, groups: [1, 2, 3], innermostLast: true },
  // Java: at com.acme.Bar.baz(Bar.java:12)
  { pattern: /^\s*at\s+([\w$.<>/]+)\(([\w$-]+\.(?:java|kt|kts|scala|groovy)):(\d+)\)/, groups: [2, 3, 1] },
  // C#: at Acme.Foo.Bar(Int32 x) in C:\src\Foo.cs:line 12
  { pattern: /^\s*at\s+(.+?)\s+in\s+(.+):line\s+(\d+)/, groups: [2, 3, 1] },
  // JavaScript: at async Foo.bar (file:///x/y.ts:12:5)
  { pattern: /^\s*at\s+(?:async\s+)?(.+?)\s+\((.+?):(\d+)(?::\d+)?\)\s*$/, groups: [2, 3, 1] },
  { pattern: new RegExp(String.raw`^\s*at\s+(?:async\s+)?((?:file:\/\/|node:|webpack-internal:\/\/\/?)?${PATH}):(\d+)(?::\d+)?\s*$`), groups: [1, 2, 0] },
  // Firefox and Safari: bar@http://host/x.js:12:5
  { pattern: /^\s*([\w$./<]*)@((?:file|https?|webpack):\/\/\S+?):(\d+):\d+\s*$/, groups: [2, 3, 1] },
  // gdb: #0  fn (x=1) at src/file.c:12
  { pattern: /^\s*#\d+\s+(?:0x[0-9a-f]+ in )?(\w[\w:~<>]*)\s*\(.*\)\s+at\s+(\S+?):(\d+)/, groups: [2, 3, 1] },
  // PHP: #0 /x/y.php(12): fn()
  { pattern: /^\s*#\d+\s+(\S+\.php)\((\d+)\):\s*([\w\\:>-]+)?/, groups: [1, 2, 3] },
  { pattern: /\bin (\S+\.php)(?: on line |:)(\d+)/, groups: [1, 2, 0] },
  // Ruby: from x/y.rb:12:in `fn'
  { pattern: /^\s*(?:from\s+|\d+:\s*from\s+)?(\S+\.rb):(\d+):in [`']([^']+)'/, groups: [1, 2, 3] },
  // Go: <tab>/x/y.go:12 +0x1d
  { pattern: /^\s*(\S+\.go):(\d+)(?:\s+\+0x[0-9a-f]+)?\s*$/, groups: [1, 2, 0] },
  // Rust: thread 'main' panicked at src/main.rs:10:5:   and   --> src/main.rs:10:5
  { pattern: /panicked at (?:'.*', )?(\S+\.rs):(\d+)(?::\d+)?/, groups: [1, 2, 0] },
  { pattern: /^\s*(?:-->|at)\s+(\S+\.\w+):(\d+)(?::\d+)?\s*$/, groups: [1, 2, 0] },
  // tsc: src/x.ts(12,5): error TS2345
  { pattern: /^\s*(\S+\.\w+)\((\d+),\d+\):\s*(?:error|warning)/, groups: [1, 2, 0] },
  // gcc, mypy, ruff, tsc --pretty, eslint's unix format: path:12:5: error: …
  { pattern: /^\s*(\S+?\.\w+):(\d+)(?::\d+)?(?::|\s+-)\s*(?:fatal |internal compiler )?(?:error|warning|note|[EWFCN]\d{1,4})\b/i, groups: [1, 2, 0] },
];

/** `path.ext:line` anywhere in a line that no other pattern took; only looked for where the text speaks of an error. */
const LOOSE_FRAME = new RegExp(String.raw`(?:^|[\s("'\[\`@])((?:[A-Za-z]:[\\/])?[\w.@~+\\/-]*[\w-]\.[A-Za-z]\w{0,5}):(\d+)(?::\d+)?(?=$|[\s)"'\],.;:\`])`);

const ERROR_LINES: readonly { pattern: RegExp; groups: readonly [type: number, message: number] }[] = [
  { pattern: /\berror (TS\d+):\s*(.+)$/, groups: [1, 2] },
  { pattern: /\berror\[(E\d{4})\]:\s*(.+)$/, groups: [1, 2] },
  { pattern: /^(?:Uncaught |Unhandled |\(node:\d+\) )*(?:\(in promise\) )?(?:Exception in thread "[^"]*" )?(?:Caused by: )?((?:[\w$]+\.)*[A-Z][\w$]*(?:Error|Exception|Warning|Interrupt|Exit|Failure|Fault))(?: \[[A-Z_]+\])?(?::\s*(.*))?$/, groups: [1, 2] },
  { pattern: /^(panic|fatal error|fatal|runtime error):\s*(.+)$/i, groups: [1, 2] },
  { pattern: /^(?:PHP )?(Fatal error|Parse error|Warning|Notice):\s+(.+?)(?: in \S+.*)?$/, groups: [1, 2] },
  { pattern: /^(?:Uncaught )?(Error):\s*(.+)$/i, groups: [1, 2] },
];

/** An error name and message inside a sentence: why do I get "TypeError: x is not a function"? */
const INLINE_ERROR = /\b((?:[A-Za-z_]\w{0,60}\.){0,6}[A-Z]\w{0,80}(?:Error|Exception))\s{0,3}:\s*([^"`\n]{3,300})/;

/** Reads an error and its frames out of `text`, or null where there is none. Bounded by the first `limit` characters. */
export function findError(text: string, limit = 65_536): ErrorMention | null {
  const lines = text.slice(0, limit).split(/\r?\n/);
  const frames: StackFrame[] = [];
  let innermostLast = false;
  let type = "";
  let message = "";
  let previous = "";
  for (const [i, raw] of lines.entries()) {
    const line = raw.slice(0, MAXIMUM_LINE_LENGTH);
    const frame = frameIn(line, previous);
    if (frame && frames.length < MAXIMUM_FRAMES * 4) {
      frames.push(frame.frame);
      innermostLast ||= frame.innermostLast;
    }
    // Of several errors, Python's last and a JavaScript trace's first is the one that surfaced.
    if (type === "" || innermostLast) {
      const found = errorIn(line.trim());
      if (found) {
        type = found.type;
        message = found.message;
        // Rust and node print the message on the line below.
        if (message === "" && frame !== null) message = (lines[i + 1] ?? "").trim();
      }
    }
    if (line.trim() !== "") previous = line;
  }
  const panicked = /panicked at (?:'(.*)', )?\S+\.rs:\d+/.exec(text.slice(0, limit));
  if (panicked) {
    type = "panic";
    message = panicked[1] ?? lines[lines.findIndex((line) => line.includes("panicked at")) + 1]?.trim() ?? "";
  }
  if (type === "") {
    const inline = INLINE_ERROR.exec(text.slice(0, limit));
    if (inline) {
      type = inline[1] ?? "";
      message = (inline[2] ?? "").trim().replace(/['’”?.]+$/, "");
    }
  }
  if (type === "" && frames.length === 0) return null;
  if (innermostLast) frames.reverse();
  return { type: type.split(".").at(-1) ?? type, message: message.slice(0, 500), frames: distinct(frames).slice(0, MAXIMUM_FRAMES) };
}

/** The places of the form `path.ext:line` in running text, in order. */
export function findPlaces(text: string, limit = 65_536): StackFrame[] {
  const places: StackFrame[] = [];
  for (const line of text.slice(0, limit).split(/\r?\n/)) {
    const match = LOOSE_FRAME.exec(line.slice(0, MAXIMUM_LINE_LENGTH));
    if (match) places.push({ path: cleanPath(match[1] ?? ""), line: Number(match[2]), name: "" });
    if (places.length >= MAXIMUM_FRAMES) break;
  }
  return distinct(places);
}

function frameIn(line: string, previous: string): { frame: StackFrame; innermostLast: boolean } | null {
  for (const { pattern, groups, innermostLast } of FRAME_PATTERNS) {
    const match = pattern.exec(line);
    if (!match) continue;
    const lineNumber = Number(match[groups[1]]);
    const path = cleanPath(match[groups[0]] ?? "");
    if (path === "" || !Number.isSafeInteger(lineNumber) || lineNumber < 1) continue;
    let name = groups[2] > 0 ? (match[groups[2]] ?? "").trim() : "";
    // Go names the function on the line above its place.
    if (name === "" && path.endsWith(".go")) name = /^([\w./*()-]+?)\(/.exec(previous.trim())?.[1] ?? "";
    return { frame: { path, line: lineNumber, name: shortName(name) }, innermostLast: innermostLast === true };
  }
  return null;
}

function errorIn(line: string): { type: string; message: string } | null {
  for (const { pattern, groups } of ERROR_LINES) {
    const match = pattern.exec(line);
    if (match) return { type: match[groups[0]] ?? "", message: (match[groups[1]] ?? "").trim() };
  }
  return null;
}

/** Forward slashes, no scheme, no query. */
function cleanPath(path: string): string {
  return path
    .replace(/^file:\/\/\/?(?=[A-Za-z]:)/, "").replace(/^file:\/\//, "")
    .replace(/^webpack(?:-internal)?:\/\/\/?(?:[^./][^/]*\/)?(?=\.?\/?)/, "")
    .replace(/^https?:\/\/[^/]+\//, "").replace(/[?#].*$/, "")
    .replaceAll("\\", "/").replace(/^\.\//, "");
}

/** "Foo.bar" of "async Foo.bar [as baz]"; "bar" of "<lambda>" stays as it is. */
function shortName(name: string): string {
  return name.replace(/^(?:async|new)\s+/, "").replace(/\s+\[as .*$/, "").replace(/\(.*$/, "");
}

function distinct(frames: readonly StackFrame[]): StackFrame[] {
  const seen = new Set<string>();
  return frames.filter((frame) => {
    const key = `${frame.path}:${frame.line}`;
    if (seen.has(key)) return false;
    seen.add(key);
    return true;
  });
}
