// Follows a shell text as a shell would: assigns, expands, pipes, defines, unwraps, and asks the rules about every program that
// it would run. It runs nothing. What can be foreseen is followed however deep it is wrapped; what cannot is said to be unseen.
import type { CommandCall } from "./call.ts";
import { optionValues, operands, shownText } from "./call.ts";
import { FILE_RULES, writing } from "./fileRules.ts";
import { ask, block } from "./findings.ts";
import type { CommandFinding, Concern } from "./findings.ts";
import { readInlineCode } from "./inlineCode.ts";
import { NETWORK_RULES, downloadTarget, hostOf, urlOf } from "./networkRules.ts";
import { PACKAGE_RULES } from "./packageRules.ts";
import { UNKNOWN, holdsKeys, normalPath, placeOf } from "./places.ts";
import { ENVIRONMENT, INTERPRETERS, SHELLS, callsItself, foundPaths, programName, quote, wordText } from "./programs.ts";
import { SERVICE_RULES } from "./serviceRules.ts";
import { parseShell } from "./shellParser.ts";
import type { ShellCommand, ShellPipeline, ShellRedirect, ShellScript } from "./shellSyntax.ts";
import { SYSTEM_RULES, environment, redefinition } from "./systemRules.ts";
import { UNKNOWN_VALUE, WRITTEN_HERE, decodedBy, expandWord, joined, mixed, printed } from "./values.ts";
import type { Field, Scope, Value } from "./values.ts";
import { unwrap } from "./wrappers.ts";

/** Commands looked at, all wrappers and loops included; beyond, the rest counts as unseen. */
const MOST_COMMANDS = 2_000;
const DEEPEST = 24;

/** Reads commands of other shells (PowerShell, cmd.exe) that a shell text starts. */
export type ForeignShell = (text: string, shell: "powershell" | "cmd") => readonly Concern[];

const EMPTY: Value = { text: "", ...WRITTEN_HERE };

export class ShellAssessor {
  readonly findings: CommandFinding[] = [];
  readonly #foreign: ForeignShell;
  #variables = new Map<string, Value>();
  readonly #functions = new Map<string, ShellCommand>();
  readonly #aliases = new Map<string, string>();
  /** What the text itself has put into files. */
  readonly #files = new Map<string, Value>();
  #folder = ".";
  #commands = 0;
  #depth = 0;
  #remote = 0;
  /** Where the command stands that is looked at: within encoded or nested text, where its outermost wrapper stands. */
  #span = { start: 0, end: 0 };
  #nested = 0;

  constructor(foreign: ForeignShell) {
    this.#foreign = foreign;
  }

  /** Looks at a whole text. */
  assess(text: string): void {
    this.#script(parseShell(text), null);
  }

  #script(script: ShellScript, input: Value | null): Value {
    if (script.unread) this.#add([ask("unreadable", `cannot be read as a whole (expected ${script.unread.expected})`)], script.unread);
    if (this.#depth > DEEPEST) {
      this.#add([ask("too-deep", "is wrapped too deep to be seen through")]);
      return UNKNOWN_VALUE;
    }
    this.#depth++;
    let output: Value = EMPTY;
    const outputs: Value[] = [];
    for (const pipeline of script.pipelines) {
      output = this.#pipeline(pipeline, input);
      outputs.push(output);
    }
    this.#depth--;
    const written = outputs.filter((value) => value.text !== "");
    return written.length > 1 ? { ...joined(written), text: written.map((value) => value.text).join("\n") } : written[0] ?? output;
  }

  #pipeline(pipeline: ShellPipeline, input: Value | null): Value {
    let value = input;
    for (const command of pipeline.commands) value = this.#command(command, value);
    return value ?? EMPTY;
  }

  #command(command: ShellCommand, input: Value | null): Value {
    if (++this.#commands > MOST_COMMANDS) {
      if (this.#commands === MOST_COMMANDS + 1) this.#add([ask("too-long", "is too long to be looked at whole")]);
      return UNKNOWN_VALUE;
    }
    if (this.#nested === 0) this.#span = { start: command.start, end: command.end };
    switch (command.kind) {
      case "simple":
        return this.#simple(command, input);
      case "function": {
        if (command.body.kind === "group" && callsItself(command.body, command.name)) this.#add([block("fork-bomb", "starts copies of itself until this machine stands still")]);
        const concern = redefinition(command.name, null);
        if (concern) this.#add([concern]);
        this.#functions.set(command.name, command.body);
        // A function that nobody calls here may be called later.
        this.#command(command.body, null);
        return EMPTY;
      }
      case "group": {
        const folder = this.#folder;
        const given = this.#redirected(command.redirects, input);
        const outputs = command.scripts.map((script) => this.#script(script, given));
        if (command.subshell) this.#folder = folder;
        const output = outputs.findLast((value) => value.text !== "") ?? EMPTY;
        this.#writeRedirects(command.redirects, output);
        return output;
      }
      case "for": {
        const values = command.values.flatMap((word) => expandWord(word, this.#scope())).slice(0, 8);
        let output: Value = EMPTY;
        for (const value of values.length > 0 ? values : [UNKNOWN_VALUE]) {
          this.#variables.set(command.name, value);
          output = this.#script(command.body, input);
        }
        this.#writeRedirects(command.redirects, output);
        return output;
      }
    }
  }

  #simple(command: Extract<ShellCommand, { kind: "simple" }>, input: Value | null): Value {
    const scope = this.#scope();
    for (const { name, value } of command.assignments) {
      const assigned = joined(expandWord(value, scope));
      this.#add(environment(name, assigned.text));
      this.#variables.set(name, assigned);
    }
    const given = this.#redirected(command.redirects, input);
    const fields = command.words.flatMap((word) => expandWord(word, scope));
    const output = fields.length === 0 ? EMPTY : this.#run(fields, given);
    this.#writeRedirects(command.redirects, output);
    return command.redirects.some((redirect) => redirect.operator.includes(">") && !redirect.operator.includes("&")) ? EMPTY : output;
  }

  /** Runs a command in words; says what it writes to its output. */
  #run(fields: readonly Field[], input: Value | null): Value {
    if (this.#depth > DEEPEST) {
      this.#add([ask("too-deep", "is wrapped too deep to be seen through")]);
      return UNKNOWN_VALUE;
    }
    const [first, ...args] = fields;
    if (!first) return EMPTY;
    const hiddenAt = fields.findIndex((field) => field.encoded);
    if (hiddenAt >= 0) this.#encoded(fields.slice(hiddenAt), input);
    const alias = this.#aliases.get(first.text);
    if (alias !== undefined) {
      this.#aliases.delete(first.text);
      const output = this.#shell({ ...EMPTY, text: [alias, ...args.map((arg) => quote(arg.text))].join(" ") }, input);
      this.#aliases.set(first.text, alias);
      return output;
    }
    const body = this.#functions.get(first.text);
    if (body) return this.#call(first.text, body, args, input);
    if (/[\s]/.test(first.text) && !first.quoted) return this.#shell({ ...first, text: fields.map((field) => field.text).join(" ") }, input);

    const name = programName(first.text);
    const call: CommandCall = { name, args, input, folder: this.#folder, fileContent: (path) => this.#files.get(normalPath(path, this.#folder)) ?? null };
    if (name.includes(UNKNOWN) || name === "") {
      this.#unknownProgram(first, args, input);
      return UNKNOWN_VALUE;
    }
    if (/^(?:\.{0,2}|~)?[\\/]/.test(first.text) || first.text.includes("/")) this.#ranFile(first.text, call);
    this.#depth++;
    try {
      return this.#program(call, first);
    } finally {
      this.#depth--;
    }
  }

  #program(call: CommandCall, first: Field): Value {
    const { name, args, input } = call;
    const rules = [FILE_RULES, SYSTEM_RULES, NETWORK_RULES, PACKAGE_RULES, SERVICE_RULES];
    for (const table of rules) {
      const rule = table.get(name) ?? table.get(name.replace(/[.\d]+$/, "")) ?? (name.startsWith("mkfs.") ? table.get("mkfs") : undefined);
      if (rule) this.#add(rule(call));
    }
    const unwrapped = unwrap(call);
    if (unwrapped) return this.#unwrapped(unwrapped, call);
    if (SHELLS.has(name)) return this.#shellProgram(call);
    const evaluated = INTERPRETERS[name.replace(/^(python|node|ruby|perl|php|lua|pypy)[\d.]+$/, "$1")];
    if (evaluated) return this.#interpreter(call, evaluated);
    switch (name) {
      case "cd": case "pushd": case "chdir":
        this.#folder = args.length === 0 ? "~" : normalPath(operands(call)[0]?.text ?? ".", this.#folder);
        return EMPTY;
      case "alias":
        for (const arg of args) {
          const match = /^([^=\s]+)=([\s\S]*)$/.exec(arg.text);
          if (!match) continue;
          const concern = redefinition(match[1] ?? "", match[2] ?? "");
          if (concern) this.#add([concern]);
          this.#aliases.set(match[1] ?? "", match[2] ?? "");
          this.#shell({ ...EMPTY, text: match[2] ?? "" }, null);
        }
        return EMPTY;
      case "source": case ".":
        if (args[0]) this.#scriptFile(args[0], call, "reads commands from");
        return EMPTY;
      case "export": case "declare": case "typeset": case "readonly": case "local": case "set":
        for (const arg of args) {
          const match = /^([A-Za-z_]\w*)=([\s\S]*)$/.exec(arg.text);
          if (match) this.#variables.set(match[1] ?? "", { ...arg, text: match[2] ?? "" });
        }
        return name === "export" && args.every((arg) => arg.text.startsWith("-")) ? ENVIRONMENT : EMPTY;
      case "read":
        for (const target of operands(call, ["-p", "-d", "-n", "-t", "-u"])) this.#variables.set(target.text, input ?? UNKNOWN_VALUE);
        return EMPTY;
      case "echo":
        return printed(args, true);
      case "printf":
        return printed(args[0]?.text === "-v" ? args.slice(2) : args, false);
      case "which": case "whereis":
        return { ...EMPTY, text: operands(call)[0]?.text ?? UNKNOWN };
      case "env": case "printenv":
        return ENVIRONMENT;
      case "curl": case "wget": case "fetch": case "http": case "xh": case "aria2c":
        return this.#download(call);
      case "cp": case "mv": case "ln": {
        const paths = operands(call);
        const from = call.fileContent(paths[0]?.text ?? "");
        if (from && paths.length === 2) this.#files.set(normalPath(paths[1]?.text ?? "", this.#folder), from);
        return EMPTY;
      }
      case "tee":
        for (const path of operands(call)) if (input) this.#files.set(normalPath(path.text, this.#folder), input);
        return input ?? EMPTY;
      default:
        return this.#filtered(call, first);
    }
  }

  /** What a program writes that passes on or changes what it reads. */
  #filtered(call: CommandCall, first: Field): Value {
    if (call.name === "find" || call.name === "ls" || call.name === "fd") return { ...UNKNOWN_VALUE, text: foundPaths(call) };
    const files = call.name === "tr" ? [] : operands(call).slice(call.name === "grep" || call.name === "sed" || call.name === "awk" ? 1 : 0);
    let origin = files.reduce((sum, file) => mixed(sum, { ...WRITTEN_HERE, keys: holdsKeys(file.text) ? shownText(file.text) : null }), call.input ?? WRITTEN_HERE);
    const content = files.length === 1 ? call.fileContent(files[0]?.text ?? "") : null;
    if (content) origin = mixed(origin, content);
    const read: Value = content ?? (call.input && files.length === 0 ? call.input : UNKNOWN_VALUE);
    const decoded = decodedBy(call.name, call.args.map((arg) => arg.text), { ...read, ...origin });
    if (decoded) return decoded;
    return { ...UNKNOWN_VALUE, ...mixed(origin, first), connected: /^(?:nc|ncat|netcat|telnet|socat)$/.test(call.name) || origin.connected };
  }

  #unwrapped({ concerns, inner, remote }: NonNullable<ReturnType<typeof unwrap>>, call: CommandCall): Value {
    this.#add(concerns);
    if (remote) this.#remote++;
    let output: Value = call.name === "env" && inner.length === 0 ? ENVIRONMENT : call.name === "command" && call.args.some((arg) => arg.text === "-v") ? { ...EMPTY, text: call.args.at(-1)?.text ?? "" } : EMPTY;
    for (const each of inner) output = "words" in each ? this.#run(each.words, each.input ?? null) : this.#shell(each.shell, call.name === "ssh" ? null : call.input);
    if (remote) this.#remote--;
    return output;
  }

  /** A shell with arguments: text (-c), a file, or what stands on its input. */
  #shellProgram(call: CommandCall): Value {
    if (call.name === "powershell" || call.name === "pwsh" || call.name === "cmd") {
      const kind = call.name === "cmd" ? "cmd" : "powershell";
      const text = call.args.map((arg) => (arg.quoted && /\s/.test(arg.text) ? arg.text : arg.text)).join(" ");
      this.#add(this.#foreign(kind === "cmd" ? text.replace(/^\s*(?:\/[a-z]\s+)*/i, "") : `powershell ${text}`, kind));
      if (call.input) this.#unseen(call.input, "shell");
      return UNKNOWN_VALUE;
    }
    const at = call.args.findIndex((arg) => /^-[a-zA-Z]*c[a-zA-Z]*$/.test(arg.text) && !arg.text.startsWith("--"));
    if (at >= 0) {
      const text = call.args.slice(at + 1).find((arg) => !/^-[a-z]+$/.test(arg.text));
      const positional = call.args.slice(call.args.indexOf(text ?? (call.args[at] as Field)) + 1);
      const before = this.#variables;
      if (positional.length > 0) this.#variables = new Map([...before, ...positional.map((arg, i): [string, Value] => [String(i), arg]), ["@", joined(positional.slice(1))], ["*", joined(positional.slice(1))]]);
      const output = text ? this.#shell(text, call.input) : UNKNOWN_VALUE;
      this.#variables = before;
      return output;
    }
    const file = call.args.some((arg) => arg.text === "-s") ? undefined : operands(call, ["-o", "-O", "--rcfile", "--init-file"])[0];
    if (file && file.text !== "-" && file.text !== "/dev/stdin") {
      this.#scriptFile(file, call, "runs");
      return UNKNOWN_VALUE;
    }
    return call.input ? this.#shell(call.input, null) : UNKNOWN_VALUE;
  }

  #interpreter(call: CommandCall, evaluated: readonly string[]): Value {
    const shellish = call.name === "awk" || call.name === "gawk";
    const code = shellish ? operands(call, ["-F", "-v", "-f"]).slice(0, 1).filter((arg) => /system\s*\(|\|\s*getline|\|\s*"/.test(arg.text)) : optionValues(call, ...evaluated);
    for (const each of code) this.#inline(each);
    if (code.length > 0 || shellish) return { ...UNKNOWN_VALUE, ...(call.input ?? WRITTEN_HERE) };
    const file = operands(call, ["-m", "-W", "-X", "-r", "--require", "--import", "--loader", "-I", "-e", "-d", "--env-file", "-C", "--conditions", "-S"])[0];
    if (call.args.some((arg) => arg.text === "-m")) return UNKNOWN_VALUE;
    if (file && file.text !== "-") {
      if (!/^(?:run|test|fmt|lint|install|task|check|serve|repl|x|add|init|build|compile|bundle|cache|info|upgrade|watch|artisan)$/.test(file.text)) this.#scriptFile(file, call, "runs", true);
    } else if (call.input) this.#inline(call.input);
    return UNKNOWN_VALUE;
  }

  #inline(code: Value): void {
    if (this.#unseen(code, "program")) return;
    const found = readInlineCode(code.text, { folder: this.#folder });
    this.#add(found.concerns);
    for (const text of found.shell) this.#shell({ ...EMPTY, text }, null);
  }

  /** Text that a shell reads: looked at where it can be, said to be unseen where not. */
  #shell(text: Value, input: Value | null): Value {
    if (this.#unseen(text, "shell") && text.text.includes(UNKNOWN)) return UNKNOWN_VALUE;
    this.#nested++;
    const output = this.#script(parseShell(text.text), input);
    this.#nested--;
    return output;
  }

  /** Says of text from elsewhere that nobody has seen it; false where all of it is written here. */
  #unseen(text: Value, what: "shell" | "program"): boolean {
    if (text.connected) {
      this.#add([block("reverse-shell", "lets another machine give commands to this one")]);
      return true;
    }
    if (text.downloaded !== null) {
      this.#add([ask("run-downloaded", `runs a program downloaded from ${text.downloaded === "" || text.downloaded.includes(UNKNOWN) ? "the internet" : text.downloaded} unseen`)]);
      return true;
    }
    if (text.decoded) {
      this.#add([ask("run-decoded", "runs a program that is hidden in encoded text")]);
      return true;
    }
    if (text.text.replaceAll(UNKNOWN, "").trim() === "" && text.text !== "") {
      this.#add([ask("run-hidden", what === "shell" ? "hands a text to a shell that is only known when it runs" : "runs code that is only known when it runs")]);
      return true;
    }
    return false;
  }

  /** A script named by its file: what this text wrote into it, where it lies, where it comes from. */
  #scriptFile(file: Field, call: CommandCall, verb: string, program = false): void {
    const content = call.fileContent(file.text);
    if (file.downloaded !== null || file.decoded) {
      this.#unseen(file, "shell");
      return;
    }
    if (content && content.downloaded === null && !content.decoded && !content.text.includes(UNKNOWN)) {
      if (program) this.#inline(content);
      else this.#shell(content, null);
      return;
    }
    if (content && this.#unseen(content, "shell")) return;
    this.#ranFile(file.text, call, verb);
  }

  #ranFile(path: string, call: CommandCall, verb = "runs"): void {
    const content = call.fileContent(path);
    if (content) {
      if (!this.#unseen(content, "program")) this.#shell(content, null);
      return;
    }
    const place = placeOf(path, this.#folder);
    if (place === "temporary") this.#add([ask("run-temporary", `${verb} ${shownText(path)}, a file that any program of this machine may have put there`)]);
    else if (place === "unknown" && !/\/(?:bin|scripts?|node_modules)\//.test(path)) {
      if (verb === "reads commands from") this.#add([ask("run-hidden", "reads commands from a file that is only known when it runs")]);
    }
  }

  #unknownProgram(first: Field, args: readonly Field[], input: Value | null): void {
    const words = args.map((arg) => arg.text);
    // Whatever it is called: options and paths as only a deletion of everything has them.
    if (words.some((word) => /^-\w*r\w*f|^-\w*f\w*r|^--no-preserve-root$/.test(word)) && words.some((word) => ["root", "home", "system"].includes(placeOf(word, this.#folder)))) {
      this.#add([block("delete-system", "runs a program whose name is hidden, with arguments that delete every file")]);
      return;
    }
    if (this.#unseen(first, "program")) return;
    if (input && (input.downloaded !== null || input.decoded)) {
      this.#unseen(input, "shell");
      return;
    }
    this.#add([ask("hidden-program", "runs a program whose name is only known when it runs")]);
  }

  /** Words written as escapes of printable characters: what they spell is looked at as a command. */
  #encoded(fields: readonly Field[], input: Value | null): void {
    const plain = fields.map((field) => ({ ...field, encoded: false }));
    const before = this.findings.length;
    this.#run(plain, input);
    const worst = this.findings.slice(before).find((finding) => finding.action === "block");
    if (!worst) this.#add([ask("hidden-text", "hides what it does in escape sequences")]);
  }

  #call(name: string, body: ShellCommand, args: readonly Field[], input: Value | null): Value {
    this.#functions.delete(name);
    const before = this.#variables;
    this.#variables = new Map([...before, ...args.map((arg, i): [string, Value] => [String(i + 1), arg]), ["@", joined(args)], ["*", joined(args)]]);
    this.#nested++;
    const output = this.#command(body, input);
    this.#nested--;
    this.#variables = new Map([...this.#variables].filter(([key]) => !/^(?:\d+|[@*])$/.test(key)));
    this.#functions.set(name, body);
    return output;
  }

  #download(call: CommandCall): Value {
    const url = urlOf(call);
    const host = url === null ? "" : hostOf(url) ?? "";
    const value: Value = { ...UNKNOWN_VALUE, downloaded: host };
    const target = downloadTarget(call);
    if (target !== null) {
      this.#files.set(normalPath(target, this.#folder), value);
      return EMPTY;
    }
    return value;
  }

  /** The input of a command after its redirections. */
  #redirected(redirects: readonly ShellRedirect[], input: Value | null): Value | null {
    let given = input;
    for (const { operator, target } of redirects) {
      const value = joined(expandWord(target, this.#scope()));
      if (operator === "<<" || operator === "<<<") given = value;
      else if (operator === "<") {
        const content = this.#files.get(normalPath(value.text, this.#folder));
        given = content ?? (value.downloaded !== null || value.decoded ? { ...value, text: UNKNOWN } : { ...UNKNOWN_VALUE, keys: holdsKeys(value.text) ? shownText(value.text) : null });
      }
    }
    return given;
  }

  #writeRedirects(redirects: readonly ShellRedirect[], output: Value): void {
    for (const { operator, target } of redirects) {
      if (!operator.includes(">") || operator === ">&" && /^[\d-]$/.test(wordText(target))) continue;
      const path = joined(expandWord(target, this.#scope())).text;
      if (/^\/dev\/(?:tcp|udp)\//.test(path)) {
        this.#add([block("reverse-shell", "connects this terminal to another machine")]);
        continue;
      }
      const concern = writing(path, { folder: this.#folder }, operator.includes(">>"));
      if (concern) this.#add([concern]);
      this.#files.set(normalPath(path, this.#folder), output);
    }
  }

  #scope(): Scope {
    return {
      variable: (name) => this.#variables.get(name) ?? null,
      output: (script) => {
        const folder = this.#folder;
        const value = this.#script(script, null);
        this.#folder = folder;
        return { ...value, text: value.text.trim() };
      },
      file: (script) => {
        const path = `/dev/fd/${63 - (this.#files.size % 32)}`;
        const value = this.#script(script, null);
        this.#files.set(path, value);
        return { ...value, text: path };
      },
    };
  }

  #add(concerns: readonly Concern[], span = this.#span): void {
    for (const concern of concerns) {
      const consequence = this.#remote > 0 && /this machine|your (?:home|account)/.test(concern.consequence) ? `${concern.consequence}, on another machine` : concern.consequence;
      if (!this.findings.some((finding) => finding.rule === concern.rule && finding.consequence === consequence && finding.start === span.start)) this.findings.push({ ...concern, consequence, start: span.start, end: span.end });
    }
  }
}
