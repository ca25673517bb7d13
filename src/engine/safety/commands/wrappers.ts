// Programs whose work is to run another one: what they run, and what they add to it. Unwrapping is repeated by the assessor.
import type { CommandCall } from "./call.ts";
import { operands, optionValues } from "./call.ts";
import { ask, block } from "./findings.ts";
import type { Concern } from "./findings.ts";
import { UNKNOWN_VALUE } from "./values.ts";
import type { Field, Value } from "./values.ts";

/** What a wrapper runs: a command in words, or text that a shell reads. */
export type Inner = { words: readonly Field[]; input?: Value | null } | { shell: Value };

export interface Unwrapped {
  concerns: readonly Concern[];
  inner: readonly Inner[];
  /** Runs elsewhere: what would harm this machine harms another. */
  remote?: boolean;
}

type Wrapper = (call: CommandCall) => Unwrapped | null;

/** Options without values, then the command. `valued`: options that take the next argument. */
function after(call: CommandCall, valued: readonly string[], skipOperands = 0, assignments = false): Field[] {
  let i = 0;
  let skipped = 0;
  for (; i < call.args.length; i++) {
    const text = call.args[i]?.text ?? "";
    if (text === "--") {
      i++;
      break;
    }
    if (text.startsWith("-") && text.length > 1) {
      if (valued.includes(text)) i++;
      continue;
    }
    if (assignments && /^[A-Za-z_]\w*=/.test(text)) continue;
    if (skipped < skipOperands) {
      skipped++;
      continue;
    }
    break;
  }
  return call.args.slice(i);
}

const plain = (valued: readonly string[] = [], skipOperands = 0): Wrapper => (call) => {
  const words = after(call, valued, skipOperands);
  return { concerns: [], inner: words.length > 0 ? [{ words, input: call.input }] : [] };
};

const ADMINISTRATOR = block("administrator", "runs with administrator rights");

const sudo: Wrapper = (call) => {
  if (call.args.length > 0 && call.args.every((arg) => /^-(?:[kKVhlv]+|-version|-help|-list)$/.test(arg.text))) return { concerns: [], inner: [] };
  const words = after(call, ["-u", "-g", "-C", "-h", "-p", "-r", "-t", "-U", "-D", "--user", "--group", "--prompt", "--host", "-n_"], 0, true);
  return { concerns: [ADMINISTRATOR], inner: words.length > 0 ? [{ words, input: call.input }] : [] };
};

const su: Wrapper = (call) => {
  const command = optionValues(call, "-c", "--command")[0];
  return { concerns: [ADMINISTRATOR], inner: command ? [{ shell: command }] : call.input ? [{ shell: call.input }] : [] };
};

const env: Wrapper = (call) => {
  const split = optionValues(call, "-S", "--split-string")[0];
  if (split) return { concerns: [], inner: [{ shell: split }] };
  const words = after(call, ["-u", "-C", "--unset", "--chdir"], 0, true);
  return { concerns: [], inner: words.length > 0 ? [{ words, input: call.input }] : [] };
};

const xargs: Wrapper = (call) => {
  const words = after(call, ["-I", "-n", "-P", "-L", "-d", "-E", "-s", "-a", "--max-args", "--max-procs", "--delimiter", "--replace", "-i"]);
  const replaced = optionValues(call, "-I", "--replace")[0]?.text;
  const lines = call.input === null || call.input.text.includes("\uE000") ? null : call.input.text.trim().split(/\s+/).filter((word) => word !== "");
  const given: Field[] = (lines ?? ["\uE000"]).slice(0, 64).map((text) => ({ ...(call.input ?? UNKNOWN_VALUE), text, start: words[0]?.start ?? 0, end: words.at(-1)?.end ?? 0, encoded: false, quoted: false }));
  const filled = replaced !== undefined ? words.flatMap((word) => (word.text.includes(replaced) ? given.map((each) => ({ ...each, text: word.text.split(replaced).join(each.text) })) : [word])) : [...words, ...given];
  return { concerns: [], inner: words.length > 0 ? [{ words: filled, input: null }] : [] };
};

const find: Wrapper = (call) => {
  const inner: Inner[] = [];
  const concerns: Concern[] = [];
  const root = call.args[0]?.text ?? ".";
  const patterns = call.args.flatMap((arg, i) => (/^-i?name$/.test(call.args[i - 1]?.text ?? "") ? [arg.text] : []));
  call.args.forEach((arg, i) => {
    if (!/^-(?:exec|execdir|ok|okdir)$/.test(arg.text)) return;
    const rest = call.args.slice(i + 1);
    const end = rest.findIndex((word) => word.text === ";" || word.text === "+");
    // What it finds stands under its folder, or is named as its pattern says.
    const found = patterns.length > 0 ? `${root.replace(/\/$/, "")}/${patterns[0] ?? ""}` : `${root.replace(/\/$/, "")}/*`;
    const words = rest.slice(0, end < 0 ? rest.length : end).map((word) => ({ ...word, text: word.text.split("{}").join(found) }));
    if (words.length > 0) inner.push({ words, input: null });
  });
  return inner.length > 0 ? { concerns, inner } : null;
};

const ssh: Wrapper = (call) => {
  const words = after(call, ["-i", "-p", "-l", "-o", "-L", "-R", "-D", "-F", "-J", "-b", "-c", "-e", "-m", "-E", "-S", "-W", "-w", "-Q", "-I", "-B", "-O"], 1);
  const command = optionValues(call, "-o").find((option) => /^(?:Proxy|Local)Command=/i.test(option.text));
  const concerns: Concern[] = command ? [ask("run-hidden", "runs a program while connecting")] : [];
  const shell: Value | null = words.length > 0 ? { ...(words[0] as Field), text: words.map((word) => word.text).join(" ") } : call.input;
  return { concerns, inner: shell && shell.text.trim() !== "" ? [{ shell }] : [], remote: true };
};

/** `docker exec box sh -c …`, `docker run image cmd`: judged as it stands, for containers see the folders that are mounted. */
const container: Wrapper = (call) => {
  const verb = call.args[0]?.text;
  if (verb !== "exec" && !(verb === "compose" && call.args[1]?.text === "exec")) return null;
  const rest = { ...call, args: call.args.slice(verb === "exec" ? 1 : 2) };
  const words = after(rest, ["-u", "-w", "-e", "--user", "--workdir", "--env", "--env-file", "--index"], 1);
  return { concerns: [], inner: words.length > 0 ? [{ words, input: call.input }] : [], remote: true };
};

const kubectlExec: Wrapper = (call) => {
  if (call.args[0]?.text !== "exec") return null;
  const at = call.args.findIndex((arg) => arg.text === "--");
  return at < 0 ? null : { concerns: [ask("cluster", "runs a program inside the cluster")], inner: [{ words: call.args.slice(at + 1), input: null }], remote: true };
};

const joinedText: Wrapper = (call) => {
  const text = call.args.map((arg) => arg.text).join(" ");
  const first = call.args[0];
  return { concerns: [], inner: first ? [{ shell: { ...first, downloaded: call.args.find((arg) => arg.downloaded !== null)?.downloaded ?? null, decoded: call.args.some((arg) => arg.decoded), text } }] : [] };
};

/** `watch "cmd"`, `nodemon --exec "cmd"`, `concurrently "a" "b"`: each argument with blanks is a command of its own. */
const texts = (...options: readonly string[]): Wrapper => (call) => {
  const named = optionValues(call, ...options);
  const words = named.length > 0 ? named : operands(call, ["-n", "--names", "-c", "-d", "-i", "--interval", "--watch", "-w", "--ext", "-e", "--ignore"]).filter((word) => /\s/.test(word.text));
  return { concerns: [], inner: words.map((shell) => ({ shell })) };
};

const watch: Wrapper = (call) => {
  const words = after(call, ["-n", "--interval"]);
  return { concerns: [], inner: words.length > 0 ? [{ shell: { ...(words[0] as Field), text: words.map((word) => word.text).join(" ") } }] : [] };
};

const packageRunner: Wrapper = (call) => {
  // npm exec -- cmd, npx cmd, uv run cmd, poetry run cmd, bundle exec cmd: the tool's own arguments are judged as its own.
  const first = call.args[0]?.text ?? "";
  const named = optionValues(call, "-c", "--call")[0];
  if (named && (call.name === "npx" || first === "exec")) return { concerns: [], inner: [{ shell: named }] };
  const direct = call.name === "npx" || call.name === "bunx" || call.name === "pnpx" || call.name === "uvx";
  if (!direct && first !== "exec" && first !== "run" && first !== "x" && first !== "dlx") return null;
  if (first === "run" && /^(?:npm|pnpm|yarn|bun|go|cargo|pipx|deno)$/.test(call.name)) return null;
  if (/^(?:docker|podman|kubectl|go|cargo|dotnet)$/.test(call.name)) return null;
  const rest = direct ? call : { ...call, args: call.args.slice(1) };
  const words = after(rest, ["-p", "--package", "-C", "--with", "--python", "--group", "--extra", "--env-file", "-w", "--workspace", "-n", "--name"]);
  return words.length > 0 ? { concerns: [], inner: [{ words, input: call.input }] } : null;
};

const trap: Wrapper = (call) => ({ concerns: [], inner: call.args[0] && !/^-|^$/.test(call.args[0].text) ? [{ shell: call.args[0] }] : [] });

const tmux: Wrapper = (call) => ({ concerns: [], inner: operands(call, ["-s", "-t", "-n", "-c", "-S", "-x", "-y"]).filter((word) => /\s/.test(word.text)).map((shell) => ({ shell })) });

const script: Wrapper = (call) => {
  const command = optionValues(call, "-c", "--command")[0];
  return command ? { concerns: [], inner: [{ shell: command }] } : { concerns: [], inner: [] };
};

const scheduled: Wrapper = (call) => (call.input ? { concerns: [ask("schedule", "schedules commands that run by themselves")], inner: [{ shell: call.input }] } : null);

const osascript: Wrapper = (call) => {
  const concerns: Concern[] = [];
  const inner: Inner[] = [];
  for (const code of optionValues(call, "-e")) {
    for (const match of code.text.matchAll(/do shell script\s+"((?:[^"\\]|\\.)*)"([^\n]*)/g)) {
      if (/administrator/.test(match[2] ?? "")) concerns.push(ADMINISTRATOR);
      inner.push({ shell: { ...code, text: (match[1] ?? "").replace(/\\(["\\])/g, "$1") } });
    }
  }
  return { concerns: [...concerns, ask("automation", "controls other programs of this machine")], inner };
};

const busybox: Wrapper = plain([]);

const WRAPPERS: ReadonlyMap<string, Wrapper> = new Map<string, Wrapper>([
  ...["sudo", "doas", "pkexec", "gsudo", "runas", "kdesu", "gksu", "gksudo", "sudoedit", "please", "run0", "dzdo"].map((name) => [name, sudo] as const),
  ["su", su], ["runuser", su], ["env", env], ["genv", env],
  ...["nohup", "time", "setsid", "exec", "command", "builtin", "unbuffer", "noglob", "winpty", "caffeinate", "eatmydata", "fakeroot", "proot", "rlwrap", "xvfb-run", "chronic", "ts", "cross-env-shell", "dotenv", "do", "not"].map((name) => [name, plain(["-n", "-s", "-a", "-e"])] as const),
  ["cross-env", (call) => env(call)], ["dotenvx", (call) => env(call)],
  ...["nice", "ionice", "chrt", "taskset", "stdbuf", "cpulimit"].map((name) => [name, plain(["-n", "-c", "-p", "-o", "-i", "-e", "-l"], name === "taskset" || name === "chrt" ? 1 : 0)] as const),
  ["timeout", plain(["-s", "-k", "--signal", "--kill-after"], 1)], ["gtimeout", plain(["-s", "-k"], 1)],
  ["flock", plain(["-w", "-E"], 1)], ["chroot", plain([], 1)], ["strace", plain(["-e", "-o", "-p", "-s"])], ["ltrace", plain(["-e", "-o"])], ["gdb", () => null], ["valgrind", plain([])], ["perf", plain(["-e", "-o", "-F"], 1)],
  ["nsenter", (call) => ({ concerns: [block("administrator", "runs with the rights of another process")], inner: [{ words: after(call, ["-t", "-r", "-w"]), input: call.input }] })],
  ["unshare", plain([])], ["systemd-run", (call) => ({ concerns: [ask("service", "starts a service of this machine")], inner: [{ words: after(call, ["-p", "--unit", "--on-calendar", "--on-active"]), input: null }] })],
  ["xargs", xargs], ["gxargs", xargs], ["parallel", xargs], ["find", find], ["gfind", find], ["fd", (call) => {
    const at = call.args.findIndex((arg) => /^(?:-x|-X|--exec|--exec-batch)$/.test(arg.text));
    return at < 0 ? null : { concerns: [], inner: [{ words: call.args.slice(at + 1), input: null }] };
  }],
  ["ssh", ssh], ["mosh", ssh], ["docker", container], ["podman", container], ["kubectl", kubectlExec], ["oc", kubectlExec],
  ["eval", joinedText], ["watch", watch], ["nodemon", texts("-x", "--exec")], ["concurrently", texts()], ["entr", plain(["-s"])], ["hyperfine", texts()], ["run-s", () => null], ["wait-on", () => null],
  ["npx", packageRunner], ["bunx", packageRunner], ["pnpx", packageRunner], ["uvx", packageRunner], ["npm", packageRunner], ["pnpm", packageRunner], ["yarn", packageRunner], ["bun", packageRunner], ["uv", packageRunner], ["poetry", packageRunner], ["pipenv", packageRunner], ["pdm", packageRunner], ["hatch", packageRunner], ["rye", packageRunner], ["bundle", packageRunner], ["conda", packageRunner], ["mamba", packageRunner], ["mise", packageRunner], ["direnv", packageRunner],
  ["trap", trap], ["tmux", tmux], ["screen", tmux], ["script", script], ["at", scheduled], ["batch", scheduled], ["osascript", osascript], ["busybox", busybox], ["toybox", busybox],
]);

/** What `call` runs besides itself, or null where it is no wrapper or wraps nothing. */
export function unwrap(call: CommandCall): Unwrapped | null {
  return WRAPPERS.get(call.name)?.(call) ?? null;
}

