// Cross-file context for infill: passages of the session's other files that fit what is being written.
// It is renewed between keystrokes, not by them, so that a prompt stays the same while the user types along.
import type { CompleteParams, Crop, SearchHit } from "../protocol/types.ts";
import type { ContextPiece } from "../completion/completionModel.ts";

/** How context is found; WorkspaceIndex.search has this shape. */
export type SearchSession = (query: string, options: { k: number; crops: readonly Crop[]; activePath: string }) => Promise<SearchHit[]>;

/** A renewal is started at most this often while one file is edited; our choice: about the length of a statement. */
const RENEW_AFTER_MS = 8_000;
const PIECES = 3;
const PIECE_CHARACTERS = 1_200;
const QUERY_LINES = 12;

export class CompletionContext {
  readonly #search: SearchSession;
  readonly #now: () => number;
  #path = "";
  #renewedAt = -Infinity;
  #pieces: readonly ContextPiece[] = [];
  #renewing = false;

  constructor(search: SearchSession, now: () => number = () => performance.now()) {
    this.#search = search;
    this.#now = now;
  }

  /** The pieces as they are now, most useful last; starts a renewal for later requests where it is time. */
  pieces(params: Pick<CompleteParams, "path" | "prefix">): readonly ContextPiece[] {
    if (params.path !== this.#path) {
      this.#path = params.path;
      this.#pieces = [];
      this.#renewedAt = -Infinity;
    }
    if (!this.#renewing && this.#now() - this.#renewedAt > RENEW_AFTER_MS) void this.#renew(params);
    return this.#pieces;
  }

  async #renew({ path, prefix }: Pick<CompleteParams, "path" | "prefix">): Promise<void> {
    this.#renewing = true;
    try {
      const query = prefix.split("\n").slice(-QUERY_LINES).join("\n");
      const hits = query.trim() === "" ? [] : await this.#search(query, { k: PIECES + 4, crops: ["short"], activePath: path });
      if (this.#path !== path) return;
      this.#pieces = hits.filter((hit) => hit.path !== path).slice(0, PIECES).reverse().map((hit) => ({ path: hit.path, text: hit.text.slice(0, PIECE_CHARACTERS) }));
    } catch {
      // A context that cannot be had is no context; the search reports its own failures.
      this.#pieces = [];
    } finally {
      this.#renewedAt = this.#now();
      this.#renewing = false;
    }
  }
}
