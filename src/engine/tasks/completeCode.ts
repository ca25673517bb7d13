// A keystroke becomes ghost text: cache, look-up and model side by side, fitted into place, judged by the gate, screened.
// It joins rooms by functions handed in; it neither loads models nor decides when to ask (the editor side does).
import { randomUUID } from "node:crypto";
import { throwIfCancelled } from "../base/errors.ts";
import { PRIORITY, type Priority, type Scheduler } from "../base/scheduler.ts";
import { indentationStep } from "../completion/blockContinuation.ts";
import type { CompletionModel, ContextPiece } from "../completion/completionModel.ts";
import { gateProbability } from "../completion/gate.ts";
import { lineRuleAt, opensEmptyBlock, type LineRule } from "../completion/lineRule.ts";
import type { JudgedCaret } from "../completion/lookup.ts";
import { judgeByModel } from "../completion/modelJudge.ts";
import { mayStandBefore, placeCandidate } from "../completion/placement.ts";
import type { CompletionSession } from "../completion/session.ts";
import { COMPLETION_CAP_MS } from "../model/hardwareDefaults.ts";
import type { CompleteParams, CompleteResult, CompletionSource, NoCompletionReason, TokenCounts, Verdict } from "../protocol/types.ts";
import type { Settings } from "../settings.ts";

/** What completion is given by the composition root. */
export interface CompleteDependencies {
  session: CompletionSession;
  settings: Pick<Settings, "completion.enabled" | "completion.disabledLanguages" | "completion.gate" | "completion.timeoutMs" | "completion.maximumLines">;
  scheduler: Scheduler;
  /** Null where no model is loaded or it has no infill; the look-up then stands alone. */
  model: CompletionModel | null;
  /** Names the model and adapter in use now: a suggestion made under another one is not shown again. */
  modelKey?: () => string;
  /** The safety room's screen of generated code. */
  screenCompletion: (text: string, place: { path: string; language: string; prefix: string; suffix: string }) => Verdict | Promise<Verdict>;
  /** Text of other open or recent files, most useful last. */
  context?: (params: CompleteParams) => readonly ContextPiece[];
  signal?: AbortSignal;
  /** Prepare the next completion as if this one were accepted; default true. */
  prepareNext?: boolean;
}

/** So sure a look-up needs no second opinion (gate probability); our choice. */
const sureEnough = 0.9;
/** Lines that the look-up adds below the first must together be this probable; our choice. */
const leastBlockProbability = 0.5;
/** The gate's threshold is this much lower when the user asked. */
const manualFactor = 0.4;
/** Where the look-up has something to show already, the model may make the user wait this long and no longer (ms); our choice. */
const patienceMs = 120;
/** Milliseconds kept back from the cap for judging and screening. */
const reserveMs = 30;

const noTokens: TokenCounts = { prompt: 0, reused: 0, generated: 0 };
const allowed: Verdict = { action: "allow", checks: [], ms: 0 };

/** A candidate fitted into its place and judged. */
interface Judged {
  text: string;
  replacesAfter: number;
  confidence: number;
  source: CompletionSource;
}

/** Completes at the caret. Never throws for expected outcomes: those are reasons in the result. Throws CancelledError. */
export async function completeCode(params: CompleteParams, dependencies: CompleteDependencies): Promise<CompleteResult> {
  const started = performance.now();
  const { session } = dependencies;
  throwIfCancelled(dependencies.signal);
  const refusal = refusalFor(params, dependencies.settings);
  if (refusal) return nothing(refusal, started);

  const hit = session.cache.find(params, dependencies.modelKey?.());
  if (hit) {
    return {
      completionId: hit.entry.completionId, text: hit.remainder, replacesAfter: hit.replacesAfter, source: "cache", confidence: hit.entry.confidence,
      reason: null, verdict: allowed, timings: { lookupMs: 0, modelMs: 0, totalMs: performance.now() - started }, tokens: noTokens,
    };
  }
  session.cancelPrepared();
  const result = await completeFresh(params, dependencies, PRIORITY.keystroke, started);
  if (result.text !== null && dependencies.prepareNext !== false) prepareNext(params, result.text, dependencies);
  return result;
}

/** Why nothing is even tried. A manual request is refused nothing but the middle of a word. */
function refusalFor(params: CompleteParams, settings: CompleteDependencies["settings"]): NoCompletionReason | null {
  if (/^[\p{L}\p{N}_$]/u.test(params.suffix)) return "insideWord";
  if (params.trigger === "manual") return null;
  if (!settings["completion.enabled"] || settings["completion.disabledLanguages"].includes(params.language)) return "disabledLanguage";
  const end = params.suffix.indexOf("\n");
  return mayStandBefore(end < 0 ? params.suffix : params.suffix.slice(0, end)) ? null : "noCandidate";
}

async function completeFresh(params: CompleteParams, dependencies: CompleteDependencies, priority: Priority, started: number): Promise<CompleteResult> {
  const { session, settings, signal } = dependencies;
  const model = dependencies.modelKey?.() ?? "";
  const mostLines = settings["completion.maximumLines"];
  const rule = mostLines > 1 ? lineRuleAt(params.prefix, params.suffix) : "single";

  const caret = session.lookup.judge(params);
  const lookupMs = performance.now() - started;
  const lookedUp = caret.proposals.map((proposal) => caret.evidence(proposal.text, null));
  const threshold = settings["completion.gate"] * (params.trigger === "manual" ? manualFactor : 1);

  let judged: Judged[] = lookedUp.map((evidence) => ({ text: evidence.text, replacesAfter: 0, confidence: gateProbability(evidence), source: "lookup" as const }));
  const blockOf = (text: string): string => {
    const proposal = caret.proposals.find((candidate) => candidate.text === text);
    return proposal ? [text, ...caret.block(proposal, mostLines - 1, leastBlockProbability)].join("\n") : text;
  };
  let tokens = noTokens;
  let modelMs = 0;
  let late = false;
  const best = judged.reduce((highest, { confidence }) => Math.max(highest, confidence), 0);
  // An automatic single line that the look-up is sure of is shown at once; blocks are for the model.
  if (dependencies.model && (best < sureEnough || rule === "multi")) {
    const askedAt = performance.now();
    const spoken = await askModel(params, dependencies, dependencies.model, rule, priority, started, caret, judged);
    modelMs = performance.now() - askedAt;
    throwIfCancelled(signal);
    late = spoken === null;
    if (spoken) {
      judged = spoken.judged;
      tokens = spoken.tokens;
    }
  }

  const mayBeBlock = (text: string): boolean => mostLines > 1 && (rule === "multi" || opensEmptyBlock(params.prefix, text, params.suffix));
  judged = judged.map((candidate) => (candidate.source === "lookup" && candidate.confidence >= threshold && mayBeBlock(candidate.text) ? { ...candidate, text: blockOf(candidate.text) } : candidate));
  const placed: Judged[] = [];
  let unfit = 0;
  for (const candidate of judged) {
    const fitted = placeCandidate(candidate.text, { prefix: params.prefix, suffix: params.suffix, maximumLines: candidate.text.includes("\n") ? mostLines : 1 });
    if (fitted.unfit === null) placed.push({ ...candidate, text: fitted.text, replacesAfter: fitted.replacesAfter });
    else if (fitted.unfit !== "empty") unfit++;
  }
  placed.sort((a, b) => b.confidence - a.confidence);
  const timings = () => ({ lookupMs, modelMs, totalMs: performance.now() - started });
  const chosen = placed[0];
  if (!chosen) return { ...nothing(unfit > 0 ? "filtered" : late ? "timeout" : "noCandidate", started), timings: timings(), tokens };
  if (chosen.confidence < threshold) return { ...nothing(late ? "timeout" : "belowGate", started), confidence: chosen.confidence, timings: timings(), tokens };

  const verdict = await dependencies.screenCompletion(chosen.text, params);
  throwIfCancelled(signal);
  if (verdict.action === "block") return { ...nothing("filtered", started), confidence: chosen.confidence, verdict, timings: timings(), tokens };
  const completionId = randomUUID();
  // A model or adapter that was changed meanwhile leaves open which one wrote it.
  if ((dependencies.modelKey?.() ?? "") === model) session.cache.add({ model, path: params.path, prefix: params.prefix, suffix: params.suffix, completionId, text: chosen.text, replacesAfter: chosen.replacesAfter, confidence: chosen.confidence });
  session.outcomes?.suggested({ completionId, path: params.path, language: params.language, source: chosen.source, confidence: chosen.confidence, prefix: params.prefix, suffix: params.suffix, text: chosen.text, model });
  return { completionId, text: chosen.text, replacesAfter: chosen.replacesAfter, source: chosen.source, confidence: chosen.confidence, reason: null, verdict, timings: timings(), tokens };
}

/**
 * The model's own text and its opinion of the look-up's best one, all judged together; null where it was too late or
 * failed, in which case the look-up stands alone.
 */
async function askModel(
  params: CompleteParams, dependencies: CompleteDependencies, model: CompletionModel, rule: LineRule, priority: Priority,
  started: number, caret: JudgedCaret, lookedUp: readonly Judged[],
): Promise<{ judged: Judged[]; tokens: TokenCounts } | null> {
  const { settings, scheduler } = dependencies;
  const showable = lookedUp.some(({ confidence }) => confidence >= settings["completion.gate"]);
  const mostMs = settings["completion.timeoutMs"] || COMPLETION_CAP_MS;
  const capMs = (showable ? Math.min(patienceMs, mostMs) : mostMs) - reserveMs;
  const left = () => capMs - (performance.now() - started);
  // The cap holds for waiting in the queue as well as for computing.
  const cap = new AbortController();
  const timer = setTimeout(() => cap.abort(), Math.max(1, left()));
  const signal = dependencies.signal ? AbortSignal.any([dependencies.signal, cap.signal]) : cap.signal;
  try {
    return await scheduler.run(priority, signal, async (lease) => {
      const best = lookedUp.reduce<Judged | null>((top, candidate) => (top && top.confidence >= candidate.confidence ? top : candidate), null);
      const { evidence, text, tokens } = await judgeByModel({
        params, model, lease, signal, rule, caret, leftMs: left, maximumLines: settings["completion.maximumLines"],
        context: [...(dependencies.context?.(params) ?? [])], best: best?.text ?? null,
      });
      const judged = evidence.map((item): Judged => ({
        // What the model wrote below the first line goes along; the gate speaks for the first.
        text: item.model?.wrote && rule === "multi" ? text : item.text,
        replacesAfter: 0, confidence: gateProbability(item), source: item.model?.wrote ? "model" : "lookup",
      }));
      for (const candidate of lookedUp) if (!evidence.some((item) => item.text.trimEnd() === candidate.text.trimEnd())) judged.push(candidate);
      return { judged, tokens };
    });
  } catch (error) {
    if (dependencies.signal?.aborted) throw error;
    // A late or failing model never takes the look-up's completion with it; the model room logs its own failures.
    return null;
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Prepares what would be asked next if `text` were accepted: behind it, and on the next line, where Enter leads. At low
 * priority, and dropped as soon as anything else happens.
 */
function prepareNext(params: CompleteParams, text: string, dependencies: CompleteDependencies): void {
  const signal = dependencies.session.prepareAhead();
  const accepted: CompleteParams = { ...params, prefix: params.prefix + text, trigger: "automatic" };
  const places = [accepted];
  if (/^[ \t\r]*(?:\n|$)/.test(params.suffix)) {
    const line = accepted.prefix.slice(accepted.prefix.lastIndexOf("\n") + 1);
    const step = opensEmptyBlock("", line, params.suffix) ? indentationStep(params.prefix) : "";
    places.push({ ...accepted, prefix: `${accepted.prefix}${accepted.prefix.includes("\r\n") ? "\r\n" : "\n"}${/^[ \t]*/.exec(line)?.[0] ?? ""}${step}` });
  }
  const prepare = async (): Promise<void> => {
    for (const place of places) {
      if (signal.aborted) return;
      await completeFresh(place, { ...dependencies, signal }, PRIORITY.background, performance.now());
    }
  };
  setImmediate(() => {
    // Nobody waits for this: whatever goes wrong goes wrong again, and is told, when it is asked for.
    prepare().catch(() => undefined);
  });
}

function nothing(reason: NoCompletionReason, started: number): CompleteResult {
  return {
    completionId: randomUUID(), text: null, source: null, confidence: 0, reason, verdict: allowed,
    timings: { lookupMs: 0, modelMs: 0, totalMs: performance.now() - started }, tokens: noTokens,
  };
}
