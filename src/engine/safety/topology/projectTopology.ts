// The fingerprints kept per project and language, and what a draft's says beside them: a health bar in words.
import type { OwnSnippet } from "../drift/workspaceModel.ts";
import type { PersistenceDiagrams } from "./ripsPersistence.ts";
import { fingerprintOf, topologyDistance } from "./fingerprint.ts";

/** Fingerprints kept of one project and language. */
const KEPT = 24;
/** Lines of one point. Neighbouring points share all but one line. */
const LINES_A_POINT = 3;

export type EmbedTexts = (texts: readonly string[]) => Promise<readonly ArrayLike<number>[]>;

export class ProjectTopology {
  readonly #embed: EmbedTexts;
  readonly #own: readonly { readonly path: string; readonly fingerprint: PersistenceDiagrams }[];
  /** Distances of own snippets to the others, ascending. */
  readonly #usual: number[];

  private constructor(embed: EmbedTexts, own: readonly { path: string; fingerprint: PersistenceDiagrams }[]) {
    this.#embed = embed;
    this.#own = own;
    this.#usual = own.map(({ path, fingerprint }) => this.#distance(fingerprint, path)).sort((a, b) => a - b);
  }

  static async of(snippets: readonly OwnSnippet[], embed: EmbedTexts): Promise<ProjectTopology> {
    const own: { path: string; fingerprint: PersistenceDiagrams }[] = [];
    for (const { path, text } of snippets) {
      if (own.length >= KEPT) break;
      const fingerprint = fingerprintOf(await embed(pointsOf(text)));
      if (fingerprint) own.push({ path, fingerprint });
    }
    return new ProjectTopology(embed, own);
  }

  /** How far `text` is from the project's own, and the share of own snippets at least as far; null where that cannot be told. */
  async measure(text: string): Promise<{ readonly distance: number; readonly share: number } | null> {
    const fingerprint = this.#own.length < KEPT / 2 ? null : fingerprintOf(await this.#embed(pointsOf(text)));
    if (!fingerprint) return null;
    const distance = this.#distance(fingerprint, null);
    return { distance, share: (this.#usual.filter((own) => own >= distance).length + 1) / (this.#usual.length + 1) };
  }

  #distance(fingerprint: PersistenceDiagrams, without: string | null): number {
    const { components, loops } = topologyDistance(fingerprint, this.#own.filter(({ path }) => path !== without).map((own) => own.fingerprint));
    return components + loops;
  }
}

function pointsOf(text: string): string[] {
  const lines = text.split("\n").filter((line) => line.trim() !== "");
  return lines.slice(LINES_A_POINT - 1).map((_, at) => lines.slice(at, at + LINES_A_POINT).join("\n"));
}
