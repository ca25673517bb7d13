// Ghost text: asks the engine at the right moment, shows what it returns, and tells it what became of it.
// It judges no text, never waits for an engine that is not ready, and reads no file.
import * as vscode from "vscode";
import type { EngineNotifications, EngineRequests, ClientNotifications } from "../engine/protocol/messages.ts";
import type { CompleteParams, CompleteResult, NoCompletionReason } from "../engine/protocol/types.ts";
import { AdaptiveDebounce } from "./completionDebounce.ts";
import { CompletionFates } from "./completionFate.ts";
import { hiddenReason } from "./verdictWords.ts";
import type { HiddenCompletion } from "./verdictWords.ts";

/** Characters around the caret that are sent; the protocol's bounds. */
const mostPrefix = 32_768;
const mostSuffix = 8_192;
const reviewAfterMs = 30_000;
const lastReviewAfterMs = 300_000;
const acceptCommand = "kalactica.internal.completionAccepted";

/** What this surface needs of the engine client. */
export interface CompletionClient {
  readonly state: { name: string };
  request<M extends keyof EngineRequests>(method: M, params: EngineRequests[M]["params"], token?: vscode.CancellationToken): Promise<EngineRequests[M]["result"]>;
  notify<M extends keyof ClientNotifications>(method: M, params: ClientNotifications[M]): void;
  onNotification?<M extends keyof EngineNotifications>(method: M, listener: (value: EngineNotifications[M]) => void): vscode.Disposable;
}

export interface InlineCompletionOptions {
  client: CompletionClient;
  /** Told after every request why nothing was shown, or null when something was. */
  onNote: (note: { text: string } | null) => void;
}

/** Registers ghost text for all languages. `explainLast` says in a sentence how the last request ended. */
export function registerInlineCompletions(options: InlineCompletionOptions): { dispose(): void; explainLast(): string; lastHidden(): HiddenCompletion | null } {
  const provider = new InlineCompletionProvider(options);
  const subscription = vscode.Disposable.from(
    provider,
    vscode.languages.registerInlineCompletionItemProvider({ pattern: "**" }, provider),
    vscode.commands.registerCommand(acceptCommand, (completionId: string, uri: string, offset: number, text: string) => provider.accepted(completionId, uri, offset, text)),
    vscode.workspace.onDidChangeTextDocument((event) => provider.edited(event)),
    vscode.window.onDidChangeActiveTextEditor(() => provider.leftEditor()),
  );
  return { dispose: () => { subscription.dispose(); }, explainLast: () => provider.explainLast(), lastHidden: () => provider.hidden };
}

class InlineCompletionProvider implements vscode.InlineCompletionItemProvider, vscode.Disposable {
  readonly #client: CompletionClient;
  readonly #onNote: InlineCompletionOptions["onNote"];
  readonly #debounce = new AdaptiveDebounce();
  readonly #fates: CompletionFates;
  readonly #reviews = new Set<NodeJS.Timeout>();
  #running: vscode.CancellationTokenSource | null = null;
  #last = vscode.l10n.t("No completion was asked for yet.");
  /** The last suggestion that a check hid. */
  hidden: HiddenCompletion | null = null;

  constructor({ client, onNote }: InlineCompletionOptions) {
    this.#client = client;
    this.#onNote = onNote;
    this.#fates = new CompletionFates((report) => {
      client.notify("completion/outcome", report);
      // What was written instead is told later, and is no news for the debounce.
      if (report.instead !== undefined) return;
      if (report.outcome === "accepted" || report.outcome === "rejected") this.#debounce.outcome(report.outcome === "accepted");
      if (report.outcome === "rejected") this.#reviewLater(report.completionId);
    });
  }

  async provideInlineCompletionItems(
    document: vscode.TextDocument, position: vscode.Position, context: vscode.InlineCompletionContext, token: vscode.CancellationToken,
  ): Promise<vscode.InlineCompletionItem[]> {
    this.#running?.cancel();
    this.#running?.dispose();
    const running = new vscode.CancellationTokenSource();
    this.#running = running;
    const link = token.onCancellationRequested(() => running.cancel());
    try {
      const manual = context.triggerKind === vscode.InlineCompletionTriggerKind.Invoke;
      const refusal = this.#refusal(document, position, context, manual);
      if (refusal !== null) {
        if (refusal !== "") this.#note(refusal);
        return [];
      }
      if (!manual && !(await pause(this.#debounce.delay(), running.token))) return [];
      const answer = await this.#ask(document, position, manual, running.token);
      if (!answer || running.token.isCancellationRequested) return [];
      return this.#show(document, position, answer.result, answer.ms);
    } finally {
      link.dispose();
      if (this.#running === running) this.#running = null;
      running.dispose();
    }
  }

  /** Why the engine is not even asked: a sentence, "" where the reason is not worth telling, null to go on. */
  #refusal(document: vscode.TextDocument, position: vscode.Position, context: vscode.InlineCompletionContext, manual: boolean): string | null {
    if (this.#client.state.name !== "ready") return vscode.l10n.t("The engine is not ready.");
    // A selected entry of the suggestion list owns the line.
    if (context.selectedCompletionInfo) return "";
    const after = document.lineAt(position.line).text.charAt(position.character);
    if (/[\p{L}\p{N}_$]/u.test(after)) return vscode.l10n.t("The caret stands inside a word.");
    if (manual) return null;
    const configuration = vscode.workspace.getConfiguration("kalactica", document);
    if (!configuration.get<boolean>("completion.enabled", true)) return vscode.l10n.t("Inline completions are switched off.");
    if (configuration.get<string[]>("completion.disabledLanguages", []).includes(document.languageId)) return vscode.l10n.t("Completions are off for {0}.", document.languageId);
    return null;
  }

  async #ask(document: vscode.TextDocument, position: vscode.Position, manual: boolean, token: vscode.CancellationToken): Promise<{ result: CompleteResult; ms: number } | null> {
    const offset = document.offsetAt(position);
    const before = new vscode.Range(document.positionAt(Math.max(0, offset - mostPrefix)), position);
    const after = new vscode.Range(position, document.positionAt(offset + mostSuffix));
    const params: CompleteParams = {
      path: vscode.workspace.asRelativePath(document.uri, false).replaceAll("\\", "/"), language: document.languageId,
      prefix: document.getText(before), suffix: document.getText(after),
      line: position.line + 1, column: position.character, trigger: manual ? "manual" : "automatic",
    };
    const started = performance.now();
    try {
      const result = await this.#client.request("completion/complete", params, token);
      const ms = performance.now() - started;
      if (result.source !== "cache") this.#debounce.answered(ms);
      return { result, ms };
    } catch (error) {
      if (!token.isCancellationRequested) this.#note(vscode.l10n.t("The engine could not complete: {0}", error instanceof Error ? error.message : String(error)));
      return null;
    }
  }

  #show(document: vscode.TextDocument, position: vscode.Position, result: CompleteResult, ms: number): vscode.InlineCompletionItem[] {
    if (result.text === null) {
      const hidden = hiddenReason(result);
      if (hidden !== null) this.hidden = { reason: hidden, path: vscode.workspace.asRelativePath(document.uri, false), line: position.line + 1, at: Date.now() };
      this.#note(hidden ?? reasonSentence(result.reason, result.confidence));
      this.#fates.dismiss();
      return [];
    }
    const offset = document.offsetAt(position);
    const uri = document.uri.toString();
    const item = new vscode.InlineCompletionItem(result.text, new vscode.Range(position, position.translate(0, result.replacesAfter ?? 0)));
    item.command = { command: acceptCommand, title: "", arguments: [result.completionId, uri, offset, result.text] };
    // One that was prepared ahead comes from the cache, and is new on the screen all the same.
    const fresh = this.#fates.shown?.completionId !== result.completionId;
    this.#fates.show({ completionId: result.completionId, document: uri, offset, text: result.text });
    if (fresh) this.#client.notify("completion/outcome", { completionId: result.completionId, outcome: "shown", ms: Math.round(ms) });
    this.#last = vscode.l10n.t("Shown, from {0}, {1} % sure.", result.source ?? "", Math.round(result.confidence * 100));
    this.#onNote(null);
    return [item];
  }

  accepted(completionId: string, uri: string, offset: number, text: string): void {
    this.#fates.accept(completionId, uri, offset, text);
    this.#reviewLater(completionId);
    this.#later(lastReviewAfterMs, () => this.#fates.reviewAfter5min(completionId, textAt));
  }

  #reviewLater(completionId: string): void {
    this.#later(reviewAfterMs, () => this.#fates.reviewAfter30s(completionId, textAt));
  }

  #later(milliseconds: number, review: () => void): void {
    const timer = setTimeout(() => {
      this.#reviews.delete(timer);
      review();
    }, milliseconds);
    this.#reviews.add(timer);
  }

  edited(event: vscode.TextDocumentChangeEvent): void {
    if (event.contentChanges.length === 0) return;
    this.#debounce.keystroke(performance.now());
    const edits = event.contentChanges.map(({ rangeOffset, rangeLength, text }) => ({ offset: rangeOffset, removed: rangeLength, text }));
    this.#fates.edited(event.document.uri.toString(), edits);
  }

  leftEditor(): void {
    this.#fates.dismiss();
  }

  explainLast(): string {
    return this.#last;
  }

  dispose(): void {
    this.#running?.cancel();
    for (const timer of this.#reviews) clearTimeout(timer);
    this.#reviews.clear();
  }

  #note(text: string): void {
    this.#last = text;
    this.#onNote({ text });
  }
}

/** What an open document holds at a place; null where it is closed. */
function textAt(document: string, at: number, length: number): string | null {
  const open = vscode.workspace.textDocuments.find((candidate) => candidate.uri.toString() === document);
  return open ? open.getText(new vscode.Range(open.positionAt(at), open.positionAt(at + length))) : null;
}

function reasonSentence(reason: NoCompletionReason | null, confidence: number): string {
  switch (reason) {
    case "belowGate":
      return vscode.l10n.t("There was a candidate, but only {0} % sure. Lower \"kalactica.completion.gate\" to see more.", Math.round(confidence * 100));
    case "noCandidate":
      return vscode.l10n.t("Nothing similar was found, and the model had no proposal.");
    case "insideWord":
      return vscode.l10n.t("The caret stands inside a word.");
    case "noModel":
      return vscode.l10n.t("No model is loaded.");
    case "timeout":
      return vscode.l10n.t("The model was not ready in time. Raise \"kalactica.completion.timeoutMs\" or choose a smaller model.");
    case "filtered":
      return vscode.l10n.t("The candidate repeated what is there, did not fit, or held a secret.");
    case "disabledLanguage":
      return vscode.l10n.t("Completions are off for this language.");
    case "cancelled":
    case null:
      return vscode.l10n.t("The request was overtaken by the next keystroke.");
  }
}

/** Waits; false where it was cancelled meanwhile. */
function pause(milliseconds: number, token: vscode.CancellationToken): Promise<boolean> {
  return new Promise((resolve) => {
    if (token.isCancellationRequested) {
      resolve(false);
      return;
    }
    const cancelled = token.onCancellationRequested(() => {
      clearTimeout(timer);
      cancelled.dispose();
      resolve(false);
    });
    const timer = setTimeout(() => {
      cancelled.dispose();
      resolve(true);
    }, milliseconds);
  });
}
