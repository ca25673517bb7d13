// Finds lines in other files of a package that share a rare name with the code at the cursor, so that samples can carry
// the cross-file context that completion supplies. Does not build samples.
import type { SeededRandom } from "../../src/engine/base/random.ts";

interface Place {
  document: number;
  line: number;
}

const maxPlaces = 12;
const names = /[A-Za-z_$][\w$]{4,}/g;

export class PackageIndex {
  readonly #documents: { path: string; lines: string[] }[];
  readonly #places = new Map<string, Place[] | null>();

  constructor(documents: readonly { path: string; text: string }[]) {
    this.#documents = documents.map(({ path, text }) => ({ path, lines: text.split("\n") }));
    this.#documents.forEach(({ lines }, document) => {
      const seen = new Set<string>();
      lines.forEach((text, line) => {
        for (const [name] of text.matchAll(names)) {
          if (seen.has(name)) continue;
          seen.add(name);
          const places = this.#places.get(name);
          // A name in many files is no clue; null remembers that.
          if (places === undefined) this.#places.set(name, [{ document, line }]);
          else if (places !== null && places.push({ document, line }) > maxPlaces) this.#places.set(name, null);
        }
      });
    });
  }

  /** Up to two excerpts of other files around a name that stands in the middle or on the prefix's last lines. */
  snippetsFor(path: string, cut: { prefix: string; middle: string }, random: SeededRandom): { path: string; text: string }[] {
    const near = cut.prefix.split("\n").slice(-3).join("\n");
    const sources = random.uniform() < 0.6 ? [cut.middle, near] : [near];
    for (const source of sources) {
      const found = [...new Set(Array.from(source.matchAll(names), (match) => match[0]))]
        .map((name) => (this.#places.get(name) ?? []).filter((place) => this.#documents[place.document]?.path !== path))
        .filter((places) => places.length > 0);
      if (found.length === 0) continue;
      const nWanted = random.uniform() < 0.7 ? 1 : 2;
      const chosen: Place[] = [];
      for (const places of random.shuffle(found)) {
        const place = places[random.integer(places.length)] as Place;
        if (!chosen.some((other) => other.document === place.document)) chosen.push(place);
        if (chosen.length === nWanted) break;
      }
      return chosen.map((place) => this.#excerpt(place, random));
    }
    return [];
  }

  #excerpt(place: Place, random: SeededRandom): { path: string; text: string } {
    const document = this.#documents[place.document] as { path: string; lines: string[] };
    const from = Math.max(0, place.line - random.integer(4));
    let text = "";
    for (let line = from; line < document.lines.length && line < from + 10; line++) {
      const next = `${document.lines[line] as string}\n`;
      if (text.length + next.length > 420 && line > place.line) break;
      text += next;
    }
    return { path: document.path, text };
  }
}
