// Shows KaLactica without an editor: the command line indexes the project, answers a question and completes a line,
// each with the command printed, so that it can be repeated. With a terminal it then takes questions.
import { spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import path from "node:path";
import { createInterface } from "node:readline/promises";
import type { StartContext } from "./context.ts";

const DRAFT = "src/draft.ts";
/** An unfinished file of the sample project; the caret stands at its end. */
const DRAFT_TEXT = `import { readFile } from "node:fs/promises";
import path from "node:path";

/** Reads the text of the configuration; a missing file is an empty one. */
export async function configurationText(folder: string): Promise<string> {
  let text: string;
  try {
    text = await `;

/** Runs the three commands; resolves with 0, or with the exit code of the first that failed. */
export async function openTerminal(context: StartContext): Promise<number> {
  const kalactica = (...args: string[]): Promise<number> => runCommand(context, args);
  let code = await kalactica("index");
  if (code !== 0) return code;
  code = await kalactica("ask", context.isSample ? "How do I call backoffDelayMs?" : "What does this project do?");
  if (code !== 0) return code;
  if (context.isSample) {
    writeFileSync(path.join(context.workspace, DRAFT), DRAFT_TEXT);
    const lines = DRAFT_TEXT.split("\n");
    console.log(`\n${DRAFT}, the caret at the end of:\n${lines.slice(-3).join("\n")}▏`);
    code = await kalactica("complete", DRAFT, "--line", String(lines.length), "--column", String(lines.at(-1)?.length ?? 0));
    if (code !== 0) return code;
  }
  if (process.stdin.isTTY) await takeQuestions(kalactica);
  return 0;
}

async function takeQuestions(kalactica: (...args: string[]) => Promise<number>): Promise<void> {
  console.log("\nAsk about the project; an empty line ends it.");
  for (;;) {
    // A reader for each line, so that the command in between has the terminal to itself.
    const reader = createInterface({ input: process.stdin, output: process.stdout });
    const ended = new Promise<string>((resolve) => reader.once("close", () => resolve("")));
    const question = (await Promise.race([reader.question("\n? "), ended])).trim();
    reader.close();
    if (question === "") return;
    await kalactica("ask", question);
  }
}

/** Runs one `kalactica` command on the project and shows it as the user would type it. */
function runCommand(context: StartContext, args: string[]): Promise<number> {
  const shown = args.map((arg) => (/^[\w./:-]+$/.test(arg) ? arg : JSON.stringify(arg))).join(" ");
  console.log(`\n$ kalactica ${shown} --workspace ${context.workspace}`);
  const child = spawn(process.execPath, [path.join(context.repository, "bin/kalactica.mjs"), ...args, "--workspace", context.workspace], {
    cwd: context.workspace,
    stdio: ["ignore", "inherit", "inherit"],
  });
  return new Promise((resolve) => {
    child.once("error", (error) => {
      console.error(`The command line could not be started: ${error.message}`);
      resolve(1);
    });
    child.once("exit", (code) => resolve(code ?? 1));
  });
}
