// Answers one question: the grounded card first, then, where the loaded model is able to, prose below it that cites.
// Joins the rooms by the functions it is given. It keeps nothing: an answer that is stopped or killed leaves nothing half behind.
import { composeCard } from "../answering/card.ts";
import type { ComposedCard } from "../answering/card.ts";
import { renderCard } from "../answering/cardText.ts";
import { citedNumbers, withNumbers } from "../answering/citations.ts";
import type { CitationLedger } from "../answering/citations.ts";
import { CitationStream, filterCitations } from "../answering/citationStream.ts";
import { rankFiles } from "../answering/passages.ts";
import { buildPrompt } from "../answering/prompt.ts";
import type { PromptMessage, PromptSource } from "../answering/prompt.ts";
import type { Question, SlashCommand } from "../answering/question.ts";
import type { WorkspaceAccess } from "../answering/workspaceAccess.ts";
import { CancelledError, EngineError, isCancelled, throwIfCancelled } from "../base/errors.ts";
import type { Lease } from "../base/scheduler.ts";
import type { RecalledItem } from "../protocol/memory.ts";
import type { AnswerEvent, AskParams, AskResult, Attachment, Citation, GroundedCard, ModelStatus, PromptBudget, SentToEndpoint, TokenCounts } from "../protocol/types.ts";
import { citationsCheck, groundedCheck, injectionCheck, secretsCheck } from "../safety/answerChecks.ts";
import { isolateInjections } from "../safety/injection/isolate.ts";
import { requestsDetector } from "../safety/requests/requestsDetector.ts";
import { runDetector, screened } from "../safety/screen.ts";
import { redactSecrets } from "../safety/secrets.ts";
import { NO_POLICY } from "../safety/policy.ts";
import { combineChecks } from "../safety/verdict.ts";
import type { CheckName } from "../safety/verdict.ts";
import { checkAnswer } from "./checkAnswer.ts";
import { redactRemembering, withoutLeaks } from "./leakage.ts";
import type { AnswerScreens } from "./checkAnswer.ts";
import type { Settings } from "../settings.ts";
import { dialogueStateAfter, understandInDialogue } from "./trackDialogue.ts";

/** The model, as answering needs it. */
export interface AnsweringModel {
  status(): Pick<ModelStatus, "state" | "name" | "explanation" | "contextSize" | "capabilities" | "noProse" | "remote">;
  /** Loads the model where it had left memory. */
  countTokens(text: string): Promise<number>;
  generate(request: {
    messages: PromptMessage[]; maxTokens: number; temperature?: number; signal?: AbortSignal; lease: Lease; onText: (text: string) => void;
  }): Promise<{ text: string; tokens: TokenCounts; firstTokenMs: number; stopReason: string }>;
}

export interface AnswerDependencies {
  workspace: WorkspaceAccess;
  /** Null: there is none, and answers are cards. */
  model: AnsweringModel | null;
  settings: Pick<Settings, "answer.maximumTokens" | "answer.sources">;
  lease: Lease;
  /** What the blocks of an answer are checked with, besides rules. */
  screens?: AnswerScreens;
  /** The card for a question about what notebooks ran, where it is one; absent: nothing is recorded. */
  recordedRuns?: (params: AskParams, readLines: WorkspaceAccess["readLines"]) => Promise<ComposedCard | null>;
  /** What memory holds on a question, and of that what a card may show; absent: there is no memory. */
  memory?: { forAnswer(params: AskParams): RecalledItem[]; clearly(recalled: readonly RecalledItem[], supported: boolean): RecalledItem | undefined };
}

export interface AnswerHooks {
  onEvent: (event: AnswerEvent) => void;
  signal?: AbortSignal;
}

/** After "stop", this is waited for the model at most; the answer so far then stands. */
const STOP_PATIENCE_MS = 50;
const MAXIMUM_ATTACHED_LINES = 400;
const FALLBACK_CONTEXT = 2048;
/** Prompts are laid out anew for a smaller context at most so often. */
const MOST_ATTEMPTS = 4;
const PROSE_FILE = /\.(?:md|mdx|rst|txt|adoc|html?|ipynb|csv|json|ya?ml|xml)$|(?:^|\/)[A-Z]+$/;
const NO_TOKENS: TokenCounts = { prompt: 0, reused: 0, generated: 0 };
/** What a model that writes prose would add. */
const ADDED_BY_PROSE: Record<SlashCommand | "none", string> = {
  none: "an explanation in prose below this card", explain: "a step-by-step explanation", fix: "a proposed change", tests: "written tests", doc: "a written documentation comment", search: "nothing",
};

/**
 * Answers `params`. Events: the card with its citations, then pieces of prose (provisional until the result), then the citations that held.
 * Aborting `hooks.signal` after the card gives the answer so far with `stopped`; before it, CancelledError.
 * Errors: `badRequest` (nothing was asked), and those of the workspace's functions. A model that fails leaves the card standing.
 */
export async function answerQuestion(params: AskParams, dependencies: AnswerDependencies, hooks: AnswerHooks): Promise<AskResult> {
  const begun = performance.now();
  const { signal } = hooks;
  throwIfCancelled(signal);
  const talk = [...params.earlier ?? [], ...params.history];
  // "this" means the selection where there is one, and what was talked about where there is none.
  const { question, state } = understandInDialogue(params.question, params.command, talk, params.attachments.length > 0);
  if (question.text.trim() === "" && params.attachments.length === 0) {
    throw new EngineError("badRequest", "The question is empty. Type what you want to know, for example: where is the configuration loaded?");
  }
  hooks.onEvent({ type: "status", text: "Searching the workspace…" });
  const { access, timer } = timed(dependencies.workspace);
  const composed = await dependencies.recordedRuns?.(params, access.readLines) ?? await composeCard({ question, access, attachments: params.attachments, activePath: params.activePath, signal });
  throwIfCancelled(signal);
  const hidden = { count: 0 };
  const recalled = dependencies.memory?.forAnswer(params) ?? [];
  const fromMemory = dependencies.memory?.clearly(recalled, composed.card.supported);
  let card = { ...hideSecrets(composed.card, hidden), ...(fromMemory ? { fromMemory } : {}) };
  const cardMs = performance.now() - begun;
  hooks.onEvent({ type: "card", card, citations: shown(composed.citations, { count: 0 }) });

  const asksForHarm = await runDetector(requestsDetector, screened(params.question, "input"), signal ? { signal } : {});
  const isStopped = asksForHarm.action === "ask" || asksForHarm.action === "block";
  const omitted = isStopped ? "No prose was written: this reads like a request to do harm. If it is not, say what it is for and ask again." : whyNoProse(question, dependencies.model);
  const prose = omitted === null && dependencies.model !== null
    ? await writeProse(params, question, composed, recalled, { ...dependencies, workspace: access, model: dependencies.model }, hooks, begun)
    : { ...NO_PROSE, omitted };

  // The last look before the answer counts: a file may have changed or gone while the model wrote.
  const checksBegun = performance.now();
  const { gone } = await composed.ledger.recheck();
  if (gone.size > 0) card = withoutSources(card, gone);
  const held = filterCitations(prose.text, (n) => prose.allowed.has(n) && composed.ledger.get(n) !== undefined);
  const redacted = redactSecrets(held.text);
  const unleaked = withoutLeaks(redacted.text);
  hidden.count += redacted.spans.length + unleaked.leaks;
  const droppedCitations = prose.removed + held.removed;
  const used = new Set([...citedNumbers(card.summary), ...card.items.map((item) => item.citation), ...held.cited]);
  const citations = shown(composed.ledger.list().filter((citation) => used.has(citation.n)), hidden);
  const finalProse = unleaked.text.trim();
  const proposed = await checkAnswer(finalProse, dependencies.screens ?? { copies: null, isAllowed: () => false });
  const policy = dependencies.screens?.policy ?? NO_POLICY;
  // What an answer proposes was judged under the policy block by block.
  const own = [
    citationsCheck(citations.length, droppedCitations + gone.size),
    ...(finalProse === "" ? [] : [await groundedCheck(finalProse, knownNames(access, prose.promptText))]),
    ...(isStopped ? [{ ...asksForHarm, action: "warn" as const }] : []),
    injectionCheck([...citations, ...prose.sources].map((source) => ({ label: `\`${source.path}:${source.startLine}\``, text: source.text, isCode: !PROSE_FILE.test(source.path) })).concat(recalled.map((item) => ({ label: `what was remembered from ${item.source}`, text: item.text, isCode: false })))),
    secretsCheck(hidden.count),
  ].filter(({ name }) => policy.runs(name as CheckName)).map((check) => ({ ...check, action: policy.judge({ ...check, spans: [] }, "").action }));
  const verdict = { ...combineChecks([...own, ...proposed.checks], performance.now() - checksBegun), ...(proposed.concerns.length > 0 ? { concerns: proposed.concerns } : {}) };
  hooks.onEvent({ type: "citations", citations });
  return {
    answer: [renderCard(card), finalProse].filter((part) => part !== "").join("\n\n"),
    card, prose: finalProse, proseOmitted: prose.omitted, citations, droppedCitations, verdict,
    timings: { retrieveMs: timer.searchMs, cardMs, firstTokenMs: prose.firstTokenMs, totalMs: performance.now() - begun },
    tokens: prose.tokens, budget: prose.budget, stopped: signal?.aborted ?? false, ...(prose.sentTo ? { sentTo: prose.sentTo } : {}),
    dialogue: dialogueStateAfter(params.question, [card.summary, finalProse].join("\n"), talk, state, (text) => redactSecrets(text).text),
    recalled,
  };
}

interface Prose {
  text: string;
  omitted: string | null;
  /** Numbers that the prompt or the card showed, and that may therefore be cited. */
  allowed: ReadonlySet<number>;
  /** Citations removed while streaming. */
  removed: number;
  firstTokenMs: number | null;
  tokens: TokenCounts;
  budget: PromptBudget | null;
  sources: readonly PromptSource[];
  /** Everything the model was given, in which its names may stand. */
  promptText: string;
  sentTo?: SentToEndpoint;
}

const NO_PROSE: Prose = { text: "", omitted: null, allowed: new Set(), removed: 0, firstTokenMs: null, tokens: NO_TOKENS, budget: null, sources: [], promptText: "" };

/** A sentence, where there will be no prose. */
function whyNoProse(question: Question, model: AnsweringModel | null): string | null {
  if (question.command === "search") return "Search lists what was found; ask without /search for an answer.";
  const added = ADDED_BY_PROSE[question.command ?? "none"];
  const remedy = `choose a larger model with "KaLactica: Choose Model" to get ${added}.`;
  if (model === null) return `No model is loaded; ${remedy}`;
  const { state, name, explanation, capabilities, noProse } = model.status();
  if (state === "none") return `No model is loaded; ${remedy}`;
  if (state === "failed") return `The model could not be loaded: ${explanation}`;
  if (noProse !== undefined) return noProse;
  return capabilities.answer ? null : `${name ?? "The loaded model"} completes code and does not write prose; ${remedy}`;
}

async function writeProse(
  params: AskParams, question: Question, composed: ComposedCard, recalled: readonly RecalledItem[],
  dependencies: Omit<AnswerDependencies, "model"> & { model: AnsweringModel }, hooks: AnswerHooks, begun: number,
): Promise<Prose> {
  const { model, settings, lease, workspace } = dependencies;
  let streamed = "";
  let stream = new CitationStream(() => false);
  let allowed: ReadonlySet<number> = new Set();
  let firstTokenMs: number | null = null;
  let budget: PromptBudget | null = null;
  let sources: PromptSource[] = [];
  let promptText = "";
  let sentTo: SentToEndpoint | undefined;
  let closed = false;
  const so = (omitted: string | null, tokens: TokenCounts): Prose => {
    closed = true;
    return { text: streamed + stream.end(), omitted, allowed, removed: stream.removed, firstTokenMs, tokens, budget, sources, promptText, ...(sentTo ? { sentTo } : {}) };
  };
  try {
    const attached = await attachedSources(params.attachments, composed.ledger, workspace);
    sources = [...attached, ...await foundSources(question, composed, workspace, settings["answer.sources"], hooks.signal)];
    if (model.status().state !== "ready") hooks.onEvent({ type: "status", text: "Loading the model…" });
    // Counting waits for a model that is being loaded, and loads one that had left memory; only then is its context window known.
    await model.countTokens("a");
    const write = async (contextSize: number): Promise<Awaited<ReturnType<AnsweringModel["generate"]>> | null> => {
      const prompt = await buildPrompt({
        question: question.text, command: question.command, attached: attached.map(asData), sources: sources.slice(attached.length).map(asData), supported: composed.card.supported || attached.length > 0,
        recalled: recalled.map(({ source, at, text, holds }) => ({ label: `${source}, ${new Date(at).toISOString().slice(0, 10)}${holds ? "" : ", not true any more"}`, text: isolateInjections(text).text })),
        history: params.history, contextSize, reservedForAnswer: settings["answer.maximumTokens"],
        countTokens: (text) => model.countTokens(text), redact: redactRemembering,
      });
      budget = prompt.budget;
      promptText = prompt.messages.map((message) => message.text).join("\n");
      allowed = new Set([...prompt.included, ...composed.citations.map((citation) => citation.n)]);
      // Whoever draws the prose as it comes must know the places that it may name.
      const known = composed.ledger.list().filter(({ n }) => allowed.has(n));
      if (known.length > composed.citations.length) hooks.onEvent({ type: "citations", citations: shown(known, { count: 0 }) });
      stream = new CitationStream((n) => allowed.has(n) && composed.ledger.get(n) !== undefined);
      throwIfCancelled(hooks.signal);
      hooks.onEvent({ type: "status", text: "Writing…" });
      const { remote, name } = model.status();
      if (remote) sentTo = { ...remote, name: name ?? remote.host, passages: prompt.passages };
      return orStopped(model.generate({
        messages: prompt.messages, maxTokens: prompt.maxTokens, temperature: 0, signal: hooks.signal, lease,
        onText: (text) => {
          // After "stop" the answer is handed back; what still trickles in belongs to nobody.
          if (closed || hooks.signal?.aborted) return;
          firstTokenMs ??= performance.now() - begun;
          const piece = stream.push(text);
          streamed += piece;
          if (piece !== "") hooks.onEvent({ type: "prose", text: piece });
        },
      }), hooks.signal);
    };
    let result: Awaited<ReturnType<typeof write>>;
    for (let attempt = 1; ; attempt++) {
      const contextSize = model.status().contextSize || FALLBACK_CONTEXT;
      try {
        result = await write(contextSize);
        break;
      } catch (error) {
        // A server may take less than it said; by now its status says what it does take.
        const isShorter = error instanceof EngineError && error.reason === "contextOverflow" && streamed === "" && model.status().contextSize < contextSize;
        if (!isShorter || attempt >= MOST_ATTEMPTS) throw error;
      }
    }
    if (result === null) return so("The answer was stopped.", NO_TOKENS);
    const finished = so(null, result.tokens);
    const stopped = hooks.signal?.aborted === true;
    return { ...finished, omitted: stopped ? "The answer was stopped." : finished.text.trim() === "" ? "The model wrote nothing; the card above stands." : null };
  } catch (error) {
    if (isCancelled(error)) {
      if (hooks.signal?.aborted) return so("The answer was stopped.", NO_TOKENS);
      // Cancelled by somebody else: the model was replaced while it wrote.
      return { ...so(null, NO_TOKENS), text: "", omitted: "The model was changed while it wrote; ask again for prose." };
    }
    // What was refused on this machine, or could not be delivered, was not sent.
    if (error instanceof EngineError && (error.details["sent"] === false || error.reason === "offline" || error.reason === "consentNeeded" || error.reason === "badRequest")) sentTo = undefined;
    // Half an answer of a failed model is worth nothing; the card is.
    return { ...so(null, NO_TOKENS), text: "", omitted: error instanceof EngineError ? `No prose: ${error.message}` : "The model failed while it wrote; the card above stands. Ask again, or see the KaLactica output channel." };
  }
}

/** A source as the model reads it: instructions in it are quotations. */
function asData(source: PromptSource): PromptSource {
  return { ...source, text: isolateInjections(source.text, { isCode: !PROSE_FILE.test(source.path) }).text };
}

/** The result of `work`, or null soon after `signal` is aborted, even where `work` does not settle. */
async function orStopped<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T | null> {
  if (!signal) return work;
  let timer: NodeJS.Timeout | undefined;
  let onAbort: (() => void) | undefined;
  const stopped = new Promise<null>((resolve) => {
    onAbort = () => {
      timer = setTimeout(() => resolve(null), STOP_PATIENCE_MS);
    };
    if (signal.aborted) onAbort();
    else signal.addEventListener("abort", onAbort, { once: true });
  });
  // A rejection after the race is lost must not go unhandled.
  work.catch(() => undefined);
  try {
    return await Promise.race([work, stopped]);
  } catch (error) {
    if (isCancelled(error) && signal.aborted) return null;
    throw error;
  } finally {
    clearTimeout(timer);
    if (onAbort) signal.removeEventListener("abort", onAbort);
  }
}

async function attachedSources(attachments: readonly Attachment[], ledger: CitationLedger, workspace: WorkspaceAccess): Promise<PromptSource[]> {
  const sources: PromptSource[] = [];
  // A selection says more precisely what is meant than a whole file.
  for (const attachment of [...attachments].sort((a, b) => Number(a.kind === "file") - Number(b.kind === "file"))) {
    const range = { path: attachment.path, startLine: Math.max(1, attachment.startLine), endLine: Math.min(attachment.endLine, attachment.startLine + MAXIMUM_ATTACHED_LINES - 1) };
    const read = await workspace.readLines(range);
    const saved = attachment.text === undefined || attachment.text === read?.text;
    const text = attachment.text ?? read?.text;
    if (text === undefined || text.trim() === "") continue;
    const citation = saved ? await ledger.cite(range) : null;
    sources.push({ ...range, n: citation?.n ?? null, text });
  }
  return sources;
}

/** The card's sources first, then the best passages found, `limit` in all. */
async function foundSources(question: Question, composed: ComposedCard, workspace: WorkspaceAccess, limit: number, signal: AbortSignal | undefined): Promise<PromptSource[]> {
  const sources: PromptSource[] = composed.citations.slice(0, limit).map(({ n, path, startLine, endLine, text }) => ({ n, path, startLine, endLine, text }));
  if (!composed.card.supported) return sources;
  const hits = composed.hits.length > 0 ? composed.hits : await workspace.search(question.searchQuery, { k: 20, signal });
  for (const file of rankFiles(question, hits, { nFiles: (await workspace.files()).length })) {
    for (const { hit } of file.passages.slice(0, 2)) {
      if (sources.length >= limit) return sources;
      if (sources.some((source) => source.path === hit.path && source.startLine <= hit.startLine && source.endLine >= hit.endLine)) continue;
      const citation = await composed.ledger.cite(hit, hit);
      if (citation && !sources.some((source) => source.n === citation.n)) sources.push({ n: citation.n, path: citation.path, startLine: citation.startLine, endLine: citation.endLine, text: citation.text });
    }
  }
  return sources;
}

/** Whether a name of the prose exists: in what the model was given, among definitions, among names used, among files. */
function knownNames(workspace: WorkspaceAccess, given: string): (name: string) => Promise<boolean> {
  let files: Promise<string[]> | undefined;
  return async (name) => {
    if (given.includes(name)) return true;
    if (/[/]|\.\w{1,5}$/.test(name)) {
      files ??= Promise.resolve(workspace.files()).then((paths) => paths.map((path) => path.toLowerCase()));
      const wanted = name.toLowerCase().replace(/^\.\//, "");
      if ((await files).some((path) => path === wanted || path.endsWith(`/${wanted}`))) return true;
    }
    const last = name.split(/\.|::|#/).at(-1) ?? name;
    return (await workspace.definitions(last)).some((definition) => definition.name === last) || (await workspace.usages(last, 1)).count > 0;
  };
}

/** Cards quote the user's files; what looks like a key is hidden all the same, for cards are copied and kept. */
function hideSecrets(card: GroundedCard, hidden: { count: number }): GroundedCard {
  const clean = (text: string): string => {
    const { text: redacted, spans } = redactSecrets(text);
    hidden.count += spans.length;
    return redacted;
  };
  return { ...card, summary: clean(card.summary), items: card.items.map((item) => ({ ...item, signature: clean(item.signature), documentation: clean(item.documentation) })) };
}

/** Citations as they are sent: `sha256` is that of the lines on disk, `text` has its secrets hidden. */
function shown(citations: readonly Citation[], hidden: { count: number }): Citation[] {
  return citations.map((citation) => {
    const { text, spans } = redactSecrets(citation.text);
    hidden.count += spans.length;
    return { ...citation, text };
  });
}

function withoutSources(card: GroundedCard, gone: ReadonlySet<number>): GroundedCard {
  const kept = new Map([...citedNumbers(card.summary), ...card.items.map((item) => item.citation)].filter((n) => !gone.has(n)).map((n) => [n, n] as const));
  const items = card.items.filter((item) => !gone.has(item.citation));
  const summary = kept.size === 0 ? "What was found is not on disk any more. Ask again once the index has caught up." : withNumbers(card.summary, kept);
  return { ...card, items, summary, supported: card.supported && kept.size > 0 };
}

/** The workspace with the time that its searches take. */
function timed(workspace: WorkspaceAccess): { access: WorkspaceAccess; timer: { searchMs: number } } {
  const timer = { searchMs: 0 };
  const access: WorkspaceAccess = {
    ...workspace,
    search: async (query, options) => {
      if (options.signal?.aborted) throw new CancelledError();
      const begun = performance.now();
      try {
        return await workspace.search(query, options);
      } finally {
        timer.searchMs += performance.now() - begun;
      }
    },
  };
  return { access, timer };
}
