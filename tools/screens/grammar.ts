// Texts from small grammars: `[a|b|c]` draws one of its alternatives, `{name}` a phrase of the list of that name, `(…)?` half the
// time nothing. Alternatives nest. The same seed writes the same texts.
import type { SeededRandom } from "../../src/engine/base/random.ts";

export type Lists = Readonly<Record<string, readonly string[]>>;

const INNERMOST = /\[([^[\]]*)\]/;

export function expand(pattern: string, lists: Lists, random: SeededRandom, depth = 0): string {
  let text = pattern;
  for (let guard = 0; guard < 200; guard++) {
    const match = INNERMOST.exec(text);
    if (!match) break;
    const choices = (match[1] ?? "").split("|");
    text = text.slice(0, match.index) + (choices[random.integer(choices.length)] ?? "") + text.slice(match.index + match[0].length);
  }
  text = text.replace(/\(([^()]*)\)\?/g, (_, inner: string) => (random.uniform() < 0.5 ? inner : ""));
  if (depth < 6) {
    text = text.replace(/\{(\w+)\}/g, (whole, name: string) => {
      const list = lists[name];
      return list ? expand(list[random.integer(list.length)] ?? "", lists, random, depth + 1) : whole;
    });
  }
  return depth > 0 ? text : tidy(text);
}

function tidy(text: string): string {
  const clean = text.replace(/ {2,}/g, " ").replace(/ ([,.!?;:])/g, "$1").replace(/\ba ([aeiou])/g, "an $1").trim();
  return clean.charAt(0).toUpperCase() + clean.slice(1);
}
