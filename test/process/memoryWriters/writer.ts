// Writes groups of episodes with their edges until it is killed, and says of each group that it is committed.
import path from "node:path";
import { openDatabase } from "../../../src/engine/base/database.ts";
import { MemoryGraph } from "../../../src/engine/memory/graph/memoryGraph.ts";
import { MEMORY_GRAPH_SCHEMA } from "../../../src/engine/memory/graph/schema.ts";

const [folder = "", from = "0"] = process.argv.slice(2);
const database = openDatabase(path.join(folder, "memory.sqlite"), [MEMORY_GRAPH_SCHEMA], () => process.exit(3));
const graph = new MemoryGraph(database, { scrub: (text) => text });
for (let group = Number(from); ; group++) {
  const stored = graph.storeMany(
    Array.from({ length: 5 }, (_, at) => ({ kind: "turn" as const, text: `group ${group} part ${at}`, session: `group ${group}`, validFrom: group, provenance: { by: "user" as const } })),
    (keys) => keys.slice(1).map((target) => ({ type: "follows" as const, source: target, target: keys[0] as string })),
  );
  if (group % 3 === 0) graph.supersede(stored[0]!.key, { kind: "note", text: `after group ${group}`, provenance: { by: "user" }, validFrom: group + 1 });
  process.stdout.write(`${group}\n`);
}
