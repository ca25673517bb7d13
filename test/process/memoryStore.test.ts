// The memory graph under real processes: killed between any two writes, two at once, and from the command line.
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { openDatabase } from "../../src/engine/base/database.ts";
import { SeededRandom } from "../../src/engine/base/random.ts";
import { MemoryGraph } from "../../src/engine/memory/graph/memoryGraph.ts";
import { MEMORY_GRAPH_SCHEMA } from "../../src/engine/memory/graph/schema.ts";

const root = path.join(import.meta.dirname, "../..");
const folder = mkdtempSync(path.join(os.tmpdir(), "kalactica-memory-"));
after(() => rmSync(folder, { recursive: true, force: true }));

/** Lets a writer run until it has committed something more, and kills it `delayMs` later; gives the groups that it said it had committed. */
function killed(place: string, from: number, delayMs: number): Promise<number[]> {
  const child = spawn(process.execPath, [path.join(import.meta.dirname, "memoryWriters", "writer.ts"), place, String(from)], { stdio: ["ignore", "pipe", "inherit"] });
  const committed: number[] = [];
  return new Promise((resolve, reject) => {
    createInterface({ input: child.stdout }).on("line", (line) => {
      if (committed.push(Number(line)) === 1) setTimeout(() => child.kill("SIGKILL"), delayMs);
    }).on("close", () => (child.signalCode === "SIGKILL" || committed.length > 0 ? resolve(committed) : reject(new Error("The writer ended by itself."))));
  });
}

describe("the memory graph, killed at random", function () {
  this.timeout(60_000);
  it("has every group that was committed, whole, and none in part", async () => {
    const place = path.join(folder, "killed");
    mkdirSync(place);
    const random = new SeededRandom(11);
    const committed = new Set<number>();
    let next = 0;
    for (let round = 0; round < 4; round++) {
      for (const group of await killed(place, next, random.integer(120))) committed.add(group);
      const database = openDatabase(path.join(place, "memory.sqlite"), [MEMORY_GRAPH_SCHEMA], () => assert.fail("damaged"));
      const parts = database.prepare("SELECT session, count(*) AS n, min(id) AS first FROM memoryNode WHERE session LIKE 'group%' GROUP BY session").all() as { session: string; n: number; first: number }[];
      const edges = new Map((database.prepare("SELECT target, count(*) AS n FROM memoryEdge WHERE type = 'follows' GROUP BY target").all() as { target: number; n: number }[]).map(({ target, n }) => [target, n]));
      const whole = new Set(parts.map(({ session }) => Number(session.split(" ")[1])));
      assert.deepEqual(parts.filter(({ n, first }) => n !== 5 || edges.get(first) !== 4), [], "a group in part");
      assert.deepEqual([...committed].filter((group) => !whole.has(group)), [], "a committed group is gone");
      // A successor without the end of its predecessor, or the other way round, would be half a supersession.
      const halves = database.prepare("SELECT count(*) AS n FROM memoryEdge e LEFT JOIN memoryState s ON s.node = e.target WHERE e.type = 'supersedes' AND (s.supersededBy IS NOT e.source OR s.endedAt IS NULL)").get() as { n: number };
      assert.equal(halves.n, 0);
      assert.equal((database.prepare("PRAGMA integrity_check").get() as { integrity_check: string }).integrity_check, "ok");
      database.close();
      next = Math.max(...whole) + 1;
    }
    assert.ok(committed.size > 4);
  });

  it("takes writes of two processes at once", async () => {
    const place = path.join(folder, "two");
    mkdirSync(place);
    openDatabase(path.join(place, "memory.sqlite"), [MEMORY_GRAPH_SCHEMA], () => undefined).close();
    const groups = (await Promise.all([killed(place, 0, 150), killed(place, 1_000_000, 150)])).flat();
    const database = openDatabase(path.join(place, "memory.sqlite"), [MEMORY_GRAPH_SCHEMA], () => assert.fail("damaged"));
    const graph = new MemoryGraph(database, { scrub: (text) => text });
    for (const group of groups) assert.equal(graph.retrieve({ session: `group ${group}`, invalidated: true }).length, 5);
    database.close();
  });
});

describe("a forgotten episode", () => {
  const secret = "the launch code of project nightingale is tangerine forty-two and nobody else may know";

  it("is in no byte of the database's files, not even after rows around it moved", () => {
    const place = path.join(folder, "forget");
    const file = path.join(place, "memory.sqlite");
    const database = openDatabase(file, [MEMORY_GRAPH_SCHEMA], () => assert.fail("damaged"));
    const graph = new MemoryGraph(database, { scrub: (text) => text });
    const note = (text: string): string => graph.store({ kind: "note", text, provenance: { by: "user" } }).key;
    for (let i = 0; i < 400; i++) note(`filler ${i} ${"words and words ".repeat(i % 30)}`);
    const key = note(secret);
    const drawn = graph.store({ kind: "note", text: `summary: ${secret}`, provenance: { by: "memory" } }).key;
    graph.link({ type: "summarises", source: drawn, target: key });
    const person = graph.store({ kind: "entity", text: "nightingale operations team of the north", provenance: { by: "memory" } }).key;
    graph.link({ type: "mentions", source: key, target: person });
    for (let i = 0; i < 400; i++) note(`more ${i} ${"words and words ".repeat(i % 25)}`);
    graph.forget(graph.retrieve({ contains: "filler 1", limit: 50 }).map((episode) => episode.key));
    const bytes = (): string => [file, `${file}-wal`].filter((one) => existsSync(one)).map((one) => readFileSync(one, "latin1")).join("");
    assert.ok(bytes().includes(secret.slice(0, 30)));
    const report = graph.forget([key, "note-0000000000000000"]);
    assert.deepEqual([report.forgotten.sort(), report.unknown, report.traces], [[drawn, key, person].sort(), ["note-0000000000000000"], "none"]);
    for (const trace of ["nightingale", "tangerine", "launch code"]) assert.equal(bytes().includes(trace), false, trace);
    assert.equal(graph.get(key), null);
    database.close();
    assert.equal(readFileSync(file, "latin1").includes("tangerine"), false);
  });

  it("is told of where the same words stand elsewhere", () => {
    const database = openDatabase(path.join(folder, "elsewhere", "memory.sqlite"), [MEMORY_GRAPH_SCHEMA], () => assert.fail("damaged"));
    const graph = new MemoryGraph(database, { scrub: (text) => text });
    const { key } = graph.store({ kind: "note", text: secret, provenance: { by: "user" } });
    graph.store({ kind: "turn", text: `quoted: ${secret}`, provenance: { by: "user" } });
    assert.equal(graph.forget([key]).traces, "elsewhere");
    database.close();
  });

  it("of a store of a newer version is refused with a sentence", () => {
    const file = path.join(folder, "newer", "memory.sqlite");
    const database = openDatabase(file, [MEMORY_GRAPH_SCHEMA], () => undefined);
    database.exec("UPDATE schemaVersion SET version = 99 WHERE room = 'memoryGraph'");
    database.close();
    assert.throws(() => openDatabase(file, [MEMORY_GRAPH_SCHEMA], () => undefined), /newer KaLactica \(memoryGraph version 99/);
  });
});

describe("kalactica memory", function () {
  this.timeout(120_000);
  const workspace = path.join(folder, "workspace");
  const kalactica = (...args: string[]): { code: number | null; out: string; err: string } => {
    const { status, stdout, stderr } = spawnSync(process.execPath, [path.join(root, "src", "engine", "cli.ts"), ...args, "--workspace", workspace], { encoding: "utf8", env: { ...process.env, KALACTICA_HOME: path.join(folder, "home") } });
    return { code: status, out: stdout, err: stderr };
  };
  const json = (...args: string[]): Record<string, unknown> => JSON.parse(kalactica(...args, "--json").out) as Record<string, unknown>;

  it("records, recalls and forgets, and takes nothing from a bad file", () => {
    mkdirSync(workspace, { recursive: true });
    const records = path.join(folder, "records.jsonl");
    writeFileSync(records, [
      { id: "a", kind: "turn", speaker: "user", session: "s", at: "2026-05-04T10:00:00Z", text: "We keep sessions in SQLite because Redis was too slow" },
      { id: "b", kind: "decision", text: "Deploy on Fridays only", at: "2026-05-05T00:00:00Z" },
      { edge: "about", source: "b", target: "a" },
    ].map((line) => JSON.stringify(line)).join("\n"));
    assert.equal(json("memory", "record", records)["stored"], 2);
    const [item] = json("memory", "recall", "where are the sessions kept?", "-k", "1")["items"] as { key: string; text: string; why: string[]; relevance: number }[];
    assert.match(item!.text, /SQLite/);
    assert.ok(item!.why.length > 0 && item!.relevance > 0 && item!.relevance <= 1);
    const bad = path.join(folder, "bad.jsonl");
    writeFileSync(bad, "{\"kind\":\"turn\",\"text\":\"fine\"}\n{\"kind\":\"thought\",\"text\":\"x\"}\n");
    const { code, err } = kalactica("memory", "record", bad);
    assert.equal(code, 1);
    assert.match(err, /bad\.jsonl:2: There is no kind of episode/);
    const forgotten = kalactica("memory", "forget", item!.key, "turn-0000000000000000");
    assert.equal(forgotten.code, 1);
    assert.match(forgotten.out, /1 forgotten, not known: turn-0000000000000000. No trace/);
  });
});
