// Infers what became of a suggestion from the edits that follow: taken whole, in part, typed over, kept or undone after
// 30 seconds and after five minutes, and what was written in its place. Works on offsets and texts; it knows neither VS Code nor the engine.

/** A suggestion that was shown. */
export interface ShownSuggestion {
  completionId: string;
  /** Identifies the document. */
  document: string;
  /** Offset at which it was to be inserted. */
  offset: number;
  text: string;
}

export type Fate = "accepted" | "partiallyAccepted" | "rejected" | "keptAfter30s" | "undoneWithin30s" | "keptAfter5min" | "undoneWithin5min";

export interface FateReport {
  completionId: string;
  outcome: Fate;
  charactersKept?: number;
  /** What stands in the place of a suggestion that was not kept, half a minute later. */
  instead?: string;
}

/** An edit as editors report it: `removed` characters at `offset` replaced by `text`. */
export interface DocumentEdit {
  offset: number;
  removed: number;
  text: string;
}

/** Share of an accepted text that must still stand to count as kept; our choice. */
const keptShare = 0.8;
/** Rejected suggestions whose place is followed at the same time; rejections come with every few keystrokes. */
const mostFollowed = 64;

/** A suggestion that went, and where its text or what was written instead stands. */
interface Place extends ShownSuggestion {
  length: number;
}

/** Follows one shown suggestion at a time, and any number of accepted ones. */
export class CompletionFates {
  readonly #report: (report: FateReport) => void;
  #shown: ShownSuggestion | null = null;
  /** Characters of the shown suggestion that were typed or taken word by word. */
  #taken = 0;
  #accepted: Place[] = [];
  #rejected: Place[] = [];

  constructor(report: (report: FateReport) => void) {
    this.#report = report;
  }

  /** The suggestion on the screen, if any. */
  get shown(): ShownSuggestion | null {
    return this.#shown;
  }

  /** A suggestion is shown. The one before it, unless it is the same one going on, was not wanted. */
  show(suggestion: ShownSuggestion): void {
    if (this.#shown && this.#shown.completionId !== suggestion.completionId) this.dismiss();
    if (this.#shown) {
      this.#taken = Math.max(this.#taken, this.#shown.text.length - suggestion.text.length);
      return;
    }
    this.#shown = { ...suggestion };
    this.#taken = 0;
  }

  /** The whole suggestion was taken; it is remembered until {@link reviewAfter5min}. */
  accept(completionId: string, document: string, offset: number, text: string): void {
    if (this.#shown?.completionId === completionId) {
      this.#shown = null;
      this.#taken = 0;
    }
    this.#report({ completionId, outcome: "accepted", charactersKept: text.length });
    this.#accepted.push({ completionId, document, offset, text, length: text.length });
  }

  /** The suggestion is gone: partly taken or typed along counts as such, else it was rejected. */
  dismiss(): void {
    const shown = this.#shown;
    if (!shown) return;
    this.#shown = null;
    const taken = this.#taken;
    this.#taken = 0;
    if (taken >= shown.text.length) this.#report({ completionId: shown.completionId, outcome: "accepted", charactersKept: taken });
    else if (taken > 2 && taken >= 0.3 * shown.text.length) this.#report({ completionId: shown.completionId, outcome: "partiallyAccepted", charactersKept: taken });
    else {
      this.#rejected = [...this.#rejected.slice(1 - mostFollowed), { ...shown, length: taken }];
      this.#report({ completionId: shown.completionId, outcome: "rejected" });
    }
  }

  /** The document was edited: typing along goes on, anything else at the caret dismisses; accepted places move along. */
  edited(document: string, edits: readonly DocumentEdit[]): void {
    for (const edit of edits) {
      for (const place of this.#accepted) {
        if (place.document !== document) continue;
        if (edit.offset + edit.removed <= place.offset) place.offset += edit.text.length - edit.removed;
        else if (edit.offset < place.offset + place.length) place.length = Math.max(0, place.length + edit.text.length - edit.removed);
      }
      this.#rejected = this.#rejected.flatMap((place) => (place.document === document ? stretched(place, edit) ?? [] : place));
      const shown = this.#shown;
      if (!shown || shown.document !== document) continue;
      if (edit.removed === 0 && edit.offset === shown.offset + this.#taken && edit.text !== "" && shown.text.startsWith(edit.text, this.#taken)) {
        const atOnce = this.#taken === 0 && edit.text.length > 1;
        this.#taken += edit.text.length;
        if (this.#taken < shown.text.length) continue;
        // Taken whole in one edit: the accept command follows and tells.
        if (atOnce) this.#shown = null;
        else this.dismiss();
      } else if (edit.offset + edit.removed <= shown.offset && !edit.text.includes("\n") && edit.removed === 0 && edit.offset < shown.offset) {
        shown.offset += edit.text.length;
      } else if (!isCloser(edit.text)) {
        this.dismiss();
        // The edit that drove the suggestion away is the first of what is written instead.
        this.#rejected = this.#rejected.flatMap((place) => (place.completionId === shown.completionId ? stretched(place, edit) ?? [] : place));
      }
    }
  }

  /** Looks at an accepted or rejected suggestion again; `read` gives the document's text at a place, or null where it is closed. */
  reviewAfter30s(completionId: string, read: (document: string, offset: number, length: number) => string | null): void {
    const place = this.#accepted.find((accepted) => accepted.completionId === completionId);
    if (!place) {
      this.#reviewRejected(completionId, read);
      return;
    }
    const now = read(place.document, place.offset, place.length);
    if (now === null) return;
    const kept = commonCharacters(place.text, now);
    if (kept >= keptShare * place.text.length) this.#report({ completionId, outcome: "keptAfter30s", charactersKept: kept });
    else this.#report({ completionId, outcome: "undoneWithin30s", charactersKept: kept, ...(now.trim() === "" ? {} : { instead: now }) });
  }

  /** Looks at an accepted suggestion for the last time; nothing is told of a document that was closed. */
  reviewAfter5min(completionId: string, read: (document: string, offset: number, length: number) => string | null): void {
    const place = this.#accepted.find((accepted) => accepted.completionId === completionId);
    if (!place) return;
    this.#accepted = this.#accepted.filter((accepted) => accepted !== place);
    const now = read(place.document, place.offset, place.length);
    if (now === null) return;
    const kept = commonCharacters(place.text, now);
    this.#report({ completionId, outcome: kept >= keptShare * place.text.length ? "keptAfter5min" : "undoneWithin5min", charactersKept: kept });
  }

  /** Tells what was written in the place of a rejected suggestion, in as many lines as it had. */
  #reviewRejected(completionId: string, read: (document: string, offset: number, length: number) => string | null): void {
    const place = this.#rejected.find((rejected) => rejected.completionId === completionId);
    if (!place) return;
    this.#rejected = this.#rejected.filter((rejected) => rejected !== place);
    const written = place.length === 0 ? null : read(place.document, place.offset, place.length);
    if (written === null) return;
    const instead = written.split("\n").slice(0, place.text.split("\n").length).join("\n").trimEnd();
    // Typed out by hand, wholly or so far, it was not a bad suggestion.
    if (instead.trim().length < 2 || place.text.startsWith(instead) || instead.startsWith(place.text)) return;
    this.#report({ completionId, outcome: "rejected", instead });
  }
}

/** The place after an edit, with what is written into it or at its end; null where the text before it is not the prompt any more. */
function stretched(place: Place, edit: DocumentEdit): Place | null {
  const editEnd = edit.offset + edit.removed;
  const end = place.offset + place.length;
  if (edit.offset < place.offset) {
    if (editEnd < place.offset || edit.removed === 0) return { ...place, offset: place.offset + edit.text.length - edit.removed };
    return null;
  }
  if (edit.offset > end) return place;
  return { ...place, length: place.length + edit.text.length - Math.min(edit.removed, end - edit.offset) };
}

/** What editors insert by themselves beside the caret. */
function isCloser(text: string): boolean {
  return /^[)\]}"'`>]$/.test(text);
}

/** Characters that both share at their beginning and end. */
function commonCharacters(a: string, b: string): number {
  const most = Math.min(a.length, b.length);
  let start = 0;
  while (start < most && a[start] === b[start]) start++;
  let end = 0;
  while (end < most - start && a[a.length - 1 - end] === b[b.length - 1 - end]) end++;
  return start + end;
}
