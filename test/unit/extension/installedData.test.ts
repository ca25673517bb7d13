import assert from "node:assert/strict";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { keptFolder, otherVersionInstalled, recordedPlaces, recordPlaces, removeData, takeBack } from "../../../src/extension/installedData.ts";

describe("what an installation leaves", () => {
  let root: string;
  let extension: string;
  let globalStorage: string;
  let workspaceStorages: string;

  beforeEach(() => {
    root = mkdtempSync(path.join(os.tmpdir(), "kalactica-installed-"));
    extension = path.join(root, "extensions/kalactica.kalactica-0.1.0");
    globalStorage = path.join(root, "User/globalStorage/kalactica.kalactica");
    workspaceStorages = path.join(root, "User/workspaceStorage");
    put(extension, "package.json");
    put(globalStorage, "models/large.gguf", "weights");
    put(globalStorage, "models/active.json");
    put(globalStorage, "evaluations/run.json");
    put(path.join(root, "User/globalStorage"), "other.extension/state.json");
    for (const workspace of ["a1", "b2"]) {
      put(workspaceStorages, `${workspace}/kalactica.kalactica/memory.sqlite`, "what was said");
      put(workspaceStorages, `${workspace}/other.extension/state.json`);
    }
    put(workspaceStorages, "a1/kalactica.kalactica/adapters/x/adapter.gguf", "trained");
  });
  afterEach(() => rmSync(root, { recursive: true, force: true }));

  function put(folder: string, name: string, text = "{}"): void {
    mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
    writeFileSync(path.join(folder, name), text);
  }
  const left = (folder: string): string[] =>
    readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile()).map((entry) => path.relative(folder, path.join(entry.parentPath, entry.name))).sort();

  it("is noted once for each place, and a workspace's folder is added when one is opened", () => {
    recordPlaces(extension, { globalStorage, workspaceStorages: null });
    recordPlaces(extension, { globalStorage, workspaceStorages });
    recordPlaces(extension, { globalStorage, workspaceStorages: null });
    recordPlaces(extension, { globalStorage: "/elsewhere/kalactica.kalactica", workspaceStorages: null });
    assert.deepEqual(recordedPlaces(extension), [{ globalStorage, workspaceStorages }, { globalStorage: "/elsewhere/kalactica.kalactica", workspaceStorages: null }]);
  });

  it("is not noted in a checkout or in a link to one", () => {
    const checkout = path.join(root, "checkout");
    put(checkout, "package.json");
    const link = path.join(root, "extensions/kalactica.kalactica-0.2.0");
    symlinkSync(checkout, link);
    for (const folder of [checkout, link]) recordPlaces(folder, { globalStorage, workspaceStorages });
    assert.deepEqual(readdirSync(checkout), ["package.json"]);
  });

  it("is removed, but for models and adapters, which wait with a note; others' data stay", () => {
    assert.deepEqual(removeData({ globalStorage, workspaceStorages }), []);
    assert.deepEqual(left(path.join(root, "User")), [
      "globalStorage/kalactica.kalactica-kept/READ ME.txt",
      "globalStorage/kalactica.kalactica-kept/adapters/a1/x/adapter.gguf",
      "globalStorage/kalactica.kalactica-kept/models/active.json",
      "globalStorage/kalactica.kalactica-kept/models/large.gguf",
      "globalStorage/other.extension/state.json",
      "workspaceStorage/a1/other.extension/state.json",
      "workspaceStorage/b2/other.extension/state.json",
    ]);
    assert.match(readFileSync(path.join(keptFolder(globalStorage), "READ ME.txt"), "utf8"), /delete this folder: .*kalactica\.kalactica-kept/);
  });

  it("leaves nothing at all where no model was downloaded and no adapter trained", () => {
    rmSync(path.join(globalStorage, "models/large.gguf"));
    rmSync(path.join(workspaceStorages, "a1/kalactica.kalactica/adapters"), { recursive: true });
    assert.deepEqual(removeData({ globalStorage, workspaceStorages }), []);
    assert.deepEqual(left(path.join(root, "User")).filter((name) => name.includes("kalactica")), []);
  });

  it("comes back with the next installation", () => {
    removeData({ globalStorage, workspaceStorages });
    assert.equal(takeBack(globalStorage, path.join(workspaceStorages, "a1/kalactica.kalactica")), true);
    assert.equal(readFileSync(path.join(globalStorage, "models/large.gguf"), "utf8"), "weights");
    assert.equal(readFileSync(path.join(workspaceStorages, "a1/kalactica.kalactica/adapters/x/adapter.gguf"), "utf8"), "trained");
    assert.equal(existsSync(keptFolder(globalStorage)), false, "the emptied folder is removed");
    assert.equal(takeBack(globalStorage, null), false);
  });

  it("does not come back over models that are there already", () => {
    removeData({ globalStorage, workspaceStorages });
    put(globalStorage, "models/newer.gguf", "newer");
    takeBack(globalStorage, null);
    assert.deepEqual(readdirSync(path.join(globalStorage, "models")), ["newer.gguf"]);
    assert.ok(existsSync(path.join(keptFolder(globalStorage), "models/large.gguf")));
  });

  it("stays when another version lies beside, unless that one waits to be deleted", () => {
    assert.equal(otherVersionInstalled(extension), false);
    put(path.join(root, "extensions"), "kalactica.kalactica-extra-1.0.0/package.json");
    assert.equal(otherVersionInstalled(extension), false, "a name that only begins the same is another extension");
    put(path.join(root, "extensions"), "kalactica.kalactica-0.2.0/package.json");
    assert.equal(otherVersionInstalled(extension), true);
    writeFileSync(path.join(root, "extensions/.obsolete"), JSON.stringify({ "kalactica.kalactica-0.2.0": true }));
    assert.equal(otherVersionInstalled(extension), false);
  });
});
