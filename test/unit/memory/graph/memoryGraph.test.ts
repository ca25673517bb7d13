import assert from "node:assert/strict";
import { openDatabase } from "../../../../src/engine/base/database.ts";
import { EngineError } from "../../../../src/engine/base/errors.ts";
import { SeededRandom } from "../../../../src/engine/base/random.ts";
import type { EpisodeKind, NewEpisode } from "../../../../src/engine/memory/graph/episode.ts";
import { strengthOf } from "../../../../src/engine/memory/graph/consolidation.ts";
import { MemoryGraph } from "../../../../src/engine/memory/graph/memoryGraph.ts";
import { MEMORY_GRAPH_SCHEMA } from "../../../../src/engine/memory/graph/schema.ts";

const DAY = 86_400_000;
const T = Date.UTC(2026, 0, 10);

function open(start = T): { graph: MemoryGraph; clock: { now: number } } {
  const clock = { now: start };
  const database = openDatabase(":memory:", [MEMORY_GRAPH_SCHEMA], () => assert.fail("damaged"));
  return { graph: new MemoryGraph(database, { scrub: (text) => text.replaceAll("hunter2", "[secret]"), now: () => clock.now }), clock };
}

const note = (text: string, more: Partial<NewEpisode> = {}): NewEpisode => ({ kind: "note", text, provenance: { by: "user" }, ...more });
const texts = (episodes: readonly { text: string }[]): string[] => episodes.map(({ text }) => text);
const reason = (work: () => unknown): string => {
  try {
    work();
  } catch (error) {
    return error instanceof EngineError ? error.reason : String(error);
  }
  return "none";
};

describe("MemoryGraph: storing", () => {
  it("keeps what it is given, without secrets, also in label, data and provenance", () => {
    const { graph } = open();
    const { key, created } = graph.store(note("the key is hunter2", { label: "hunter2.env", data: { deep: [{ value: "hunter2" }], n: 3 }, provenance: { by: "editor", reference: "hunter2:1" } }));
    assert.ok(created && /^note-[0-9a-f]{16}$/.test(key));
    const episode = graph.get(key)!;
    assert.equal(JSON.stringify(episode).includes("hunter2"), false);
    assert.deepEqual(episode.data, { deep: [{ value: "[secret]" }], n: 3 });
    assert.deepEqual([episode.validFrom, episode.validTo, episode.learnedAt, episode.invalidatedAt], [T, null, T, null]);
  });

  it("knows the same content again; the same words at another time are another turn", () => {
    const { graph } = open();
    assert.equal(graph.store(note("use tabs")).key, graph.store(note("use tabs")).key);
    assert.equal(graph.get(graph.store(note("use tabs")).key)!.sightings, 2);
    const turn = (validFrom: number): NewEpisode => ({ kind: "turn", text: "yes", session: "c", validFrom, provenance: { by: "user" } });
    assert.notEqual(graph.store(turn(1)).key, graph.store(turn(2)).key);
    assert.equal(graph.store(turn(2)).created, false);
    assert.equal(graph.counts().nodes, 3);
  });

  it("takes an identity where content does not tell", () => {
    const { graph } = open();
    const first = graph.store({ kind: "execution", text: "a", identity: "nb:1", provenance: { by: "notebook" } });
    assert.equal(graph.store({ kind: "execution", text: "b", identity: "nb:1", provenance: { by: "notebook" } }).key, first.key);
  });

  it("stores many with their edges, or on an error nothing", () => {
    const { graph } = open();
    const stored = graph.storeMany([note("a"), note("b")], ([a, b]) => [{ type: "dependsOn", source: a!, target: b! }]);
    assert.deepEqual(graph.neighbours(stored[0]!.key).map(({ episode, direction, edge }) => [episode.text, direction, edge.type]), [["b", "out", "dependsOn"]]);
    assert.equal(reason(() => graph.storeMany([note("c")], ([c]) => [{ type: "about", source: c!, target: "note-0000000000000000" }])), "notFound");
    assert.deepEqual(graph.counts().nodes, 2);
  });

  it("refuses unknown kinds, edges, weights and times, and clips what is too long", () => {
    const { graph } = open();
    assert.equal(reason(() => graph.store(note("x", { kind: "thought" as EpisodeKind }))), "badRequest");
    assert.equal(reason(() => graph.store(note("x", { validFrom: 5, validTo: 4 }))), "badRequest");
    assert.equal(reason(() => graph.store(note("x", { validFrom: 0.5 }))), "badRequest");
    const [a, b] = [graph.store(note("a")).key, graph.store(note("b")).key];
    assert.equal(reason(() => graph.link({ type: "about", source: a, target: b, weight: 2 })), "badRequest");
    assert.equal(reason(() => graph.link({ type: "likes" as "about", source: a, target: b })), "badRequest");
    assert.equal(graph.get(graph.store(note("x".repeat(100_000))).key)!.text.length, 32_000);
    assert.equal(graph.get(graph.store(note("a\0b\u{D800}c")).key)!.text, "a\u{FFFD}b\u{FFFD}c");
  });
});

describe("MemoryGraph: what was true when", () => {
  it("answers for any time, and as it was known at any time", () => {
    const { graph, clock } = open();
    const old = graph.store(note("port 8080", { validFrom: T })).key;
    clock.now = T + 10 * DAY;
    const { key } = graph.supersede(old, note("port 9090", { validFrom: T + 5 * DAY }));
    assert.deepEqual(texts(graph.at(T + 4 * DAY)), ["port 8080"]);
    assert.deepEqual(texts(graph.at(T + 5 * DAY)), ["port 9090"]);
    assert.deepEqual(texts(graph.at(T - 1)), []);
    // On day 7 nobody knew yet that it had changed on day 5.
    assert.deepEqual(texts(graph.at(T + 6 * DAY, { knownAt: T + 7 * DAY })), ["port 8080"]);
    assert.deepEqual([graph.get(old)!.supersededBy, graph.get(old)!.validTo, graph.get(old)!.invalidatedAt], [key, T + 5 * DAY, T + 10 * DAY]);
    assert.deepEqual(texts(graph.retrieve()), ["port 9090"]);
    assert.deepEqual(texts(graph.retrieve({ invalidated: true })), ["port 9090", "port 8080"]);
  });

  it("lets what was true before become true again as a new episode", () => {
    const { graph, clock } = open();
    const tabs = graph.store(note("tabs")).key;
    clock.now += DAY;
    const spaces = graph.supersede(tabs, note("spaces")).key;
    clock.now += DAY;
    const again = graph.supersede(spaces, note("tabs"));
    assert.ok(again.created && again.key !== tabs);
    assert.deepEqual(texts(graph.at(clock.now)), ["tabs"]);
    assert.equal(graph.supersede(again.key, note("tabs")).created, false);
    assert.equal(graph.get(again.key)!.invalidatedAt, null);
  });

  it("retracts what never was true", () => {
    const { graph } = open();
    const { key } = graph.store(note("it was the cache"));
    graph.invalidate(key, { retract: true, reason: "wrong" });
    assert.deepEqual(graph.at(T), []);
    assert.deepEqual(texts(graph.at(T, { knownAt: T - 1 })), []);
    assert.equal(graph.get(key)!.invalidReason, "wrong");
  });

  it("keeps an end that was known from the start", () => {
    const { graph } = open();
    graph.store({ kind: "run", text: "run 1", validFrom: T - 2 * DAY, validTo: T - DAY, provenance: { by: "run" } });
    assert.deepEqual(texts(graph.at(T - 1.5 * DAY)), ["run 1"]);
    assert.deepEqual(texts(graph.at(T - DAY)), []);
  });

  it("doubts all that rested on what fell, once, also in a circle, and takes a confirmation", () => {
    const { graph } = open();
    const [root, a, b, c, aside] = ["root", "a", "b", "c", "aside"].map((text) => graph.store(note(text)).key) as [string, string, string, string, string];
    for (const [source, target] of [[a, root], [b, a], [c, b], [a, c]] as const) graph.link({ type: "dependsOn", source, target });
    graph.link({ type: "related", source: aside, target: root });
    assert.deepEqual(graph.invalidate(root), [a, b, c]);
    assert.deepEqual([graph.get(b)!.doubtedBecauseOf, graph.get(aside)!.doubtedAt, graph.get(b)!.invalidatedAt], [root, null, null]);
    graph.confirm(b);
    assert.equal(graph.get(b)!.doubtedAt, null);
  });

  it("survives a clock that was set back: the order of storing stays", () => {
    const { graph, clock } = open();
    graph.store({ kind: "turn", text: "first", session: "c", provenance: { by: "user" } });
    clock.now -= 365 * DAY;
    const { key } = graph.store({ kind: "turn", text: "second", session: "c", provenance: { by: "user" } });
    assert.deepEqual(texts(graph.around(key, 1, 1)), ["first", "second"]);
    assert.deepEqual(texts(graph.retrieve()), ["second", "first"]);
  });
});

describe("MemoryGraph: walking", () => {
  it("finds neighbours by type, direction and time, and a shortest way", () => {
    const { graph, clock } = open();
    const [a, b, c, d] = ["a", "b", "c", "d"].map((text) => graph.store(note(text)).key) as [string, string, string, string];
    graph.link({ type: "uses", source: a, target: b });
    graph.link({ type: "defines", source: c, target: b });
    graph.link({ type: "reads", source: c, target: d, weight: 0.5 });
    assert.deepEqual(graph.path(a, d)!.map(({ edge, episode }) => [edge.type, episode.text]), [["uses", "b"], ["defines", "c"], ["reads", "d"]]);
    assert.equal(graph.path(a, d, { maximumSteps: 2 }), null);
    assert.equal(graph.path(a, d, { types: ["uses"] }), null);
    assert.deepEqual(graph.path(a, a), []);
    assert.deepEqual(graph.neighbours(b, { direction: "in", types: ["defines"] }).map(({ episode }) => episode.text), ["c"]);
    clock.now += DAY;
    assert.ok(graph.unlink(a, "uses", b));
    assert.equal(graph.path(a, d), null);
    assert.deepEqual(graph.neighbours(a, { at: T }).map(({ episode }) => episode.text), ["b"]);
    assert.equal(graph.link({ type: "uses", source: a, target: b }), true);
    assert.equal(graph.link({ type: "uses", source: a, target: b }), false);
  });

  it("pages newest first, by kind, thread, words and time", () => {
    const { graph } = open();
    for (let i = 0; i < 5; i++) graph.store({ kind: "turn", text: `turn ${i}`, session: i < 3 ? "x" : "y", validFrom: T + i * DAY, provenance: { by: "user" } });
    const page = graph.retrieve({ limit: 2 });
    assert.deepEqual(texts(page), ["turn 4", "turn 3"]);
    assert.deepEqual(texts(graph.retrieve({ limit: 2, before: page[1]!.key })), ["turn 2", "turn 1"]);
    assert.deepEqual(texts(graph.retrieve({ session: "x", contains: "TURN 1" })), ["turn 1"]);
    assert.deepEqual(texts(graph.retrieve({ kinds: ["turn"], to: T + DAY })), ["turn 0"]);
    assert.deepEqual(graph.retrieve({ kinds: ["note"] }), []);
  });
});

describe("MemoryGraph: fading", () => {
  it("halves with time and dismissals, grows with use, and is the same for the same time", () => {
    const base = { kind: "turn" as const, validFrom: T, lastUsedAt: null, uses: 0, sightings: 0, dismissals: 0, pinned: false };
    assert.equal(strengthOf(base, T), 1);
    assert.equal(strengthOf(base, T - DAY), 1);
    assert.ok(Math.abs(strengthOf(base, T + 90 * DAY) - 0.5) < 1e-9);
    assert.equal(strengthOf({ ...base, dismissals: 2 }, T), 0.25);
    assert.ok(strengthOf({ ...base, uses: 3, lastUsedAt: T + 80 * DAY }, T + 90 * DAY) > 1.5);
    assert.equal(strengthOf({ ...base, pinned: true }, T + 9000 * DAY), 1);
  });

  it("folds repetitions and removes the weakest, but nothing pinned or depended upon", () => {
    const { graph, clock } = open();
    const run = (i: number): NewEpisode => ({ kind: "execution", text: "pytest", session: "n", validFrom: T + i, provenance: { by: "notebook" } });
    const runs = graph.storeMany(Array.from({ length: 5 }, (_, i) => run(i)));
    const error = graph.store({ kind: "error", text: "E", validFrom: T, provenance: { by: "notebook" } });
    graph.link({ type: "raises", source: runs[2]!.key, target: error.key });
    clock.now += 40 * DAY;
    assert.equal(graph.consolidate().folded, 3);
    assert.deepEqual(graph.neighbours(error.key).map(({ episode }) => episode.key), [runs[4]!.key]);
    assert.equal(graph.get(runs[4]!.key)!.sightings, 3);
    graph.pin(error.key);
    const kept = graph.store(note("kept")).key;
    assert.equal(graph.consolidate({ maximumNodes: 2 }).removed, 2);
    assert.deepEqual(graph.retrieve().map(({ key }) => key), [kept, error.key]);
  });
});

describe("MemoryGraph: export and import", () => {
  it("comes back byte for byte, from random histories", () => {
    const random = new SeededRandom(7);
    for (let round = 0; round < 5; round++) {
      const { graph, clock } = open();
      const keys: string[] = [];
      for (let i = 0; i < 60; i++) {
        clock.now += random.integer(DAY);
        const any = (): string => keys[random.integer(keys.length)]!;
        const episode: NewEpisode = { kind: (["note", "turn", "file", "run"] as const)[random.integer(4)]!, text: `t${random.integer(20)} "ü\n`, label: `l${random.integer(3)}`, session: `s${random.integer(2)}`, data: { i }, provenance: { by: "user", reference: `r${i}` } };
        const action = keys.length < 3 ? 0 : random.integer(9);
        if (action <= 3) keys.push(graph.store(episode).key);
        else if (action === 4) keys.push(graph.supersede(any(), episode).key);
        else if (action === 5) graph.invalidate(any(), { reason: "x" });
        else if (action === 6) graph.link({ type: "dependsOn", source: any(), target: any(), weight: 0.25 });
        else if (action === 7) {
          graph.used([any()]);
          graph.dismiss(any());
        } else {
          const [edge] = graph.edges({ limit: 1 });
          if (edge) graph.unlink(edge.source, edge.type, edge.target);
        }
      }
      const lines = [...graph.export()];
      const { graph: copy } = open();
      const report = copy.import(lines);
      assert.deepEqual([...copy.export()], lines);
      assert.equal(report.nodes, graph.counts().nodes);
      assert.deepEqual(copy.import(lines), { nodes: 0, edges: 0, known: report.nodes + report.edges + report.known });
      assert.deepEqual([...copy.export()], lines);
    }
  });

  it("takes nothing from a file with a bad line, and says which", () => {
    const { graph } = open();
    graph.store(note("a"));
    const lines = [...graph.export()];
    const { graph: other } = open();
    for (const [bad, expected] of [["{", /Line 3.*not JSON/], ["{\"type\":\"x\"}", /Line 3/], [JSON.stringify({ ...JSON.parse(lines[1]!), key: "../x" }), /Line 3/], [JSON.stringify({ type: "edge", edge: "about", source: "note-0000000000000000", target: "note-0000000000000000", weight: 1, validFrom: 1, validTo: null, learnedAt: 1 }), /Line 3/]] as const) {
      assert.throws(() => other.import([...lines, bad]), expected);
      assert.equal(other.counts().nodes, 0);
    }
    assert.throws(() => other.import([JSON.stringify({ type: "kalactica-memory", version: 2 })]), /version 2/);
  });

  it("scrubs what comes from outside", () => {
    const { graph } = open();
    graph.store(note("fine"));
    const { graph: other } = open();
    other.import([...graph.export()].map((line) => line.replace("fine", "hunter2")));
    assert.deepEqual(texts(other.retrieve()), ["[secret]"]);
  });
});
