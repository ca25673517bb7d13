// `@kalactica` in VS Code's own chat: what is asked there goes the way of our own chat (`answer/ask`), and the answer is written
// into VS Code's stream as it comes. It composes, checks and remembers nothing itself.
import { randomUUID } from "node:crypto";
import * as vscode from "vscode";
import type { AnswerEvent, AskParams, AskResult, Citation, FileRange } from "../engine/protocol/types.ts";
import type { ChatAttachment, SlashCommand } from "../webview/protocol.ts";
import { locationOf } from "./chatActions.ts";
import { attachmentAtCaret, attachmentOfCell, attachmentOfRange, cellOf, readEditor, relativePath, wholeFile, withWholeFile } from "./chatAttachments.ts";
import { COMMAND_QUESTIONS, isOwnQuestion } from "./chatQuestions.ts";
import { cardParts, fenced, placeName, ProseParts, textParts, placesOf, withoutButtons } from "./chatParticipantParts.ts";
import type { AnswerPart } from "./chatParticipantParts.ts";
import { earlierFor, historyFor, plainQuestion } from "./chatSession.ts";
import type { ChatEngine, SaidTurn } from "./chatSession.ts";
import { PARTICIPANT_ID } from "./contributions.ts";
import { remedyFor, sentenceFor } from "./messages.ts";

/** Newest items that "/memory" lists where nothing is asked. */
const LISTED_MEMORIES = 10;
/** What was said, decided and run; not the files and symbols that it was about. */
const TOLD_KINDS = ["decision", "note", "turn", "execution", "error"];
const MAX_FOLLOW_UPS = 3;
/** Of an answer, kept with it for what is asked next. */
const KEPT_CHARACTERS = 4_000;
const MAX_PASTED_CHARACTERS = 20_000;

/** What is kept with an answer in VS Code's own history; it survives a reload of the window. */
interface AnswerMetadata {
  session: string;
  askId: string;
  question: string;
  summary: string;
  prose: string;
  followUps: vscode.ChatFollowup[];
}

/** The part of VS Code's request that is read, so that tests can ask without its chat view. */
export type ParticipantRequest = Pick<vscode.ChatRequest, "prompt" | "command" | "references" | "toolReferences">;
export type ParticipantStream = Pick<vscode.ChatResponseStream, "markdown" | "anchor" | "reference" | "progress" | "button">;
type History = vscode.ChatContext["history"];

export function registerChatParticipant(engine: ChatEngine, extensionUri: vscode.Uri): vscode.Disposable {
  const participant = vscode.chat.createChatParticipant(PARTICIPANT_ID, (request, { history }, stream, token) => answerInChat(engine, request, history, stream, token));
  participant.iconPath = vscode.Uri.joinPath(extensionUri, "media", "icons", "kalactica.svg");
  participant.followupProvider = { provideFollowups: ({ metadata }) => (metadata as AnswerMetadata | undefined)?.followUps ?? [] };
  return vscode.Disposable.from(participant, participant.onDidReceiveFeedback((feedback) => { takeFeedback(engine, feedback); }));
}

/** A thumb under an answer counts as in our own chat. */
export function takeFeedback(engine: Pick<ChatEngine, "notify">, { result, kind }: vscode.ChatResultFeedback): void {
  const askId = (result.metadata as AnswerMetadata | undefined)?.askId;
  if (askId) engine.notify("answer/feedback", { askId, rating: kind === vscode.ChatResultFeedbackKind.Helpful ? "up" : "down" });
}

/** Answers one request; failures become the result's error, with one button that helps. */
export async function answerInChat(engine: ChatEngine, request: ParticipantRequest, history: History, stream: ParticipantStream, token: vscode.CancellationToken): Promise<vscode.ChatResult> {
  try {
    if (request.command === "memory" && request.prompt.trim() === "") return await listMemories(engine, stream, token);
    const asked = await questionOf(request);
    if (asked.question === "" && asked.attachments.length === 0) return { errorDetails: { message: vscode.l10n.t("Ask something about this folder, for example: where is the configuration loaded?") } };
    return await answer(engine, asked, history, stream, token);
  } catch (error) {
    // Whoever cancelled wants to hear no more of it, whatever it ended in.
    const message = token.isCancellationRequested ? null : sentenceFor(error);
    if (message === null) return {};
    const { label, command } = remedyFor(error);
    stream.button({ title: label, command });
    return { errorDetails: { message } };
  }
}

interface Asked {
  question: string;
  command: SlashCommand | null;
  attachments: ChatAttachment[];
  activePath: string | null;
  memory: boolean;
}

/** The request as our own chat would ask it. */
export async function questionOf({ prompt, command, references, toolReferences }: ParticipantRequest): Promise<Asked> {
  const editor = readEditor();
  const attachments: ChatAttachment[] = [];
  const pasted: string[] = [];
  let { activePath } = editor;
  let question = prompt;
  // The last reference of the prompt is the first of the list, so that ranges stay true while they are replaced.
  for (const { id, value, range } of references) {
    const attachment = await attachmentOf(value);
    if (range) question = `${question.slice(0, range[0])}${attachment ? nameOf(attachment) : question.slice(range[0], range[1]).replace(/^#(?:\w+:)?/, "")}${question.slice(range[1])}`;
    // What VS Code adds by itself is what the user looks at, not what they chose.
    if (id.startsWith("vscode.implicit") && !id.endsWith("selection")) activePath = attachment?.path ?? activePath;
    else if (attachment) attachments.push(attachment);
    else if (typeof value === "string" && value.trim() !== "") pasted.push(value.slice(0, MAX_PASTED_CHARACTERS));
  }
  const slash = command === "memory" || command === undefined ? null : command as SlashCommand;
  const aboutCode = slash === "explain" || slash === "fix" || slash === "tests" || slash === "doc";
  if (attachments.length === 0 && pasted.length === 0 && aboutCode && question.trim() === "") {
    const here = editor.selection ?? await attachmentAtCaret();
    if (here) attachments.push(here);
  }
  if (question.trim() === "" && aboutCode && attachments.length > 0) question = COMMAND_QUESTIONS[slash]();
  return {
    question: [question.trim(), ...pasted.map((text) => fenced("", text).trim())].filter((part) => part !== "").join("\n\n"),
    command: slash, attachments, activePath,
    memory: command === "memory" || toolReferences.some(({ name }) => name === "kalactica_recall"),
  };
}

/** A file, lines of one or a cell that the user referred to; null for what is none, or lies outside the folder. */
async function attachmentOf(value: unknown): Promise<ChatAttachment | null> {
  const uri = value instanceof vscode.Uri ? value : value instanceof vscode.Location ? value.uri : null;
  if (!uri) return null;
  const open = vscode.workspace.textDocuments.find((document) => document.uri.toString() === uri.toString());
  if (value instanceof vscode.Location) {
    try {
      return attachmentOfRange(open ?? await vscode.workspace.openTextDocument(uri), value.range);
    } catch {
      return null;
    }
  }
  const cell = open && cellOf(open);
  if (cell) return attachmentOfCell(cell);
  const path = relativePath(uri);
  return path === null ? null : withWholeFile(wholeFile(path));
}

function nameOf({ kind, path }: ChatAttachment): string {
  return kind === "file" ? path.split("/").at(-1) ?? path : "the selected code";
}

async function answer(engine: ChatEngine, asked: Asked, history: History, stream: ParticipantStream, token: vscode.CancellationToken): Promise<vscode.ChatResult> {
  const said = saidBefore(history);
  const session = said.at(-1)?.session ?? randomUUID();
  const askId = randomUUID();
  const question = plainQuestion(asked.question);
  const params: AskParams = {
    askId, question: asked.attachments.length > 0 && isOwnQuestion(question, asked.command) ? "" : question, session, history: historyFor(said, null), earlier: earlierFor(said, null), attachments: asked.attachments,
    ...(asked.command ? { command: asked.command } : {}), ...(asked.memory ? { memory: "wanted" as const } : {}), ...(asked.activePath === null ? {} : { activePath: asked.activePath }),
  };
  const writer = new AnswerWriter(engine, stream);
  const listening = engine.onNotification("answer/event", ({ askId: which, event }) => { if (which === askId) writer.take(event); });
  let result: AskResult;
  try {
    result = await engine.request("answer/ask", params, token);
  } finally {
    listening.dispose();
    await writer.settled();
  }
  await writer.finish(result, asked.memory);
  const metadata: AnswerMetadata = {
    session, askId, question, summary: result.card?.summary.slice(0, KEPT_CHARACTERS) ?? "", prose: result.prose.slice(0, KEPT_CHARACTERS), followUps: result.stopped ? [] : followUps(asked, result),
  };
  return { metadata };
}

/** Earlier questions and answers of this talk, oldest first, as our own chat keeps them. */
function saidBefore(history: History): (SaidTurn & { session: string })[] {
  return history.flatMap((turn) => {
    const metadata = "result" in turn ? turn.result.metadata as Partial<AnswerMetadata> | undefined : undefined;
    if (metadata?.askId === undefined) return [];
    const { askId, question = "", summary = "", prose = "", session = "" } = metadata;
    return [{ id: askId, state: "done" as const, question, card: summary === "" ? null : { summary }, prose, session }];
  });
}

/** Writes one answer into VS Code's stream: the card at once, prose as it comes, blocks of code once they are judged. */
class AnswerWriter {
  readonly #engine: ChatEngine;
  readonly #stream: ParticipantStream;
  readonly #prose = new ProseParts();
  #written = "";
  #referred = new Set<string>();
  /** Keeps the order where a block waits for its judgement. */
  #tail: Promise<void> = Promise.resolve();

  constructor(engine: ChatEngine, stream: ParticipantStream) {
    this.#engine = engine;
    this.#stream = stream;
  }

  take(event: AnswerEvent): void {
    switch (event.type) {
      case "status":
        this.#stream.progress(event.text);
        break;
      case "card":
        this.#refer(event.citations);
        this.#prose.know(event.citations);
        this.#write(cardParts(event.card, event.citations, { fromMemory: (source, date, text) => vscode.l10n.t("From memory ({0}, {1}): {2}", source, date, text) }));
        break;
      case "citations":
        this.#prose.know(event.citations);
        break;
      case "prose":
        this.#written += event.text;
        this.#write(this.#prose.push(event.text));
    }
  }

  settled(): Promise<void> {
    return this.#tail;
  }

  /** What the result adds to what has been written: corrections, sources, what the checks say. */
  async finish(result: AskResult, memory: boolean): Promise<void> {
    this.#write(this.#prose.end());
    this.#refer(result.citations);
    await this.#tail;
    const notes = [...this.#corrections(result), ...checkNotes(result)];
    if (memory) notes.push(...(result.recalled ?? []).slice(0, LISTED_MEMORIES).map((item) => `- ${item.source}, ${dayOf(item.at)}: ${oneLine(item.text)}`));
    if (result.proseOmitted !== null && !result.stopped) notes.push(`*${result.proseOmitted}*`);
    notes.push(`*${healthLine(result)}*`);
    this.#stream.markdown(`\n\n${notes.join("\n\n")}`);
  }

  /** Written is written: where the checks left something else, that is said and what stands is written below. */
  #corrections({ prose, citations, stopped }: AskResult): string[] {
    if (stopped || this.#written.trim() === "" || bare(this.#written) === bare(prose)) return [];
    if (prose === "") return [vscode.l10n.t("**What the model wrote above does not count.**")];
    for (const part of textParts(`\n\n${vscode.l10n.t("**The checks took something out of the text above. This stands:**")}\n\n${prose}`, placesOf(citations))) this.#emit(part);
    return [];
  }

  #refer(citations: readonly Citation[]): void {
    for (const { path, startLine, endLine } of citations) {
      const key = `${path}:${startLine}-${endLine}`;
      const location = this.#referred.has(key) ? null : locationOf({ path, startLine, endLine });
      this.#referred.add(key);
      if (location) this.#stream.reference(location);
    }
  }

  #write(parts: readonly AnswerPart[]): void {
    for (const part of parts) this.#tail = this.#tail.then(() => (part.kind === "code" ? this.#emitCode(part.language, part.code) : this.#emit(part)));
  }

  #emit(part: AnswerPart): void {
    if (part.kind === "text") this.#stream.markdown(part.markdown);
    else if (part.kind === "place") this.#place(part.place);
  }

  #place(place: FileRange): void {
    const location = locationOf(place);
    if (location) this.#stream.anchor(location, placeName(place));
    else this.#stream.markdown(placeName(place));
  }

  /** VS Code puts its own buttons on a block of code: one that our checks refuse is written without them, and never without the reason. */
  async #emitCode(language: string, code: string): Promise<void> {
    const judged = await this.#engine.request("safety/judge", { code, language }).catch(() => null);
    if (judged?.action === "block") {
      this.#stream.markdown(`\n\n**${vscode.l10n.t("Not to be run: {0}", judged.consequence)}**${withoutButtons(code)}`);
      return;
    }
    this.#stream.markdown(fenced(language, code));
    for (const { action, allowed, reason, fix } of judged?.concerns ?? []) {
      if (action !== "allow" && !allowed) this.#stream.markdown(`*${vscode.l10n.t("Check: {0}", [reason, fix].filter((part) => part !== "").join(" "))}*\n\n`);
    }
  }
}

/** Checks about the answer as a whole that did not pass; what is about a block stands under it. */
function checkNotes({ verdict }: AskResult): string[] {
  const atBlocks = new Set(verdict.concerns?.map(({ check }) => check) as string[] | undefined);
  return verdict.checks.filter(({ action, name, notChecked }) => action !== "allow" && !notChecked && !atBlocks.has(name)).map(({ reason }) => `*${vscode.l10n.t("Check: {0}", reason)}*`);
}

/** "3 sources verified · 5 checks passed", as under an answer of our own chat. */
function healthLine({ citations, droppedCitations, verdict, stopped }: AskResult): string {
  const verified = citations.filter((citation) => citation.verified).length;
  const unmade = verdict.checks.filter(({ notChecked }) => notChecked).length;
  const warnings = verdict.checks.filter(({ action, notChecked }) => action !== "allow" && !notChecked).length;
  const passed = verdict.checks.length - unmade - warnings;
  return [
    verified === 0 ? vscode.l10n.t("no sources") : verified === 1 ? vscode.l10n.t("1 source verified") : vscode.l10n.t("{0} sources verified", verified),
    ...(droppedCitations > 0 ? [vscode.l10n.t("{0} dropped", droppedCitations)] : []),
    ...(warnings === 1 ? [vscode.l10n.t("1 warning")] : warnings > 1 ? [vscode.l10n.t("{0} warnings", warnings)] : passed > 0 ? [vscode.l10n.t("{0} checks passed", passed)] : []),
    ...(unmade > 0 ? [vscode.l10n.t("{0} not checked", unmade)] : []),
    ...(stopped ? [vscode.l10n.t("stopped")] : []),
  ].join(" · ");
}

/** What one asks next about a definition, at most three. */
function followUps({ command, question }: Asked, { card }: AskResult): vscode.ChatFollowup[] {
  if (!card) return [];
  if (!card.supported) return command === "search" ? [] : [{ prompt: question, command: "search", label: vscode.l10n.t("List the nearest places") }];
  const found: vscode.ChatFollowup[] = [];
  const definition = card.items.find(({ kind }) => ["function", "method", "class", "interface", "type"].includes(kind));
  if (card.items.some(({ kind }) => kind === "cell")) found.push({ prompt: vscode.l10n.t("Which cells are stale?") });
  if (definition) {
    const name = `\`${definition.title}\``;
    if (card.intent !== "usages" && definition.usageCount > 0) found.push({ prompt: vscode.l10n.t("Who uses {0}?", name) });
    if (card.intent !== "how" && command !== "explain") found.push({ prompt: vscode.l10n.t("How do I use {0}?", name) });
    if (command !== "tests") found.push({ prompt: name, command: "tests", label: vscode.l10n.t("Tests for {0}", name) });
  }
  return found.slice(0, MAX_FOLLOW_UPS);
}

async function listMemories(engine: ChatEngine, stream: ParticipantStream, token: vscode.CancellationToken): Promise<vscode.ChatResult> {
  const { items } = await engine.request("memory/list", { kinds: TOLD_KINDS, limit: LISTED_MEMORIES }, token);
  stream.markdown(items.length === 0 ? vscode.l10n.t("Nothing is remembered yet.") : items.map((item) => `- ${item.source}, ${dayOf(item.at)}: ${oneLine(item.text)}`).join("\n"));
  if (items.length > 0) stream.button({ title: vscode.l10n.t("Show Memory"), command: "kalactica.showMemory" });
  return {};
}

function dayOf(at: number): string {
  return new Date(at).toISOString().slice(0, 10);
}

/** Remembered text quotes anything: it is shown as text, in one line. */
function oneLine(text: string): string {
  const line = text.replace(/\s+/g, " ").trim();
  return (line.length <= 160 ? line : `${line.slice(0, 160)}…`).replace(/[\\`*_{}[\]<>#|]/g, "\\$&");
}

/** Without citations and white space, which the checks may change without a word. */
function bare(prose: string): string {
  return prose.replace(/\[\d{1,3}\]|\s/g, "");
}
