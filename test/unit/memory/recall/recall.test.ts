import assert from "node:assert/strict";
import { openDatabase } from "../../../../src/engine/base/database.ts";
import { porterStem } from "../../../../src/engine/base/porterStemmer.ts";
import type { NewEpisode } from "../../../../src/engine/memory/graph/episode.ts";
import { MemoryGraph } from "../../../../src/engine/memory/graph/memoryGraph.ts";
import { MEMORY_GRAPH_SCHEMA } from "../../../../src/engine/memory/graph/schema.ts";
import { pageRank } from "../../../../src/engine/memory/recall/graphSignals.ts";
import { MemoryRecall } from "../../../../src/engine/memory/recall/recall.ts";
import { RecallIndex } from "../../../../src/engine/memory/recall/recallIndex.ts";
import { decodeTerms, encodeTerms, hashTerm, stemsOf, termsOf } from "../../../../src/engine/memory/recall/terms.ts";

const DAY = 86_400_000;
const T = Date.UTC(2026, 4, 4);

function open(): { graph: MemoryGraph; recall: MemoryRecall; say: (text: string, more?: Partial<NewEpisode>) => string } {
  const graph = new MemoryGraph(openDatabase(":memory:", [MEMORY_GRAPH_SCHEMA], () => assert.fail("damaged")), { scrub: (text) => text, now: () => T + 30 * DAY });
  return { graph, recall: new MemoryRecall(graph), say: (text, more = {}) => graph.store({ kind: "turn", text, session: "c", validFrom: T, provenance: { by: "user" }, ...more }).key };
}
const found = (recall: MemoryRecall, query: string, k = 3): string[] => recall.recall(query, { k, offsetMinutes: 0 }).map(({ episode }) => episode.text);

const TALK = [
  "Morning! Shall we look at the import script?", "The import of the customer file fails with a UnicodeDecodeError", "It is latin-1, so read_csv needs the encoding argument", "That fixed it, thanks",
  "Next topic: where do sessions live?", "We keep sessions in SQLite because Redis was too slow for us", "And the tokens are signed with RS256", "Fine with me",
];

describe("words of memory", () => {
  it("are stems as Porter's paper gives them", () => {
    const expected = { caresses: "caress", ponies: "poni", agreed: "agre", plastered: "plaster", motoring: "motor", conflated: "conflat", hopping: "hop", filing: "file", happy: "happi", relational: "relat", generalization: "gener", oscillators: "oscil", triplicate: "triplic", electrical: "electr", adjustment: "adjust", adoption: "adopt", rate: "rate", controlling: "control", roll: "roll", sky: "sky", sized: "size", v2: "v2" };
    for (const [word, stem] of Object.entries(expected)) assert.equal(porterStem(word), stem, word);
  });

  it("take identifiers apart, leave stop words out and come back from the database", () => {
    assert.deepEqual(stemsOf("readCsvFiles"), ["read", "csv", "file", "readcsvfil"]);
    assert.deepEqual(termsOf("Where is the Melanie's file_path?"), ["melani", "file", "path", "filepath"].map(hashTerm));
    const { label, body } = decodeTerms(encodeTerms("src/a.ts", "the parser"));
    assert.deepEqual([[...label], [...body]], [["src", "ts"].map(hashTerm), ["parser"].map((word) => hashTerm(porterStem(word)))]);
  });
});

describe("MemoryRecall", () => {
  it("finds what shares the question's words, within a budget, and says why", () => {
    const { recall, say } = open();
    for (const [at, text] of TALK.entries()) say(text, { validFrom: T + at });
    assert.equal(found(recall, "why do we keep sessions in SQLite?")[0], TALK[5]);
    const [first] = recall.recall("why do we keep sessions in SQLite?");
    assert.ok(first!.why.length > 0 && first!.relevance > 0 && first!.tokens === Math.ceil(TALK[5]!.length / 4));
    const items = recall.recall("import sessions tokens", { tokenBudget: 30 });
    assert.ok(items.length > 0 && items.reduce((sum, { tokens }) => sum + tokens, 0) <= 30);
    assert.deepEqual(recall.recall("zzz qqq"), []);
    assert.deepEqual(open().recall.recall("anything"), []);
  });

  it("takes in what was stored since, forgets what was forgotten, and says nothing twice", () => {
    const { graph, recall, say } = open();
    say(TALK[5]!);
    assert.equal(found(recall, "sessions in SQLite").length, 1);
    const later = say("We moved sessions in SQLite to a file of their own", { session: "d" });
    say(TALK[5]!, { session: "e" });
    assert.deepEqual(found(recall, "sessions in SQLite").length, 2);
    graph.forget([later]);
    assert.deepEqual(found(recall, "sessions in SQLite"), [TALK[5]]);
  });

  it("leaves out what does not hold any more, unless the past is asked for", () => {
    const { graph, recall } = open();
    const old = graph.store({ kind: "decision", text: "Deploy happens on Fridays", validFrom: T, provenance: { by: "user" } }).key;
    graph.supersede(old, { kind: "decision", text: "Deploy happens on Mondays", validFrom: T + DAY, provenance: { by: "user" } });
    assert.deepEqual(found(recall, "deploy day"), ["Deploy happens on Mondays"]);
    assert.deepEqual(found(recall, "when did deploy happen previously?").sort(), ["Deploy happens on Fridays", "Deploy happens on Mondays"]);
  });

  it("ranks what was dismissed below its equals", () => {
    const { graph, recall, say } = open();
    const a = say("parser bug in the tokenizer", { session: "a" });
    const b = say("tokenizer bug in the parser", { session: "b" });
    const first = recall.recall("tokenizer parser bug")[0]!.episode.key;
    graph.dismiss(first);
    assert.equal(recall.recall("tokenizer parser bug")[0]!.episode.key, first === a ? b : a);
  });

  it("understands when: last week, before something, the second of several", () => {
    const { graph, recall } = open();
    const error = (text: string, at: number): string => graph.store({ kind: "error", text, label: "cell 3", session: "n", validFrom: at, provenance: { by: "notebook" } }).key;
    error("KeyError: price column missing", T + 2 * DAY);
    const second = error("ValueError: price column has strings", T + 24 * DAY);
    graph.store({ kind: "turn", text: "Today the big refactor of the loader", session: "c", validFrom: T + 10 * DAY, provenance: { by: "user" } });
    error("TypeError: price column is None", T + 25 * DAY);
    assert.equal(recall.recall("what was the second error?", { offsetMinutes: 0 })[0]!.episode.key, second);
    assert.match(found(recall, "price column error before the refactor")[0]!, /KeyError/);
    assert.ok(found(recall, "price column error last week", 2).every((text) => /ValueError|TypeError/.test(text)));
  });

  it("walks over what is linked: an episode joined to the best one by a thing rises", () => {
    const { graph, recall, say } = open();
    const best = say("gamma delta epsilon", { session: "1" });
    const linked = say("alpha beta", { session: "2" });
    const other = say("alpha zeta", { session: "3" });
    const file = graph.store({ kind: "file", text: "src/loader.ts", label: "src/loader.ts", provenance: { by: "editor" } }).key;
    const index = new RecallIndex((after, limit) => graph.rowsFrom(after, limit));
    index.catchUp();
    const links = (): { source: number; target: number; weight: number }[] => graph.edgesOf([...index.ids], 16);
    const chances = (): number[] => pageRank(index, [0, 1, 2], [5, 0, 0], links());
    const without = chances();
    graph.linkMany([best, linked].map((source) => ({ type: "mentions" as const, source, target: file })));
    const [, a = 0, b = 0] = chances();
    assert.ok(Math.abs((without[1] as number) - (without[2] as number)) < 0.5 && a > b + 1, `${a} ${b}`);
    assert.ok(recall.recall("alpha beta loader").every(({ episode }) => episode.kind !== "file") && other !== linked);
  });
});
