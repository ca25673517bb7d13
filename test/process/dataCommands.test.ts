// kalactica data …: a data file becomes a version that is shown, compared, reviewed, exported, verified and removed.
// The commands run in this process; that exit codes follow from their errors is tested in commandLine.test.ts.
import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { EngineError } from "../../src/engine/base/errors.ts";
import { findCommand, readArguments, UsageError } from "../../src/engine/commandLine/command.ts";
import type { CommandOutput } from "../../src/engine/commandLine/command.ts";
import { DATA_COMMANDS } from "../../src/engine/commandLine/data.ts";

interface Info { version: string; train: number; validation: number; kinds: Record<string, number>; report: { read: number; kept: number; invalid: number; secretsRedacted: number; personalDataRedacted: number; exactDuplicates: number; problems: { at: string; sentence: string }[] } }

describe("kalactica data", function () {
  this.timeout(120_000);
  let folder: string;
  before(() => {
    folder = mkdtempSync(path.join(os.tmpdir(), "kalactica-data-commands-"));
    process.env["KALACTICA_HOME"] = path.join(folder, "home");
  });
  after(() => {
    delete process.env["KALACTICA_HOME"];
    rmSync(folder, { recursive: true, force: true });
  });

  const kalactica = async (...args: string[]): Promise<CommandOutput> => {
    const { command, rest } = findCommand(DATA_COMMANDS, ["data", ...args])!;
    const read = readArguments(command, [...rest, "--workspace", folder]);
    return command.run({ ...read, signal: new AbortController().signal, progress: { report: () => undefined, say: () => undefined, finish: () => undefined }, json: true });
  };
  const json = async (...args: string[]): Promise<unknown> => (await kalactica(...args)).json;
  const file = (): string => path.join(folder, "pairs.jsonl");
  const write = (n: number): void => {
    const rows = Array.from({ length: n }, (_, i) => JSON.stringify({ prompt: `What is ${i} plus ${i}?`, completion: i === 3 ? "Ask ada.lovelace@analytical-engines.org, key AKIAQ4Z7NWXE5TRLCJ2B." : `It is ${2 * i}.` }));
    writeFileSync(file(), [...rows, rows[0], "{\"prompt\": oops}", "{\"messages\": [{\"role\": \"robot\", \"content\": \"x\"}]}"].join("\n"));
  };

  it("goes from a file to a version, with its problems by line and without secrets", async () => {
    write(40);
    const info = await json("prepare", "--source", file(), "--name", "sums") as Info;
    assert.deepEqual([info.train, info.validation, info.kinds], [36, 4, { example: 40 }]);
    const { read, kept, invalid, exactDuplicates, secretsRedacted, personalDataRedacted, problems } = info.report;
    assert.deepEqual({ read, kept, invalid, exactDuplicates, secretsRedacted, personalDataRedacted }, { read: 43, kept: 40, invalid: 2, exactDuplicates: 1, secretsRedacted: 1, personalDataRedacted: 1 });
    assert.deepEqual(problems.map(({ at }) => at), ["pairs.jsonl:42", "pairs.jsonl:43"]);
    const stored = JSON.stringify(await json("show", "sums", "--rows", "100"));
    assert.doesNotMatch(stored, /AKIAQ4Z7|lovelace/);
    assert.match((await kalactica("show", "sums")).text, /36 to train, 4 to validate[\s\S]*pairs\.jsonl:42: This line is not valid JSON/);
  });

  it("compares versions, leaves records out, exports and verifies", async () => {
    write(42);
    const second = await json("prepare", "--source", file(), "--name", "sums") as Info;
    const diff = await json("diff", "sums") as { same: number; added: number; removed: number; moved: number };
    assert.deepEqual([diff.added, diff.removed, diff.same + diff.moved], [2, 0, 40]);
    const { items } = await json("review", "sums", "--rows", "2") as { items: { id: string; prompt: string; chosen: string }[] };
    assert.equal(items.length, 2);
    const reviewed = await json("review", "sums", "--exclude", items.map(({ id }) => id).join(",")) as Info;
    assert.equal(reviewed.report.kept, 40);
    assert.equal((await json("list", "sums") as { datasets: unknown[] }).datasets.length, 3);
    const { files } = await json("export", "sums", "--out", path.join(folder, "out")) as { files: { file: string; records: number }[] };
    assert.equal(files.reduce((sum, { records }) => sum + records, 0), 40);
    assert.deepEqual(Object.keys(JSON.parse(readFileSync(files[0]!.file, "utf8").split("\n", 1)[0]!) as object), ["prompt", "completion"]);
    const [part] = readdirSync(path.join(folder, ".kalactica", "data", "parts"));
    writeFileSync(path.join(folder, ".kalactica", "data", "parts", part!), "damage");
    const verified = await kalactica("verify");
    assert.equal(verified.exitCode, 1);
    assert.match(verified.text, new RegExp(part!));
    assert.match((await kalactica("show", second.version.slice(0, 10), "--rows", "0")).text, /read 45, kept 42/);
    await kalactica("delete", "sums");
    assert.equal((await json("gc") as { versions: string[] }).versions.length, 3);
    assert.deepEqual(readdirSync(path.join(folder, ".kalactica", "data", "parts")), []);
  });

  it("says in a sentence what is wrong, and tells wrong usage from what cannot be done", async () => {
    writeFileSync(file(), "");
    const wrong: [string[], typeof EngineError | typeof UsageError, RegExp][] = [
      [["prepare", "--source", file(), "--name", "none"], EngineError, /holds no records/],
      [["prepare", "--source", path.join(folder, "gone.jsonl"), "--name", "x"], EngineError, /There is no file/],
      [["show", "nothing"], EngineError, /There is no data set "nothing"/],
      [["prepare", "--name", "x"], UsageError, /--source is missing/],
      [["prepare", "--source", file(), "--name", "x", "--validation", "2"], UsageError, /share from 0 to 0\.5/],
      [["prepare", "--source", file(), "--name", "../x"], EngineError, /cannot name a data set/],
      [["export", "sums"], UsageError, /--out is missing/],
    ];
    for (const [args, type, sentence] of wrong) {
      await assert.rejects(kalactica(...args), (error: unknown) => {
        assert.ok(error instanceof type, String(error));
        assert.match(error.message, sentence);
        return true;
      });
    }
  });
});
