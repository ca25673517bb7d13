// Infill prompts: the parts in each family's order, within budget, and stable while typing.
import assert from "node:assert/strict";
import { fimPromptTokens } from "../../../src/engine/base/fimLayout.ts";
import { InfillPromptBuilder } from "../../../src/engine/model/infillPrompt.ts";
import type { InfillTokens } from "../../../src/engine/model/infillPrompt.ts";
import { findInfillMarkers } from "../../../src/engine/model/infillVocabulary.ts";

/** Words, spaces and newlines as tokens; ids by first appearance, markers from 1,000,000 on. */
function wordTokenizer(): { tokenize: (text: string) => number[]; text: (tokens: readonly number[]) => string } {
  const ids = new Map<string, number>();
  const words: string[] = [];
  return {
    tokenize: (text) => (text.match(/\w+|\n|[^\w\n]/g) ?? []).map((word) => {
      let id = ids.get(word);
      if (id === undefined) {
        id = words.push(word) - 1;
        ids.set(word, id);
      }
      return id;
    }),
    text: (tokens) => tokens.map((token) => ({ [PRE]: "«PRE»", [SUF]: "«SUF»", [MID]: "«MID»", [FILE]: "«FILE»", [BOS]: "«BOS»" })[token] ?? words[token]).join(""),
  };
}
const [PRE, SUF, MID, FILE, BOS] = [1_000_000, 1_000_001, 1_000_002, 1_000_003, 1_000_004];
const MARKERS: InfillTokens = { layout: "psm", limits: null, prefix: PRE, suffix: SUF, middle: MID, file: FILE, beginning: null };
const PARTS = { prefix: "let a = 1\nlet b", suffix: "\nuse(b)", path: "src/a.ts", context: [{ path: "second.ts", text: "second\n" + "y ".repeat(10) }, { path: "best.ts", text: "best\n" + "x ".repeat(10) }] };

function rendered(tokens: Partial<InfillTokens>, parts = PARTS, budget = 1000): string {
  const { tokenize, text } = wordTokenizer();
  return text(new InfillPromptBuilder({ ...MARKERS, ...tokens }, tokenize).build(parts, budget));
}

function common(a: readonly number[], b: readonly number[]): number {
  let n = 0;
  while (n < a.length && n < b.length && a[n] === b[n]) n++;
  return n;
}

const LINE = (i: number): string => `  const value${i} = compute(${i}, options);\n`;
const LONG = Array.from({ length: 2000 }, (_, i) => LINE(i)).join("");

describe("model/infillPrompt", () => {
  it("lays out each family's parts in its order, the most useful context last", () => {
    const context = "«FILE»second.ts\nsecond\n" + "y ".repeat(10) + "\n«FILE»best.ts\nbest\n" + "x ".repeat(10) + "\n";
    assert.equal(rendered({}), `${context}«FILE»src/a.ts\n«PRE»let a = 1\nlet b«SUF»\nuse(b)«MID»`);
    assert.equal(rendered({ layout: "spm" }), `${context}«FILE»src/a.ts\n«SUF»\nuse(b)«PRE»let a = 1\nlet b«MID»`);
    assert.equal(rendered({ layout: "spmJoined" }), `${context}«FILE»src/a.ts\n«PRE»«SUF»\nuse(b)«MID»let a = 1\nlet b`);
    assert.equal(rendered({ beginning: BOS }).slice(0, 5), "«BOS»");
  });

  it("puts context into the prefix, as comments, where the family has no file marker", () => {
    const context = "// second.ts\nsecond\n" + "y ".repeat(10) + "\n// best.ts\nbest\n" + "x ".repeat(10) + "\n// src/a.ts\n";
    assert.equal(rendered({ file: null }), `«PRE»${context}let a = 1\nlet b«SUF»\nuse(b)«MID»`);
    assert.equal(rendered({ layout: "spm", file: null, middle: null }), `«SUF»\nuse(b)«PRE»${context}let a = 1\nlet b`);
    assert.equal(rendered({ layout: "prefix", file: null, prefix: null, suffix: null, middle: null }, { ...PARTS, context: [] }), "let a = 1\nlet b");
  });

  it("agrees with the layout that the base model is trained on", () => {
    const { tokenize } = wordTokenizer();
    const markers = findInfillMarkers((text) => ["<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>", "<|file_sep|>"].includes(text), "spm");
    assert.ok(markers);
    const builder = new InfillPromptBuilder({ ...MARKERS, layout: markers.layout, limits: markers.limits }, tokenize);
    const trained = fimPromptTokens(
      { path: PARTS.path, prefix: PARTS.prefix, suffix: PARTS.suffix, snippets: PARTS.context.map(({ path, text }) => ({ path, text: `${text}\n` })) },
      { fileSeparator: FILE, prefix: PRE, suffix: SUF, middle: MID }, tokenize,
    );
    assert.deepEqual(builder.build(PARTS, 1000), trained);
  });

  it("keeps within the budget whatever the parts are, and keeps the end of the prefix", () => {
    const { tokenize, text } = wordTokenizer();
    for (const layout of ["psm", "spm", "spmJoined", "prefix"] as const) {
      for (const budget of [64, 200, 1000]) {
        for (const parts of [PARTS, { ...PARTS, prefix: LONG, suffix: LONG }, { prefix: "", suffix: "", path: "", context: [] }, { ...PARTS, prefix: "\u{1F600}".repeat(5000) }, { ...PARTS, context: Array.from({ length: 50 }, () => ({ path: "c.ts", text: LONG })) }]) {
          const tokens = new InfillPromptBuilder({ ...MARKERS, layout }, tokenize).build(parts, budget);
          assert.ok(tokens.length <= budget, `${layout} ${budget}: ${tokens.length}`);
          if (parts.prefix === LONG) assert.ok(text(tokens).includes(budget === 64 ? "options);" : "const value1999 = compute(1999, options);"), "end of the prefix");
        }
      }
    }
  });

  it("cuts a long prefix at the beginning of a line", () => {
    const prompt = rendered({ layout: "spm" }, { ...PARTS, context: [], prefix: LONG }, 500);
    assert.match(prompt, /«PRE»  const value\d+ = compute/);
  });

  it("honours the lengths that a model was trained for", () => {
    const limits = { prefix: 40, suffix: 5, files: 1, fileTokens: 20 };
    const { tokenize, text } = wordTokenizer();
    const prompt = text(new InfillPromptBuilder({ ...MARKERS, layout: "spm", limits }, tokenize).build({ ...PARTS, prefix: LONG, suffix: LONG }, 1000));
    assert.ok(prompt.includes("best.ts") && !prompt.includes("second.ts"));
    assert.equal(tokenize(/«SUF»(.*)«PRE»/s.exec(prompt)?.[1] ?? "").length, 5);
    assert.ok(tokenize(/«PRE»(.*)«MID»/s.exec(prompt)?.[1] ?? "").length <= 40);
  });

  for (const [layout, limits] of [["spm", null], ["spmJoined", null], ["psm", null], ["spm", { prefix: 300, suffix: 130, files: 2, fileTokens: 160 }]] as const) {
    it(`reuses at least 95 % of the tokens while typing along (${layout}${limits === null ? "" : ", trained lengths"})`, () => {
      const { tokenize } = wordTokenizer();
      const builder = new InfillPromptBuilder({ ...MARKERS, layout, limits }, tokenize);
      const start = LONG.slice(0, 30_000);
      const typed = LONG.slice(30_000, 31_500);
      let previous: number[] = [];
      let total = 0;
      let reused = 0;
      for (let n = 0; n <= typed.length; n++) {
        // The client sends the last 32,768 characters, so that the beginning moves with every key, too.
        const tokens = builder.build({ ...PARTS, prefix: (start + typed.slice(0, n)).slice(-25_000), suffix: LONG.slice(40_000, 48_000) }, 1000);
        if (n > 0) {
          total += tokens.length;
          reused += common(previous, tokens);
        }
        previous = tokens;
      }
      assert.ok(reused / total >= 0.95, `${(reused / total * 100).toFixed(1)} %`);
    });
  }

  it("takes a prefix whole again when it fits again, and forgets another file's cut", () => {
    const { tokenize, text } = wordTokenizer();
    const builder = new InfillPromptBuilder({ ...MARKERS, layout: "spm" }, tokenize);
    builder.build({ ...PARTS, prefix: LONG }, 500);
    assert.ok(text(builder.build(PARTS, 500)).includes("«PRE»let a = 1\nlet b«MID»"));
    builder.build({ ...PARTS, prefix: LONG }, 500);
    const other = LONG.replaceAll("value", "other");
    assert.ok(text(builder.build({ ...PARTS, prefix: other }, 500)).includes("const other1999"));
  });
});

describe("model/infillVocabulary", () => {
  const family = (...tokens: string[]): string | undefined => findInfillMarkers((text) => tokens.includes(text))?.family;

  it("knows the families by their tokens", () => {
    assert.equal(family("<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>", "<|file_sep|>", "<|endoftext|>"), "qwen");
    assert.equal(family("<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>", "<|file_separator|>"), "codegemma");
    assert.equal(family("<fim_prefix>", "<fim_suffix>", "<fim_middle>", "<file_sep>"), "starcoder2");
    assert.equal(family("<fim_prefix>", "<fim_suffix>", "<fim_middle>", "<filename>"), "starcoder");
    assert.equal(family("<fim_prefix>", "<fim_suffix>", "<fim_middle>"), "granite");
    assert.equal(family("<｜fim▁begin｜>", "<｜fim▁hole｜>", "<｜fim▁end｜>"), "deepseek");
    assert.equal(family("▁<PRE>", "▁<SUF>", "▁<MID>"), "codellama");
    assert.equal(family("[PREFIX]", "[SUFFIX]", "[MIDDLE]"), "codestral");
    assert.equal(family("<fim_prefix>", "<fim_suffix>"), undefined);
    assert.equal(family("hello"), undefined);
  });

  it("believes the layout that a model declares, and ignores nonsense", () => {
    const has = (text: string): boolean => text.startsWith("<|f");
    assert.equal(findInfillMarkers(has, "spm")?.layout, "spm");
    assert.equal(findInfillMarkers(has, "psm")?.layout, "psm");
    assert.equal(findInfillMarkers(has, 7)?.layout, "psm");
    assert.equal(findInfillMarkers(has)?.limits, null);
  });
});
