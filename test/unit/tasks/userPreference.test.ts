// The reward model of a user's preferences from a stored data set to a reward in GRPO, with the embedded encoder.
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { Log } from "../../../src/engine/base/log.ts";
import { SeededRandom } from "../../../src/engine/base/random.ts";
import type { TrainingRecord } from "../../../src/engine/base/trainingRecord.ts";
import { openRewards, rewardWeights } from "../../../src/engine/tasks/taskRewards.ts";
import { fitUserPreference, openUserPreference } from "../../../src/engine/tasks/userPreference.ts";
import type { FeedbackData } from "../../../src/engine/tasks/userPreference.ts";

const log = new Log("test", () => undefined);
const WORDS = "index chunk file search answer question word line code name path value".split(" ");

function data(records: readonly TrainingRecord[]): FeedbackData {
  const kinds: Record<string, number> = {};
  for (const { kind } of records) kinds[kind] = (kinds[kind] ?? 0) + 1;
  const half = Math.floor(records.length / 2);
  const part = async function* (list: readonly TrainingRecord[]): AsyncGenerator<TrainingRecord> { yield* list; };
  return { info: { name: "likes", kinds }, train: () => part(records.slice(0, half)), validation: () => part(records.slice(half)) };
}

/** Likes lists; what is in them is drawn. */
function likesLists(n: number): TrainingRecord[] {
  const random = new SeededRandom(1);
  const text = (mark: string): string => Array.from({ length: 4 + random.integer(4) }, () => `${mark}${Array.from({ length: 5 }, () => WORDS[random.integer(WORDS.length)]).join(" ")}`).join("\n");
  return Array.from({ length: n }, (_, i) => ({ kind: "preference", prompt: { form: "text", text: `q ${i}` }, chosen: text("- "), rejected: text(""), origin: { at: `f${i}` } }));
}

describe("the user's preferences as a reward", function () {
  this.timeout(20_000);
  let folder: string;
  beforeEach(async () => { folder = await mkdtemp(path.join(tmpdir(), "kalactica-likes-")); });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  it("are fitted from feedback, stored, and score what is liked higher", async () => {
    const { file, sentence } = await fitUserPreference(data(likesLists(44)), { storageDir: folder, seed: 1, log });
    assert.ok(file !== null, sentence);
    assert.deepEqual(rewardWeights({ preference: 1 }, { kind: "task", prompt: { form: "text", text: "" }, origin: { at: "t" } }), { preference: 1 });
    const opened = await openRewards({ preference: 1 }, { storageDir: folder, executeCode: false, log });
    const [reward] = opened.rewards;
    assert.ok(reward !== undefined);
    const task = { kind: "task", prompt: { form: "text", text: "q" }, origin: { at: "t" } } as const;
    const [liked, not] = await Promise.all(["- index chunk file\n- search answer", "index chunk file\nsearch answer"].map((reply) => reward.score(task, reply)));
    assert.ok((liked as number) > 0.6 && (not as number) < 0.4, `${String(liked)} ${String(not)}`);
    await opened.close();
  });

  it("are not stored where they say nothing, and are missed by name", async () => {
    const few = await fitUserPreference(data(likesLists(10)), { storageDir: folder, seed: 1, log });
    assert.equal(few.file, null);
    await assert.rejects(openUserPreference(folder, log), { reason: "notFound" });
    await assert.rejects(openRewards({ preference: 1 }, { storageDir: folder, executeCode: false, log }), { reason: "notFound" });
    await assert.rejects(fitUserPreference(data([{ kind: "text", text: "x", origin: { at: "t" } }]), { storageDir: folder, seed: 1, log }), { reason: "dataInvalid" });
  });
});
