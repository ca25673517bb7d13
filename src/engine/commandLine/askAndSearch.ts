// kalactica search and kalactica ask: the two ways to question a folder.
import { randomUUID } from "node:crypto";
import type { Engine } from "../engine.ts";
import { parseSharedIndex } from "../endpoints/sharedIndex.ts";
import type { AskResult, Citation, SearchHit, SentToEndpoint } from "../protocol/types.ts";
import { integerOption, UsageError } from "./command.ts";
import type { Command, CommandContext } from "./command.ts";
import { CONSENT_OPTION } from "./endpoints.ts";
import { withEngine } from "./openEngine.ts";

const NO_UPDATE = { "no-update": { type: "flag", description: "Use the index as it is, without looking for changed files first." } } as const;

function questionOf(context: CommandContext): string {
  const question = context.positionals.join(" ").trim();
  if (question === "") throw new UsageError("There is no question. Put it behind the command, in quotes.");
  return question;
}

/** Brings the index up to date first, unless told not to. */
export async function refreshIndex(engine: Engine, context: CommandContext): Promise<void> {
  if (context.flags.has("no-update")) return;
  await engine.updateIndex({ signal: context.signal, onProgress: ({ files, pendingFiles }) => context.progress.report("indexing", files, files + pendingFiles) });
  context.progress.finish();
}

function show(hit: SearchHit, index: number): string {
  const preview = hit.text.split("\n").slice(0, 4).map((line) => `     ${line}`).join("\n");
  return `${String(index + 1).padStart(2)}. ${hit.path}:${hit.startLine}-${hit.endLine}  (${hit.via.join(", ")}; ${hit.origin ?? hit.crop})\n${preview}`;
}

export const searchCommand: Command = {
  words: ["search"],
  usage: "QUERY [-k N]",
  summary: "Passages of the folder that fit a query.",
  options: {
    count: { type: "value", short: "k", placeholder: "N", description: "How many passages. Default: 10." },
    files: { type: "flag", description: "Take the query for the description of a change, and rank the files that it would touch." },
    corpus: { type: "value", placeholder: "URL#NAME", description: "Look into this shared index too. Several are separated by commas. Default: the setting retrieval.sharedIndexes." },
    ...CONSENT_OPTION,
    ...NO_UPDATE,
  },
  async run(context) {
    const query = questionOf(context);
    const count = integerOption(context.values, "count", 10);
    return withEngine(context, { workspace: true }, async (engine) => {
      await refreshIndex(engine, context);
      if (context.flags.has("files")) {
        const found = await engine.locate(query, count, context.signal);
        return { json: found, text: found.files.length === 0 ? "Nothing was found." : found.files.map((file, i) => `${String(i + 1).padStart(2)}. ${file.path}  (${file.via.join(", ")})`).join("\n") };
      }
      const corpora = context.values.get("corpus")?.split(",").filter((spec) => spec.trim() !== "");
      for (const spec of context.flags.has("consent") ? corpora ?? [] : []) await engine.endpoints.consent(parseSharedIndex(spec).host, true);
      const found = await engine.search(query, count, context.signal, undefined, corpora);
      for (const note of found.notes ?? []) context.progress.say(note);
      return { json: found, text: found.results.length === 0 ? "Nothing was found." : found.results.map(show).join("\n") };
    });
  },
};

export const askCommand: Command = {
  words: ["ask"],
  usage: "QUESTION",
  summary: "A cited answer about the folder.",
  options: NO_UPDATE,
  async run(context) {
    const question = questionOf(context);
    return withEngine(context, { workspace: true }, async (engine) => {
      await refreshIndex(engine, context);
      const problem = await engine.loadModel();
      if (problem !== null) context.progress.say(problem);
      const result = await engine.ask({ askId: randomUUID(), question, history: [], attachments: [] }, { signal: context.signal });
      return { json: { ...result, citations: result.citations.map(withoutText) }, text: readable(result) };
    });
  },
};

function withoutText({ n, path, startLine, endLine, sha256, verified }: Citation): Omit<Citation, "text"> {
  return { n, path, startLine, endLine, sha256, verified };
}

function sentLine({ name, host, passages, leavesMachine }: SentToEndpoint, wrote: boolean): string {
  const count = `${passages} ${passages === 1 ? "passage was" : "passages were"} sent`;
  const place = `${name} at ${host}${leavesMachine ? "" : " (this machine)"}`;
  return wrote ? `written by ${place}; ${count}` : `${count} to ${place}`;
}

function readable(result: AskResult): string {
  const sources = result.citations.map((citation) => `[${citation.n}] ${citation.path}:${citation.startLine}-${citation.endLine}${citation.verified ? "" : " (not verified)"}`);
  const verified = result.citations.filter((citation) => citation.verified).length;
  const health = `${verified} of ${result.citations.length} sources verified · ${result.droppedCitations} dropped · ${Math.round(result.timings.totalMs)} ms`;
  const sent = result.sentTo === undefined ? [] : [sentLine(result.sentTo, result.prose !== "")];
  return [result.answer, "", ...sources, ...(sources.length > 0 ? [""] : []), [...sent, health].join(" · "), ...(result.proseOmitted === null ? [] : [result.proseOmitted])].join("\n");
}
