// Looks again, minutes after code from an answer was applied, at what the user has made of it, and tells the engine.
// It changes nothing and keeps nothing; a window that closes earlier tells what stands there then.
import * as vscode from "vscode";
import type { AnswerApplied } from "../engine/protocol/types.ts";
import { appliedRegion, regionNow } from "./appliedRegion.ts";
import type { AppliedRegion } from "./appliedRegion.ts";

/** A change that the user has accepted into a document. */
export interface AppliedChange {
  id: string;
  question: string;
  path: string;
  target: vscode.Uri;
  original: string;
  content: string;
}

const LOOK_AFTER_MS = 5 * 60_000;
/** Regions beyond this are whole files. */
const MOST_CHARACTERS = 12_000;

export class AppliedAnswers implements vscode.Disposable {
  readonly #tell: (applied: AnswerApplied) => void;
  readonly #afterMs: number;
  readonly #waiting = new Map<string, { change: AppliedChange; region: AppliedRegion; timer: NodeJS.Timeout }>();

  constructor(tell: (applied: AnswerApplied) => void, afterMs = LOOK_AFTER_MS) {
    this.#tell = tell;
    this.#afterMs = afterMs;
  }

  follow(change: AppliedChange): void {
    const region = appliedRegion(change.original, change.content);
    if (region.applied.trim() === "" || Math.max(region.applied.length, region.before.length) > MOST_CHARACTERS) return;
    const timer = setTimeout(() => this.#look(change.id), this.#afterMs);
    this.#waiting.set(change.id, { change, region, timer });
  }

  dispose(): void {
    for (const [id, { timer }] of this.#waiting) {
      clearTimeout(timer);
      this.#look(id);
    }
  }

  #look(id: string): void {
    const waiting = this.#waiting.get(id);
    if (!waiting) return;
    this.#waiting.delete(id);
    const { change, region } = waiting;
    const document = vscode.workspace.textDocuments.find((open) => open.uri.toString() === change.target.toString());
    if (document) {
      this.#report(change, region, document.getText(), document.languageId);
      return;
    }
    // Closed meanwhile: what counts is what was saved.
    vscode.workspace.openTextDocument(change.target).then((saved) => this.#report(change, region, saved.getText(), saved.languageId), () => undefined);
  }

  #report({ id, question, path }: AppliedChange, region: AppliedRegion, text: string, language: string): void {
    const kept = regionNow(region, text);
    if (kept !== null) this.#tell({ id, question, path, language, before: region.before, applied: region.applied, kept });
  }
}
