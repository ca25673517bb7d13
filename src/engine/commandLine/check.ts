// kalactica check --kind …: the verdict on a text from standard input, by the same checks that answers and completions pass.
import { throwIfCancelled } from "../base/errors.ts";
import { TEXT_KINDS } from "../safety/detector.ts";
import { checkText } from "../tasks/checkText.ts";
import { loadPolicy } from "../tasks/safetyPolicy.ts";
import { UsageError } from "./command.ts";
import type { Command } from "./command.ts";
import { workspaceOf } from "./openEngine.ts";

/** More is read but not judged; the checks that would have to see it say so. */
const MOST_BYTES = 64 * 2 ** 20;

export const checkCommand: Command = {
  words: ["check"],
  usage: `--kind ${TEXT_KINDS.join("|")} < TEXT`,
  summary: "Check a text as the assistant does: secrets, personal data, injected instructions, requests, commands, insecure code.",
  options: {
    kind: { type: "value", placeholder: "KIND", description: "What the text is: input (a question), output (prose), code, command, or context (data from elsewhere)." },
    language: { type: "value", placeholder: "ID", description: "The language of code, for example python." },
    path: { type: "value", placeholder: "PATH", description: "The file the text is from, relative to the workspace: the policy may speak of it." },
    untrusted: { type: "flag", description: "Treat the workspace as untrusted: its policy can only make the checks stricter." },
  },
  async run(context) {
    const named = context.values.get("kind");
    const kind = TEXT_KINDS.find((one) => one === named);
    if (kind === undefined) throw new UsageError(named === undefined ? "--kind is missing." : `--kind is "${named}", but must be one of ${TEXT_KINDS.join(", ")}.`);
    const text = await standardInput(context.signal);
    const { policy, refused } = await loadPolicy(workspaceOf(context), !context.flags.has("untrusted"));
    for (const sentence of refused) console.error(sentence);
    const language = context.values.get("language");
    const path = context.values.get("path");
    const verdict = await checkText({ text, kind, ...(language === undefined ? {} : { language }), ...(path === undefined ? {} : { path }) }, { policy, signal: context.signal });
    const lines = verdict.checks.map((check) => `  ${check.action.padEnd(6)} ${check.name.padEnd(13)} ${check.score.toFixed(2)} / ${check.threshold.toFixed(2)}  ${check.reason}`);
    return { json: { ...verdict, ...(refused.length > 0 ? { policyRefused: refused } : {}) }, text: [`${verdict.action}  (${verdict.ms.toFixed(1)} ms)`, ...lines].join("\n") };
  },
};

async function standardInput(signal: AbortSignal): Promise<string> {
  if (process.stdin.isTTY) throw new UsageError("The text is read from standard input; redirect a file or pipe a command into it.");
  const parts: Buffer[] = [];
  let nBytes = 0;
  for await (const part of process.stdin as AsyncIterable<Buffer>) {
    throwIfCancelled(signal);
    if (nBytes < MOST_BYTES) parts.push(part);
    nBytes += part.length;
  }
  return Buffer.concat(parts).toString("utf8");
}
