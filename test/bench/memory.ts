// Measures the memory graph: how fast it takes episodes in, how fast recall answers, what it weighs, whether export comes back.
//   node test/bench/memory.ts [--nodes 100000] [--queries 300] [--batch 100] [--no-scrub] [--round-trip] [--json]
// Episodes are made of words drawn from a Zipf distribution over 30,000, 20 to a turn, in conversations of 40 turns, with an edge
// to one of 2,000 files for every fourth; a query is three to six words of a stored turn. Wall-clock and CPU time are both given:
// on a busy machine only the second says what the work costs. The figures are printed, not asserted.
import { mkdtempSync, rmSync, statSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { openDatabase } from "../../src/engine/base/database.ts";
import { SeededRandom } from "../../src/engine/base/random.ts";
import type { NewEpisode } from "../../src/engine/memory/graph/episode.ts";
import { MemoryGraph } from "../../src/engine/memory/graph/memoryGraph.ts";
import { MEMORY_GRAPH_SCHEMA } from "../../src/engine/memory/graph/schema.ts";
import { MemoryRecall } from "../../src/engine/memory/recall/recall.ts";
import { scrub } from "../../src/engine/tasks/userMemory.ts";

const { values } = parseArgs({ options: { nodes: { type: "string", default: "100000" }, queries: { type: "string", default: "300" }, batch: { type: "string", default: "100" }, "no-scrub": { type: "boolean", default: false }, "round-trip": { type: "boolean", default: false }, json: { type: "boolean", default: false } } });
const nNodes = Number(values.nodes);
const nQueries = Number(values.queries);
const batch = Number(values.batch);
const VOCABULARY = 30_000;
const FILES = 2_000;
const WARM_UP = 30;

const random = new SeededRandom(1);
const syllables = ["ka", "lo", "mi", "ter", "ran", "su", "vel", "dor", "pin", "qua", "fer", "gal", "hin", "jo", "ne", "ru"];
const words = Array.from({ length: VOCABULARY }, (_, i) => `${syllables[i % 16]}${syllables[(i >> 4) % 16]}${syllables[(i >> 8) % 16]}${syllables[(i >> 12) % 16]}`);
const cumulative: number[] = [];
for (let i = 0, sum = 0; i < VOCABULARY; i++) cumulative.push(sum += 1 / (i + 10));
const word = (): string => {
  const at = random.uniform() * (cumulative[VOCABULARY - 1] as number);
  let low = 0;
  for (let high = VOCABULARY - 1; low < high;) {
    const middle = (low + high) >> 1;
    if ((cumulative[middle] as number) < at) low = middle + 1;
    else high = middle;
  }
  return words[low] as string;
};
const turn = (i: number): NewEpisode => ({
  kind: "turn", label: i % 2 === 0 ? "user" : "assistant", session: `chat ${Math.floor(i / 40)}`, validFrom: 1_700_000_000_000 + i * 60_000, provenance: { by: "user", reference: `t${i}` },
  text: Array.from({ length: 20 }, word).join(" "),
});

const cpu = (): number => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
};
const timed = (work: () => void): { seconds: number; cpuSeconds: number } => {
  const [wall, used] = [performance.now(), cpu()];
  work();
  return { seconds: round((performance.now() - wall) / 1000), cpuSeconds: round(cpu() - used) };
};
const round = (x: number): number => Number(x.toPrecision(3));
const quantile = (values_: readonly number[], q: number): number => round([...values_].sort((a, b) => a - b)[Math.floor(q * values_.length)] as number);

const folder = mkdtempSync(path.join(os.tmpdir(), "kalactica-memory-"));
try {
  const file = path.join(folder, "memory.sqlite");
  const database = openDatabase(file, [MEMORY_GRAPH_SCHEMA], () => undefined);
  const graph = new MemoryGraph(database, { scrub: values["no-scrub"] ? (text) => text : scrub });
  const files = graph.storeMany(Array.from({ length: FILES }, (_, i): NewEpisode => ({ kind: "file", text: `src/f${i}.ts`, label: `src/f${i}.ts`, provenance: { by: "editor" } }))).map(({ key }) => key);
  const sample: string[] = [];
  const writing = timed(() => {
    for (let at = 0; at < nNodes; at += batch) {
      const episodes = Array.from({ length: Math.min(batch, nNodes - at) }, (_, i) => turn(at + i));
      if (random.uniform() < nQueries * batch / nNodes * 1.5) sample.push((episodes[0] as NewEpisode).text);
      graph.storeMany(episodes, (keys) => keys.filter((_, i) => i % 4 === 0).map((source) => ({ type: "mentions" as const, source, target: files[random.integer(FILES)] as string })));
    }
  });
  const recall = new MemoryRecall(graph);
  const loading = timed(() => {
    while (!recall.prepare());
  });
  const heap = process.memoryUsage();
  const times: number[] = [];
  const cpuTimes: number[] = [];
  let found = 0;
  const queries = Array.from({ length: nQueries }, (_, i) => {
    const source = (sample[i % sample.length] as string).split(" ");
    const from = random.integer(14);
    return { words: source.slice(from, from + 3 + random.integer(4)).join(" "), source: source.join(" ") };
  });
  // The first queries make the program compile itself; a session has them once.
  for (const { words: query } of queries.slice(0, WARM_UP)) recall.recall(query, { k: 10 });
  for (const { words: query, source } of queries) {
    const [wall, used] = [performance.now(), cpu()];
    const items = recall.recall(query, { k: 10 });
    times.push(performance.now() - wall);
    cpuTimes.push((cpu() - used) * 1000);
    if (items.some(({ episode }) => episode.text === source)) found++;
  }
  const one = graph.store({ kind: "note", text: "a single note that is written by itself and then forgotten again", provenance: { by: "user" } }).key;
  const forgetting = timed(() => graph.forget([one]));
  const result = {
    nodes: graph.counts().nodes, edges: graph.counts().edges, batch, scrubbed: !values["no-scrub"],
    writes: { ...writing, perSecond: Math.round(nNodes / writing.seconds), perCpuSecond: Math.round(nNodes / writing.cpuSeconds) },
    loading, residentMb: Math.round(heap.rss / 2 ** 20), bytesPerNode: Math.round(statSync(file).size / nNodes),
    recall: { n: nQueries, p50Ms: quantile(times, 0.5), p95Ms: quantile(times, 0.95), cpuP50Ms: quantile(cpuTimes, 0.5), cpuP95Ms: quantile(cpuTimes, 0.95), foundInTop10: round(found / nQueries) },
    forgetting,
    ...(values["round-trip"] ? { roundTrip: roundTrip(graph) } : {}),
  };
  console.log(values.json ? JSON.stringify(result) : JSON.stringify(result, null, 2));
  database.close();
} finally {
  rmSync(folder, { recursive: true, force: true });
}

/** Whether what is exported, imported and exported again is the same. */
function roundTrip(graph: MemoryGraph): { lines: number; same: boolean } {
  const database = openDatabase(path.join(folder, "copy.sqlite"), [MEMORY_GRAPH_SCHEMA], () => undefined);
  const copy = new MemoryGraph(database, { scrub: (text) => text });
  copy.import(graph.export());
  let lines = 0;
  let same = true;
  const again = copy.export();
  for (const line of graph.export()) {
    lines++;
    if (again.next().value !== line) same = false;
  }
  database.close();
  return { lines, same: same && again.next().done === true };
}
