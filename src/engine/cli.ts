// Entry of the command line: picks the command, runs it, prints its result, sets the exit code. Nothing else.
import { EngineError, isCancelled } from "./base/errors.ts";
import { engineVersion } from "./base/paths.ts";
import { startCounting } from "./base/socketCount.ts";
import { reportSockets } from "./base/socketReport.ts";
import { COMMANDS } from "./commandLine/commands.ts";
import { findCommand, helpOf, readArguments, UsageError } from "./commandLine/command.ts";
import { progressOn } from "./commandLine/progress.ts";

/** An interruption this long after the first one is meant. */
const SECOND_INTERRUPT_MS = 500;

/** Runs `kalactica <args>` and resolves with the exit code: 0 done, 1 failed, 2 wrong usage, 130 interrupted. */
async function run(args: readonly string[]): Promise<number> {
  if (args[0] === "--version") {
    console.log(engineVersion());
    return 0;
  }
  if (args.length === 0 || args[0] === "--help" || args[0] === "-h" || args[0] === "help") {
    console.log(overview());
    return args.length === 0 ? 2 : 0;
  }
  const found = findCommand(COMMANDS, args);
  if (!found) {
    const family = COMMANDS.filter((command) => command.words[0] === args[0]);
    if (family.length > 0) console.error(`"${args.slice(0, 2).join(" ")}" is not a command. There are: ${family.map((command) => command.words.join(" ")).join(", ")}.`);
    else console.error(`"${args[0] ?? ""}" is not a command.\n\n${overview()}`);
    return 2;
  }
  const { command, rest } = found;
  const abort = new AbortController();
  // A terminal and the starter may both pass the same Ctrl-C on; a later one no longer waits for what is being wound up.
  let interruptedAt = Infinity;
  const interrupt = (): void => {
    if (Date.now() - interruptedAt > SECOND_INTERRUPT_MS) process.exit(130);
    interruptedAt = Math.min(interruptedAt, Date.now());
    abort.abort();
  };
  process.on("SIGINT", interrupt);
  process.on("SIGTERM", interrupt);
  const progress = progressOn(process.stderr);
  let json = rest.includes("--json");
  try {
    const { positionals, flags, values } = readArguments(command, rest);
    if (flags.has("help")) {
      console.log(helpOf(command));
      return 0;
    }
    json = flags.has("json");
    const output = await command.run({ positionals, flags, values, signal: abort.signal, progress, json });
    progress.finish();
    const text = json ? JSON.stringify(output.json) : output.text;
    await new Promise<void>((resolve) => process.stdout.write(`${text}\n`, () => resolve()));
    return output.exitCode ?? 0;
  } catch (error) {
    progress.finish();
    if (error instanceof UsageError) {
      console.error(`${error.message}\n\n${helpOf(command)}`);
      return 2;
    }
    if (isCancelled(error)) return 130;
    const sentence = error instanceof Error ? error.message : String(error);
    if (json) console.log(JSON.stringify({ error: { reason: error instanceof EngineError ? error.reason : "internal", message: sentence } }));
    console.error(sentence);
    if (!(error instanceof EngineError) && process.env["KALACTICA_DEBUG"]) console.error(error);
    return 1;
  }
}

function overview(): string {
  const lines = COMMANDS.map((command) => `  ${`${command.words.join(" ")} ${command.usage}`.padEnd(42)} ${command.summary}`);
  return ["kalactica: a local coding assistant. Nothing leaves this machine.", "", "Usage: kalactica <command> [options]", "", ...lines, "", "kalactica <command> --help tells more. Environment: KALACTICA_HOME (models; default ~/.kalactica)."].join("\n");
}

startCounting({ by: "command line" });
reportSockets();
process.exitCode = await run(process.argv.slice(2));
// Native contexts may keep handles open after their owner closed; the work is done and flushed here.
process.exit();
