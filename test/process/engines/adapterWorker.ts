// Works on an adapter store and kills itself, as kill -9 would, before its n-th change of a file. For adapterStore.test.ts.
//   node adapterWorker.ts FOLDER MODEL N
import fs from "node:fs/promises";
import { syncBuiltinESMExports } from "node:module";
import { AdapterStore } from "../../../src/engine/training/adapters/store.ts";
import { writeRandomAdapter } from "../../unit/training/adapterSupport.ts";

const [place = "", model = "", killAt = "0"] = process.argv.slice(2);
let changes = 0;
// Every way in which files come, go or change their name goes through these; reading does not count.
const changing = ["rename", "rm", "open"] as const;
for (const name of changing) {
  const original = fs[name] as (...args: unknown[]) => Promise<unknown>;
  (fs as unknown as Record<string, unknown>)[name] = async (...args: unknown[]): Promise<unknown> => {
    if ((name !== "open" || args[1] === "wx") && ++changes === Number(killAt)) process.kill(process.pid, "SIGKILL");
    return original(...args);
  };
}
syncBuiltinESMExports();

const store = new AdapterStore(place);
const base = { sha256: "a".repeat(64), name: "tiny" };
const add = async (seed: number): Promise<string> => {
  const { sha256, bytes } = await writeRandomAdapter(model, place, { seed });
  await store.add({ sha256, bytes, modelSha256: base.sha256, model: base.name, createdAt: seed, rank: 4, alpha: 8, run: null, receipt: null });
  return sha256;
};
const say = (line: string): Promise<void> => new Promise((resolve) => process.stdout.write(`${line}\n`, () => resolve()));

const one = await add(1);
await say("added one");
const two = await add(2);
await say("added two");
await store.activate(one, base);
await say("active one");
await store.activate(two, base);
await say("active two");
await store.rollback(base.sha256);
await say("back");
await store.remove(two);
await say("removed");
