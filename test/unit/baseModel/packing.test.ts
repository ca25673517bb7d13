import assert from "node:assert/strict";
import { fimPromptTokens } from "../../../src/engine/base/fimLayout.ts";
import { SeededRandom } from "../../../src/engine/base/random.ts";
import { BpeTokenizer } from "../../../src/engine/training/tokenizer/bpeTokenizer.ts";
import { BpeTrainer } from "../../../src/engine/training/tokenizer/bpeTrainer.ts";
import { packSegments } from "../../../tools/base-model/pack.ts";
import { PackageIndex } from "../../../tools/base-model/packageIndex.ts";
import { extractPairs } from "../../../tools/base-model/pairExtraction.ts";
import { SampleMaker } from "../../../tools/base-model/samples.ts";

const tokenizer = new BpeTokenizer(new BpeTrainer({ nVocab: 268 }).train());
const { special } = tokenizer;
const text = Array.from({ length: 200 }, (_, i) => `  const value${i} = compute(input${i}, "option ${i}"); // step ${i}`).join("\n") + "\n";
const document = { path: "src/compute.ts", language: "ts" as const, text };

/** Splits ids at special tokens into `[special text or "", text]` parts. */
function parts(ids: readonly number[]): [string, string][] {
  const names = new Map(Object.entries(special).map(([name, id]) => [id, name]));
  const out: [string, string][] = [];
  let plain: number[] = [];
  for (const id of ids) {
    const name = names.get(id);
    if (name === undefined) plain.push(id);
    else {
      const last = out[out.length - 1];
      if (last !== undefined) last[1] = tokenizer.decode(plain);
      else if (plain.length > 0) out.push(["", tokenizer.decode(plain)]);
      plain = [];
      out.push([name, ""]);
    }
  }
  return out;
}

describe("samples", () => {
  const samples = [...new SampleMaker(tokenizer, new SeededRandom(1)).samplesOf(document, 0.7)];

  it("hold both kinds, each ended", () => {
    assert.deepEqual(new Set(samples.map((sample) => sample.kind)), new Set(["fim", "plain"]));
    for (const sample of samples) assert.equal(sample.ids.at(-1), special["<|endoftext|>"]);
  });

  it("lay FIM parts out so that they join to the document's text", () => {
    let psm = 0;
    let several = 0;
    for (const sample of [...Array(20).keys()].flatMap((seed) => [...new SampleMaker(tokenizer, new SeededRandom(seed)).samplesOf(document, 1)])) {
      if (sample.kind !== "fim") continue;
      const found = parts(sample.ids);
      const order = found.map(([name]) => name).filter((name) => name !== "<|file_sep|>");
      let suffix = "";
      let before = "";
      let nMiddle = 0;
      for (const [name, content] of found) {
        if (name === "<|fim_suffix|>") suffix = content;
        else if (name === "<|file_sep|>") assert.equal(content, "src/compute.ts\n");
        else {
          before += content;
          if (name === "<|fim_middle|>") nMiddle += tokenizer.encode(content).length + 1;
        }
      }
      assert.ok(text.includes(before + suffix), "prefix, middles and suffix do not stand together in the text");
      assert.equal(nMiddle, sample.nMiddle);
      assert.deepEqual(order.slice(-3), ["<|fim_middle|>", "<|end|>", "<|endoftext|>"]);
      if (order[0] === "<|fim_prefix|>") psm++;
      else assert.deepEqual(order.slice(0, 3), ["<|fim_suffix|>", "<|fim_prefix|>", "<|fim_middle|>"]);
      if (order.length > 5) several++;
      assert.ok(tokenizer.encode(suffix).length <= 130);
      assert.ok(found.filter(([name]) => name === "<|fim_prefix|>").every(([, content]) => tokenizer.encode(content).length <= 300));
    }
    assert.ok(psm > 0 && several > 0);
  });

  it("cover a document once when plain", () => {
    const plain = [...new SampleMaker(tokenizer, new SeededRandom(2)).samplesOf(document, 0)];
    const joined = plain.map((sample) => parts([...sample.ids, special["<|endoftext|>"]]).map(([name, content]) => (name === "<|file_sep|>" ? content.replace("src/compute.ts\n", "") : content)).join("")).join("");
    assert.equal(joined, text);
  });

  it("are the same for a seed", () => {
    assert.deepEqual([...new SampleMaker(tokenizer, new SeededRandom(1)).samplesOf(document, 0.7)], samples);
  });
});

describe("packing", () => {
  it("keeps a package's samples together and counts what it wrote", () => {
    const figures = { tokens: 0, samples: { plain: 0, fim: 0 }, middleTokens: 0, bytesByLanguage: {} };
    const documents = ["one", "two"].flatMap((name) => [1, 2].map((i) => ({ package: name, path: `${name}/${i}.ts`, language: "ts" as const, split: "train" as const, text })));
    const segments = packSegments(documents, tokenizer, 1, 0.5, figures);
    assert.equal(segments.reduce((sum, segment) => sum + segment.length, 0), figures.tokens);
    for (const segment of segments) {
      const content = tokenizer.decode(segment);
      assert.notEqual(content.includes("one/"), content.includes("two/"));
      assert.equal(segment.at(-1), special["<|endoftext|>"]);
    }
    assert.deepEqual(figures.bytesByLanguage, { ts: 4 * text.length });
  });

  it("finds snippets in other files by rare names only", () => {
    const index = new PackageIndex([
      { path: "a.ts", text: "import { renderChart } from './b';\nrenderChart(data);\n" },
      { path: "b.ts", text: "// b\nexport function renderChart(data) {\n  draw(data);\n}\n" },
    ]);
    const found = index.snippetsFor("a.ts", { prefix: "x\nreturn renderChart", middle: "(data)" }, new SeededRandom(4));
    assert.ok(found.length === 1 && found[0]?.path === "b.ts" && found[0].text.includes("export function renderChart"), JSON.stringify(found));
    assert.deepEqual(index.snippetsFor("a.ts", { prefix: "x\n", middle: "if (x)" }, new SeededRandom(4)), []);
  });
});

describe("infill layout", () => {
  const ids = { fileSeparator: 1, prefix: 2, suffix: 3, middle: 4 };
  const encode = (part: string): number[] => Array.from(part).map((c) => c.charCodeAt(0));
  it("puts the suffix first and the marker where the cursor is", () => {
    assert.deepEqual(fimPromptTokens({ path: "p", prefix: "A", suffix: "B" }, ids, encode), [1, 112, 10, 3, 66, 2, 65, 4]);
    assert.deepEqual(fimPromptTokens({ prefix: "A", suffix: "", snippets: [{ path: "q", text: "S" }] }, ids, encode, "psm"), [1, 113, 10, 83, 2, 65, 3, 4]);
  });
});

describe("documentation pairs", () => {
  it("join JSDoc and declarations", () => {
    const source = "/**\n * Adds two numbers that\n * {@link Other} gave.\n *\n * More.\n * @param a first\n */\nexport function add(\n  a: number,\n): number {\n  return a;\n}\nconst rest = 1;\n";
    assert.deepEqual(extractPairs(source, "ts"), [{ query: "Adds two numbers that Other gave.", code: "export function add(\n  a: number,\n): number {\n  return a;\n}", name: "add" }]);
  });

  it("join docstrings and functions, documentation taken off", () => {
    const source = "class Store:\n    \"\"\"Keeps things in memory for good.\n\n    More.\n    \"\"\"\n\n    def get(self, key):\n        '''Return the value kept under a key.'''\n        return self.d[key]\n";
    const found = extractPairs(source, "py");
    assert.deepEqual(found.map((pair) => [pair.name, pair.query]), [["Store", "Keeps things in memory for good."], ["get", "Return the value kept under a key."]]);
    assert.equal(found[1]?.code, "def get(self, key):\n    return self.d[key]");
  });

  it("leave out comments that tell nothing", () => {
    assert.deepEqual(extractPairs("// TODO make this faster\nfunction run() {\n  go();\n}\n/** Get name. */\nfunction getName() {\n  return name;\n}\n// const x = 1;\nfunction other() {\n  go();\n}\n", "js"), []);
  });
});
