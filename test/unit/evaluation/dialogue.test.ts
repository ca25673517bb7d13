import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { gzipSync } from "node:zlib";
import { EngineError } from "../../../src/engine/base/errors.ts";
import { evaluateDialogue } from "../../../src/engine/evaluation/dialogue.ts";
import type { DialogueTracker } from "../../../src/engine/evaluation/dialogue.ts";
import { runDialogue } from "../../../src/engine/tasks/evaluateDialogue.ts";

const refuses = (sentence: RegExp) => (error: unknown): boolean => error instanceof EngineError && sentence.test(error.message);

const SCHEMA = [{
  service_name: "Kites_1", description: "Fly kites", slots: [{ name: "where", description: "City to fly in", is_categorical: false, possible_values: [] }, { name: "kites", description: "Number of kites", is_categorical: true, possible_values: ["1", "2"] }],
  intents: [{ name: "Fly", description: "Fly", is_transactional: true, required_slots: ["where"], optional_slots: { kites: "1" } }],
}];
const user = (utterance: string, values: Record<string, string[]>) => ({ speaker: "USER", utterance, frames: [{ service: "Kites_1", actions: [], slots: [], state: { active_intent: "Fly", requested_slots: [], slot_values: values } }] });
const system = (utterance: string, actions: object[]) => ({ speaker: "SYSTEM", utterance, frames: [{ service: "Kites_1", actions, slots: [] }] });
const DIALOGUES = [
  { dialogue_id: "1_1", services: ["Kites_1"], turns: [user("Hello.", {}), system("Where?", [{ act: "REQUEST", slot: "where", values: [] }]), user("In the Hague.", { where: ["The Hague", "Den Haag"] })] },
  { dialogue_id: "1_2", services: ["Kites_1"], turns: [user("2 kites in Lisbon", { where: ["Lisbon"], kites: ["2"] })] },
];

describe("evaluate dialogue", () => {
  let folder: string;
  beforeEach(() => { folder = mkdtempSync(path.join(tmpdir(), "kalactica-sgd-")); });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));
  const write = (): void => {
    writeFileSync(path.join(folder, "schema.json"), JSON.stringify(SCHEMA));
    writeFileSync(path.join(folder, "dialogues_001.json.gz"), gzipSync(JSON.stringify(DIALOGUES)));
  };
  /** Says what it is told to, whatever is said. */
  const saying = (values: Record<string, string>): DialogueTracker => ({ systemTurn: () => undefined, userTurn: () => undefined, state: () => new Map(Object.entries(values).map(([slot, value]) => [slot, { value }])) });

  it("counts a frame as right only where every slot is, any of gold's values, and none too many", async () => {
    write();
    const said = await evaluateDialogue(folder, () => saying({ where: "hague" }));
    assert.equal(said.n, 3);
    // Right: the second frame (an article and case do not count). Wrong: one slot too many in the first, the third's city and its missing count.
    assert.equal(said.metrics["jointGoalAccuracy"], 0.3333);
    assert.equal(said.metrics["slotAccuracy"], 0.25);
    assert.deepEqual(said.items[2]?.["wrong"], { where: { gold: ["Lisbon"], predicted: "hague" }, kites: { gold: ["2"], predicted: null } });
    const nothing = await evaluateDialogue(folder, () => saying({}));
    assert.equal(nothing.metrics["jointGoalAccuracy"], 0.3333);
    assert.deepEqual((nothing.metrics["parts"] as Record<string, unknown>)["predictingNothing"], { n: 3, jointGoalAccuracy: 0.3333 });
  });

  it("runs the tracker on words alone, and with the acts of the system beside", async () => {
    write();
    const { metrics, items } = await runDialogue(folder, {});
    assert.equal(metrics["jointGoalAccuracy"], 1, JSON.stringify(items));
    const given: unknown[] = [];
    await evaluateDialogue(folder, () => ({ ...saying({}), systemTurn: (_text, _services, acts) => given.push(acts?.["Kites_1"]?.requests) }));
    assert.deepEqual(given, [undefined, ["where"]]);
  });

  it("says what a folder lacks", async () => {
    await assert.rejects(runDialogue(path.join(folder, "none"), {}), refuses(/cannot be read/));
    await assert.rejects(runDialogue(folder, {}), refuses(/lacks schema\.json or dialogues/));
    writeFileSync(path.join(folder, "schema.json"), "{}");
    writeFileSync(path.join(folder, "dialogues_001.json"), "[1]");
    await assert.rejects(runDialogue(folder, {}), refuses(/schema\.json holds no array/));
    writeFileSync(path.join(folder, "schema.json"), "[]");
    await assert.rejects(runDialogue(folder, {}), refuses(/has no dialogues/));
  });
});
