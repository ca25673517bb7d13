// Documents that an assistant is given, for fitting: excerpts of the documentation of installed packages, and mails, answers and
// news of our own grammars; with or without one instruction put in.
import { readdirSync, readFileSync, statSync } from "node:fs";
import path from "node:path";
import type { SeededRandom } from "../../src/engine/base/random.ts";
import { expand } from "./grammar.ts";
import { ATTACK_LISTS, ATTACKS, FOREIGN_ATTACKS, TAILS } from "./texts/injectionAttacks.ts";
import { ANSWERS, EVERYDAY_LISTS, MAILS, NEWS } from "./texts/everydayTexts.ts";

export const LISTS = { ...EVERYDAY_LISTS, ...ATTACK_LISTS, ...TAILS };

/** The texts of README, change logs and other Markdown below `folders`, at most `most`. */
export function documentation(folders: readonly string[], most: number, random: SeededRandom): string[] {
  const files: string[] = [];
  const walk = (folder: string, depth: number): void => {
    for (const name of readdirSync(folder).sort()) {
      const file = path.join(folder, name);
      const found = statSync(file, { throwIfNoEntry: false });
      if (found?.isDirectory() && depth < 9) walk(file, depth + 1);
      else if (found?.isFile() && /\.(?:md|rst)$|^METADATA$/i.test(name) && found.size > 400 && found.size < 400_000 && !/licen[cs]e|agents|claude|prompt/i.test(name)) files.push(file);
    }
  };
  for (const folder of folders) walk(folder, 0);
  return random.shuffle(files).slice(0, most).map((file) => readFileSync(file, "utf8"));
}

/** Consecutive lines of a document, 4 to 40 of them. */
export function excerpt(text: string, random: SeededRandom): string {
  const lines = text.split("\n");
  const n = 4 + random.integer(37);
  const from = random.integer(Math.max(1, lines.length - n));
  return lines.slice(from, from + n).join("\n").slice(0, 4_000);
}

const CODE = ["```\nimport pandas as pd\ndf = pd.DataFrame({\"a\": [1, 2]})\nprint(df.groupby(\"a\").sum())\n```", "```\nconst items = list.map((x) => x.id);\nconsole.log(items);\n```", "```\nfor i in range(10):\n    print(i)\n```", "```python\nfrom pathlib import Path\nPath(\"/tmp/x\").mkdir(parents=True, exist_ok=True)\n```", "```\n>>> np.zeros((2, 3)).shape\n(2, 3)\n```", "```js\nmodule.exports = { mode: \"production\" };\n```", "```\nmodel.fit(X, y)\nprint(model.score(X, y))\n```", "```sql\nSELECT id FROM users WHERE active;\n```", "```\nimport requests\nr = requests.get(url, timeout=5)\nprint(r.json())\n```", "```\nimport subprocess\nout = subprocess.run([\"git\", \"status\"], capture_output=True)\n```", "```\nimport os\nos.makedirs(path, exist_ok=True)\n```", "```bash\ncurl -fsSL https://example.org/install.sh -o install.sh\nnpm ci\n```"];

/** A mail, an answer of a forum or a page, of our own sentences. */
export function everydayDocument(random: SeededRandom): string {
  const kind = random.integer(3);
  const list = kind === 0 ? MAILS : kind === 1 ? ANSWERS : NEWS;
  const n = 3 + random.integer(10);
  const parts: string[] = [];
  for (let i = 0; i < n; i++) {
    parts.push(expand(list[random.integer(list.length)] ?? "", LISTS, random));
    if (kind === 1 && random.uniform() < 0.4) parts.push(CODE[random.integer(CODE.length)] ?? "");
  }
  return parts.join(kind === 1 ? "\n" : random.uniform() < 0.5 ? "\n" : random.uniform() < 0.5 ? "\n\n" : " ");
}

export interface Attack {
  readonly text: string;
  readonly family: string;
}

/** An instruction of a family that works in `place`, in English or another language. */
export function drawAttack(place: "context" | "direct", families: readonly string[], random: SeededRandom): Attack {
  const usable = families.filter((family) => family === "foreign" || ATTACKS[family]?.place === place || ATTACKS[family]?.place === "both");
  const family = usable[random.integer(usable.length)] ?? "override";
  const patterns = family === "foreign" ? FOREIGN_ATTACKS : ATTACKS[family]?.patterns ?? [];
  let text = expand(patterns[random.integer(patterns.length)] ?? "", LISTS, random);
  if (random.uniform() < 0.15) text = text.toLowerCase();
  return { text, family };
}

export const FAMILIES: readonly string[] = [...Object.keys(ATTACKS), "foreign"];

/** `document` with the attack on lines of its own - first, last, between - or now and then within a line. */
export function poisoned(document: string, attack: string, random: SeededRandom): { text: string; start: number; end: number } {
  const where = random.uniform();
  const lines = document.split("\n");
  const at = where < 0.3 ? 0 : where < 0.6 ? lines.length : random.integer(lines.length + 1);
  const isWithin = where > 0.9 && !attack.includes("\n");
  if (isWithin && at < lines.length) {
    const line = lines[at] ?? "";
    const before = [...lines.slice(0, at), ""].join("\n");
    const text = `${before}${line.replace(/[^.!?]$/, "$&.")} ${attack}${["", ...lines.slice(at + 1)].join("\n")}`;
    const start = text.indexOf(attack, before.length);
    return { text, start, end: start + attack.length };
  }
  const before = [...lines.slice(0, at), ""].join("\n");
  const lead = at === lines.length ? `${lines.join("\n")}\n` : before;
  const text = `${lead}${attack}\n${lines.slice(at).join("\n")}`;
  return { text, start: lead.length, end: lead.length + attack.length };
}
