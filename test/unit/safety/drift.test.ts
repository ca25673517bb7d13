// The parts of the check of drift: leaving a file out is exact, the threshold keeps its rate, snippets are whole, layout is told.
import assert from "node:assert/strict";
import { SeededRandom } from "../../../src/engine/base/random.ts";
import { DriftCalibration } from "../../../src/engine/safety/drift/calibration.ts";
import { codeTokens, nameParts, nameShape } from "../../../src/engine/safety/drift/codeTokens.ts";
import { ASPECTS, DriftModel } from "../../../src/engine/safety/drift/driftModel.ts";
import type { Measures } from "../../../src/engine/safety/drift/driftModel.ts";
import { NgramModel } from "../../../src/engine/safety/drift/ngramModel.ts";
import { snippetsOf } from "../../../src/engine/safety/drift/snippets.ts";
import { upwardTransport, wasserstein1dSorted } from "../../../src/engine/safety/transport/wasserstein1d.ts";

describe("n-gram model", () => {
  const random = new SeededRandom(3);
  const text = (n: number): string[] => Array.from({ length: n }, () => "abcdef"[random.integer(6)]!);

  it("leaves a file out as if it had never been counted", () => {
    const files = [text(200), text(50), [...text(40), "only", "here"]];
    const whole = new NgramModel(3), without = new NgramModel(3);
    const added = files.map((file) => whole.add(file));
    for (const file of files.slice(0, 2)) without.add(file);
    const counts = whole.countsOf(added[2]!);
    const probe = text(60);
    const expected = without.surprisal(probe), actual = whole.surprisal(probe, counts);
    // The two know different numbers of words, which only the base of the interpolation feels.
    for (const [at, bits] of expected.entries()) assert.ok(Math.abs(bits - actual[at]!) < 0.02, `${bits} ${actual[at]}`);
    assert.equal(whole.seen("only", counts), 0);
    assert.equal(whole.seen("only"), 1);
  });

  it("gives probabilities that sum to one and prefers what it has seen in order", () => {
    const model = new NgramModel(3);
    for (let i = 0; i < 5; i++) model.add("a b c a b d".split(" "));
    const p = ["a", "b", "c", "d", "unseen"].map((next) => 2 ** -model.surprisal(["a", "b", next])[2]!);
    assert.ok(Math.abs(p.reduce((sum, x) => sum + x, 0) - 1) < 1e-9, String(p));
    assert.ok(p[2]! > p[0]! && p[3]! > p[0]! && p[4]! < p[0]!);
  });
});

describe("calibration", () => {
  const random = new SeededRandom(5);
  const draw = (shift = 0): Measures => Object.fromEntries(ASPECTS.map((aspect) => [aspect, random.normal() + shift])) as Measures;

  it("flags as many of the same kind as it says, and more of another", () => {
    let flagged = 0, others = 0;
    const rounds = 40, each = 50;
    for (let round = 0; round < rounds; round++) {
      const calibration = new DriftCalibration(Array.from({ length: 100 }, () => draw()));
      const threshold = calibration.threshold(0.1);
      for (let i = 0; i < each; i++) {
        if (calibration.judge(draw()).score > threshold) flagged++;
        if (calibration.judge(draw(2)).score > threshold) others++;
      }
    }
    const rate = flagged / (rounds * each);
    assert.ok(rate > 0.075 && rate < 0.125, String(rate));
    assert.ok(others / (rounds * each) > 0.6, String(others));
  });

  it("sets no threshold where files are few, however many snippets they hold", () => {
    // Snippets of a file that are all alike: as many independent ones as files.
    const files = (n: number): { own: Measures[]; paths: string[] } => {
      const own = Array.from({ length: n }, () => draw());
      return { own: own.flatMap((measures) => Array.from({ length: 8 }, () => measures)), paths: own.flatMap((_, at) => Array.from({ length: 8 }, () => `f${at}`)) };
    };
    const [few, many] = [files(12), files(40)];
    const [small, large] = [new DriftCalibration(few.own, few.paths), new DriftCalibration(many.own, many.paths)];
    assert.ok(Math.abs(small.effectiveSize - 12) < 1e-6 && Math.abs(large.effectiveSize - 40) < 1e-6, `${small.effectiveSize} ${large.effectiveSize}`);
    assert.deepEqual([small.threshold(0.05), small.threshold(0.1) < Infinity, large.threshold(0.05) < Infinity], [Infinity, true, true]);
    assert.equal(new DriftCalibration(few.own).effectiveSize, 96, "without files each snippet counts for itself");
  });

  it("measures a file's own snippets exactly as if the file were not there", async () => {
    const words = ["apple", "brick", "cloud", "drum", "eagle", "flint"];
    const text = (at: number): string => Array.from({ length: 24 }, (_, line) => `${words[at]}_${words[(at + line) % 3]} = compute(shared, "${"!".repeat(at)}", ${words[at]}${line % 2 === 0 ? "" : " @ shared"})`).join("\n");
    const fit = async (of: readonly number[]): Promise<DriftModel> => {
      const model = new DriftModel("python", { structureOf: null, embed: null });
      for (const at of of) await model.add({ path: `${at}.py`, text: text(at) });
      model.setReference(of.map((at) => ({ path: `${at}.py`, text: text(at) })));
      return model;
    };
    const all = [0, 1, 2, 3, 4, 5];
    const [with3, without3] = [await (await fit(all)).measure(text(3), "3.py"), await (await fit(all.filter((at) => at !== 3))).measure(text(3))];
    for (const aspect of ["unknownNames", "unknownWords", "lexical", "marks"] as const) assert.ok(Math.abs(with3[aspect] - without3[aspect]) < 1e-9, `${aspect}: ${with3[aspect]} and ${without3[aspect]}`);
  });

  it("counts what was accepted, ignores what never varies, and says when there is too little", () => {
    const own = Array.from({ length: 60 }, () => ({ ...draw(), cloud: 0 }));
    const calibration = new DriftCalibration(own);
    const odd = draw(6);
    const before = calibration.judge(odd).p;
    for (let i = 0; i < 5; i++) calibration.accept(odd);
    assert.ok(calibration.judge(odd).p > before * 4);
    assert.equal(calibration.judge({ ...odd, cloud: 99 }).score, calibration.judge(odd).score);
    assert.equal(new DriftCalibration(own.slice(0, 10)).ready, false);
    assert.equal(new DriftCalibration(own.slice(0, 10)).threshold(0.05), Infinity);
  });
});

describe("tokens and snippets", () => {
  it("tell strings, comments, layout and the case of names, also in half a file", () => {
    const spelt = (text: string, language: string): string => codeTokens(text, language).map((token) => token.kind === "newline" ? `[${token.deeper},${token.blank}]` : `${token.spaced ? "_" : ""}${token.text}`).join("|");
    assert.equal(spelt("def f(x):\n    '''doc'''\n\n    return x+ 1 # why", "python"), "def|_f|(|x|)|:|[4,0]|'''|[0,1]|return|_x|+|_1|_#");
    assert.equal(spelt("const s = `a\n${b}`; // c\n/* open", "typescript"), "const|_s|_=|_`|;|_//|[0,0]|/*|_open".replace("/*|_open", "/*"));
    assert.equal(spelt("x := `\\` + f(1)", "go"), "x|_:=|_`|_+|_f|(|1|)");
    assert.deepEqual(["_fooBar", "MAX_X", "Klass", "snake_case", "x"].map(nameShape), ["_camel", "UPPER", "Pascal", "snake_case", "1"]);
    assert.deepEqual(nameParts("parseHttpURL2"), ["parse", "http", "url"]);
  });

  it("are whole statements of 10 to 60 lines without overlap, at the margin", () => {
    const method = (name: string, n: number): string => [`    def ${name}(self):`, ...Array.from({ length: n }, (_, i) => `        self.v${i} = ${i}`), ""].join("\n");
    const text = ["class A:", ...["a", "b", "c", "d", "e"].map((name, i) => method(name, 12 + 5 * i)), "", "x = 1"].join("\n");
    const snippets = snippetsOf(text, 1);
    assert.ok(snippets.length >= 2);
    for (const snippet of snippets) {
      const lines = snippet.text.split("\n");
      assert.match(lines[0]!, /^def \w\(self\):$/);
      assert.ok(lines.length >= 10 && lines.length <= 60, String(lines.length));
    }
    assert.deepEqual(snippetsOf("a\n".repeat(5), 1), []);
    assert.deepEqual(snippetsOf(`${"x".repeat(400)}\n`.repeat(30), 1), []);
  });

  it("upward transport is the part of W1 that goes one way", () => {
    const a = Float64Array.of(1, 2, 9), b = Float64Array.of(0, 3, 4);
    assert.ok(Math.abs(upwardTransport(a, b) + upwardTransport(b, a) - wasserstein1dSorted(a, b)) < 1e-12);
    assert.equal(upwardTransport(a, b), 2);
  });
});
