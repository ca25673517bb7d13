import assert from "node:assert/strict";
import { appendFileSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { filterJsonLines, JsonLinesFollower, JsonLinesWriter, readJsonLines } from "../../../src/engine/runs/jsonLines.ts";
import { readLinux } from "../../../src/engine/runs/powerSource.ts";
import { newRunId, RunStore } from "../../../src/engine/runs/runStore.ts";

const folder = (): string => mkdtempSync(path.join(tmpdir(), "kalactica-runstore-"));

describe("logs of runs", () => {
  it("lose only the line that a kill tore", () => {
    const file = path.join(folder(), "log.jsonl");
    writeFileSync(file, '{"step":1}\n{"step":2}\n{"ste');
    assert.deepEqual(readJsonLines(file), [{ step: 1 }, { step: 2 }]);
    const writer = new JsonLinesWriter<{ step: number }>(file);
    writer.write({ step: 3 });
    writer.close();
    assert.equal(readFileSync(file, "utf8"), '{"step":1}\n{"step":2}\n{"step":3}\n');
    filterJsonLines<{ step: number }>(file, ({ step }) => step < 3);
    assert.deepEqual(readJsonLines(file), [{ step: 1 }, { step: 2 }]);
  });

  it("can be followed while they are written, half lines and shortening included", () => {
    const file = path.join(folder(), "log.jsonl");
    const follower = new JsonLinesFollower<{ step: number }>(file, true);
    assert.deepEqual(follower.next(), []);
    writeFileSync(file, '{"step":1}\n{"st');
    assert.deepEqual(follower.next(), [{ step: 1 }]);
    appendFileSync(file, 'ep":2}\n');
    assert.deepEqual(follower.next(), [{ step: 2 }]);
    writeFileSync(file, '{"step":1}\n');
    assert.deepEqual(follower.next(), []);
    appendFileSync(file, '{"step":2}\n');
    assert.deepEqual(follower.next(), [{ step: 2 }]);
  });
});

describe("RunStore", () => {
  it("names runs so that they sort by time", () => {
    assert.match(newRunId("dpo", new Date("2026-11-22T14:05:06.789Z")), /^20261122-140506-dpo-[0-9a-f]{4}$/);
  });

  it("passes over folders that are no runs, and never leaves its own", async () => {
    const store = new RunStore(folder());
    mkdirSync(store.path("half-made"));
    mkdirSync(store.path("damaged"));
    writeFileSync(store.path("damaged", "run.json"), "{");
    assert.deepEqual(await store.list(), []);
    writeFileSync(path.join(store.folder, "..", "run.json"), '{"id":".."}');
    await assert.rejects(store.get("damaged"), /The state of the training run "damaged" is damaged .*Delete /);
    await assert.rejects(store.get(".."), /There is no training run/);
    await assert.rejects(store.remove("../.."), /There is no training run/);
  });
});

describe("the power source on Linux", () => {
  const supplies = (parts: Record<string, Record<string, string>>): string => {
    const root = folder();
    for (const [name, files] of Object.entries(parts)) {
      mkdirSync(path.join(root, name));
      for (const [file, text] of Object.entries(files)) writeFileSync(path.join(root, name, file), `${text}\n`);
    }
    return root;
  };

  it("is the battery only where one of the machine discharges and nothing is plugged in", async () => {
    const battery = { type: "Battery", status: "Discharging" };
    assert.equal(await readLinux(supplies({ BAT0: battery, AC: { type: "Mains", online: "0" } })), "battery");
    assert.equal(await readLinux(supplies({ BAT0: battery, AC: { type: "Mains", online: "1" } })), "mains");
    assert.equal(await readLinux(supplies({ mouse: { ...battery, scope: "Device" } })), "mains");
    assert.equal(await readLinux(supplies({})), "mains");
    assert.equal(await readLinux("/nowhere"), "mains");
  });
});
