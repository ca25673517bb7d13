// Composes the grounded card: chooses the composer that fits the question, falls back from the particular to the general,
// and says plainly when nothing supports an answer. No model is asked.
import type { Attachment, Citation, GroundedCard, SearchHit } from "../protocol/types.ts";
import { MAXIMUM_ITEMS } from "./cardContext.ts";
import type { CardContext, Draft } from "./cardContext.ts";
import { howCard, usagesCard, whatCard, whereCard } from "./cardDefinitions.ts";
import { errorCard } from "./cardError.ts";
import { importersCard, verbatimCard } from "./cardNames.ts";
import { overviewCard } from "./cardOverview.ts";
import { filesCard, passagesCard, searchCard, unsupportedCard } from "./cardPassages.ts";
import { selectedSymbol, selectionCard, selectionOf, testsCard } from "./cardSelection.ts";
import { CitationLedger, citedNumbers, withNumbers } from "./citations.ts";
import { readerOfOneLook } from "./lineReader.ts";
import { questionStems } from "./passages.ts";
import type { Question } from "./question.ts";
import { resolvePath, resolveSymbols } from "./resolve.ts";
import type { ResolvedSymbol } from "./resolve.ts";
import { splitIdentifier } from "./subjects.ts";
import { code, stem } from "./wording.ts";
import type { WorkspaceAccess } from "./workspaceAccess.ts";

export interface CardRequest {
  question: Question;
  access: WorkspaceAccess;
  attachments?: readonly Attachment[];
  activePath?: string;
  signal?: AbortSignal;
}

export interface ComposedCard {
  card: GroundedCard;
  citations: Citation[];
  /** Continues the card's numbering: further sources of the prose are cited through it. */
  ledger: CitationLedger;
  /** The search for the question, where it was made. */
  hits: SearchHit[];
  /** Sources that were found but did not hold on disk. */
  dropped: number;
}

const MAXIMUM_SENTENCES = 3;
/** Passages asked of search: enough for several files. Our choice. */
const HITS = 40;
/** From this trust on, a question is about the symbol; below, the symbol is one find among others. */
const STRONG = 0.62;
/** Passages beside a symbol must cover this share of the question's words. */
const SUPPORT_BESIDE_SYMBOL = 0.7;

/** Composes the card of a question. Never null: where nothing is found, `card.supported` is false and the summary says so. */
export async function composeCard(request: CardRequest): Promise<ComposedCard> {
  const { question } = request;
  const ledger = new CitationLedger((range) => request.access.readLines(range));
  const access: WorkspaceAccess = { ...request.access, readLines: readerOfOneLook((range) => request.access.readLines(range)) };
  let searched: Promise<SearchHit[]> | undefined;
  const hits = (): Promise<SearchHit[]> => searched ??= (async () => {
    if (question.searchQuery.trim() === "") return [];
    return access.search(question.searchQuery, { k: HITS, signal: request.signal, activePath: request.activePath });
  })();
  const context: CardContext = {
    question, access, citations: ledger, hits,
    symbols: await resolveSymbols(question, access, request.activePath),
    files: await access.files(),
    attachments: request.attachments ?? [],
    activePath: request.activePath,
  };
  const draft = await compose(context) ?? await unsupportedCard(context);
  const leftOut = await leftOutSentence(context, draft);
  const sentences = draft.sentences.filter((sentence) => sentence !== "").slice(0, MAXIMUM_SENTENCES - Number(leftOut !== ""));
  const summary = [...sentences, leftOut].filter((sentence) => sentence !== "").join(" ");
  const numbers = ledger.renumber([...citedNumbers(summary), ...draft.items.map((item) => item.citation)]);
  const card: GroundedCard = {
    intent: question.intent,
    summary: withNumbers(summary, numbers),
    items: draft.items.flatMap((item) => {
      const citation = numbers.get(item.citation);
      return citation === undefined ? [] : [{ ...item, citation }];
    }),
    supported: draft.supported,
  };
  return { card, citations: ledger.list(), ledger, hits: searched ? await searched : [], dropped: ledger.dropped };
}

async function compose(context: CardContext): Promise<Draft | null> {
  const { question, symbols } = context;
  if (question.command === "search") return searchCard(context);
  if (question.error) {
    const draft = await errorCard(context);
    if (draft) return draft;
  }
  if (question.intent === "overview") {
    const draft = await overviewCard(context);
    if (draft) return draft;
  }
  const strong = symbols.filter((symbol) => symbol.trust >= STRONG);
  const selection = selectionOf(context.attachments);
  if (selection && strong.length === 0 && (question.refersToSelection || question.command !== null || question.words.length === 0)) {
    const symbol = await selectedSymbol(context, selection);
    const draft = question.command === "tests" && symbol ? await testsCard(context, [symbol])
      : question.intent === "usages" && symbol ? await usagesCard(context, [symbol]) : await selectionCard(context, selection);
    if (draft) return draft;
  }
  const attached = context.attachments.filter((attachment) => attachment.kind === "file");
  const named = question.paths.some((mention) => resolvePath(mention, context.files).length > 0 || mention.path.endsWith("/"));
  if (strong.length === 0 && question.intent === "usages" && named) {
    const draft = await importersCard(context);
    if (draft) return draft;
  }
  if (strong.length === 0 && (named || question.refersToFile || (question.paths.length > 0 && question.words.length === 0)) && question.words.length <= 3) {
    const draft = await filesCard(context);
    if (draft) return draft;
  }
  if (strong.length > 0) {
    const draft = await symbolCard(context, strong);
    if (draft) return withPassages(context, draft, strong);
  }
  const telling = question.identifiers.filter((subject) => subject.mark === "code" || subject.mark === "shaped");
  const missing = question.paths.filter((mention) => resolvePath(mention, context.files).length === 0);
  if (telling.length > 0 || question.phrases.length > 0 || missing.length > 0 || isMessage(question)) {
    const draft = await verbatimCard(context);
    if (draft) return draft;
    // What was named so plainly is not here: no passage about the rest of the words would answer.
    if (question.words.length <= 2 && !isMessage(question)) return null;
  }
  const passages = await passagesCard(context);
  if (passages) return passages;
  if (symbols.length > 0 && question.words.length <= 2) return symbolCard(context, symbols);
  if (attached.length > 0) return filesCard({ ...context, question: { ...question, paths: attached.map((attachment) => ({ path: attachment.path, line: null })) } });
  return null;
}

/** Says so where a file that the question names, or whose name covers the question's words, was left out of the index. */
async function leftOutSentence(context: CardContext, draft: Draft): Promise<string> {
  const skipped = await context.access.skipped?.() ?? [];
  if (skipped.length === 0 || context.question.intent === "overview") return "";
  const { question } = context;
  const named = question.paths.map((mention) => resolvePath(mention, skipped.map((file) => file.path))[0]);
  const stems = questionStems(question);
  const best = draft.items[0]?.location.path ?? "";
  const cover = (path: string): number => {
    const parts = new Set(splitIdentifier((path.split("/").at(-1) ?? "").replace(/\.\w+$/, "")).map(stem));
    return [...parts].every((part) => stems.includes(part)) ? parts.size : 0;
  };
  const file = skipped.find((candidate) => named.includes(candidate.path)) ?? skipped.find((candidate) => cover(candidate.path) > cover(best) && isCode(candidate.path));
  return file ? `${code(file.path)} was left out of the index: ${file.reason}.` : "";
}

function isCode(path: string): boolean {
  return /\.(?:[mc]?[jt]sx?|pyi?|ipynb|go|rs|java|kt|cs|rb|php|swift|c|cc|cpp|h|hpp|scala|ex|lua|dart|vue|svelte|md)$/.test(path);
}

/** Text pasted without a question: a message that a program printed. */
function isMessage(question: Question): boolean {
  return question.intent === "open" && question.words.length >= 3 && !question.text.includes("?") && question.text.length < 300 && !question.text.includes("\n");
}

async function symbolCard(context: CardContext, symbols: readonly ResolvedSymbol[]): Promise<Draft | null> {
  if (context.question.command === "tests") return testsCard(context, symbols);
  switch (context.question.intent) {
    case "where":
    case "which": return whereCard(context, symbols);
    case "usages": return usagesOfAll(context, symbols);
    case "how": return howCard(context, symbols);
    default: return whatCard(context, symbols);
  }
}

/** "Who calls A or B": one sentence for each that the question names as code. */
async function usagesOfAll(context: CardContext, symbols: readonly ResolvedSymbol[]): Promise<Draft | null> {
  const named = symbols.filter((symbol) => symbol.how === "exact" && symbol.trust >= 0.9).slice(0, 3);
  if (named.length < 2) return usagesCard(context, symbols);
  const drafts: Draft[] = [];
  for (const symbol of named) {
    const draft = await usagesCard(context, [symbol]);
    if (draft) drafts.push(draft);
  }
  if (drafts.length === 0) return null;
  const share = Math.ceil(MAXIMUM_ITEMS / drafts.length) + 1;
  return { sentences: drafts.map((draft) => draft.sentences[0] ?? ""), items: drafts.flatMap((draft) => draft.items.slice(0, share)), supported: true };
}

/** A question that says more than a name ("where does Chat send messages to the webview") also gets the best passage about the rest. */
async function withPassages(context: CardContext, draft: Draft, symbols: readonly ResolvedSymbol[]): Promise<Draft> {
  const { question } = context;
  const asked = new Set(symbols.flatMap((symbol) => symbol.asked.toLowerCase().split(/\s+/)));
  if (question.intent === "usages" || question.intent === "how" || question.words.filter((word) => !asked.has(word)).length < 2) return draft;
  const passages = await passagesCard(context, { threshold: SUPPORT_BESIDE_SYMBOL });
  const others = passages?.items.filter((candidate) => !draft.items.some((known) => known.citation === candidate.citation)) ?? [];
  if (!passages || others.length === 0 || passages.items[0] !== others[0]) return draft;
  // The symbol's own items come first and are cut, so that the passages are seen.
  return { ...draft, items: [...draft.items.slice(0, 3), ...others].slice(0, MAXIMUM_ITEMS), sentences: [...draft.sentences.slice(0, 2), ...passages.sentences.slice(0, 1)] };
}
