// Code of answers against a small real project on disk: what reads unlike it, what it leans on that is not there, and the user's word.
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { openDatabase } from "../../../src/engine/base/database.ts";
import { SILENT_LOG } from "../../../src/engine/base/log.ts";
import { ACCEPTED_DRAFT_SCHEMA, AcceptedDrafts } from "../../../src/engine/memory/acceptedDrafts.ts";
import { WorkspaceIndex } from "../../../src/engine/retrieval/workspaceIndex.ts";
import { readSettings } from "../../../src/engine/settings.ts";
import { ProjectChecks } from "../../../src/engine/tasks/checkDriftDesk.ts";

const NOUNS = ["order", "invoice", "customer", "payment", "address", "basket", "voucher", "shipment"];

/** A file of five functions in one style. */
function projectFile(at: number): string {
  const noun = NOUNS[at % NOUNS.length]!;
  return `import json\nfrom shop.store import Store\n\n${["load", "save", "check", "merge", "drop"].map((verb, i) => `
def ${verb}_${noun}_${at}(store: Store, ${noun}_id: int) -> dict:
    """${verb} one ${noun}."""
    row = store.read('${noun}', ${noun}_id)
    if row is None:
        raise KeyError('${noun} not found')
    total = ${i + 1}
    for item in row['items']:
        if item['count'] > ${at + i}:
            total += item['count']
        else:
            total -= 1
    row['total'] = total
    store.write('${noun}', ${noun}_id, json.dumps(row))
    return row
`).join("\n")}`;
}

/** Two functions of a file that is not there. */
const OWN = projectFile(21).split("\ndef ").slice(2, 4).map((text) => `def ${text}`).join("\n").trim();
const FOREIGN = `class QuaternionSlerp {\n  constructor(matrix, axis) {\n    this.matrix = matrix;\n  }\n}\n`.repeat(1) + `
def slerpQuaternion(matrixBuffer, eulerAngles, shaderUniform=None):
    glContext = acquireContext(shaderUniform) ; vertexArray = [ ]
    while glContext.pending( ) : vertexArray.append( glContext.nextVertex( ) )
    lambdaWeights = [ w ** 2 for w in eulerAngles ]
    framebuffer, rasterizer = glContext.bind(matrixBuffer), "nearest"
    with framebuffer as texture :
        texture.upload( vertexArray, "rgba8" )
        texture.mipmap( levels = 4 )
    normalized = texture.sample( rasterizer )
    print( "frame", normalized, lambdaWeights )
    return normalized
`;

describe("code of answers against the project", () => {
  let folder: string, index: WorkspaceIndex, project: ProjectChecks, accepted: AcceptedDrafts;
  const block = (code: string, language = "python"): { code: string; language: string }[] => [{ code, language }];
  const none = (): boolean => false;

  before(async () => {
    folder = mkdtempSync(path.join(tmpdir(), "kl-drift-"));
    const workspaceDir = path.join(folder, "work");
    mkdirSync(path.join(workspaceDir, "shop"), { recursive: true });
    writeFileSync(path.join(workspaceDir, "requirements.txt"), "requests==2.32\nPyYAML\n");
    writeFileSync(path.join(workspaceDir, "shop/store.py"), "class Store:\n    def read(self, kind, key):\n        return {}\n\n    def write(self, kind, key, text):\n        pass\n");
    for (let at = 0; at < 20; at++) writeFileSync(path.join(workspaceDir, `shop/part${at}.py`), projectFile(at));
    index = await WorkspaceIndex.open({ workspaceDir, storageDir: path.join(folder, "storage"), settings: readSettings({}).settings, embedder: null, log: SILENT_LOG });
    await index.update();
    accepted = new AcceptedDrafts(openDatabase(path.join(folder, "memory.sqlite"), [ACCEPTED_DRAFT_SCHEMA], () => undefined));
    project = new ProjectChecks({ index, workspaceDir, accepted, log: SILENT_LOG });
  });

  after(async () => {
    await index.close();
    rmSync(folder, { recursive: true, force: true });
  });

  it("are not checked before the project is learnt, and are so named, not passed", async () => {
    const { checks } = await project.check(block(OWN), none, 1000);
    assert.deepEqual(checks.map(({ name, notChecked }) => [name, notChecked]), [["drift", true], ["grounded", true]]);
    await project.prepare();
  });

  it("pass where they read like the project, and warn with the reason where they do not", async () => {
    const own = (await project.check(block(OWN), none, 5000)).checks.find(({ name }) => name === "drift")!;
    assert.equal(own.action, "allow", own.reason);
    const { checks, concerns } = await project.check(block(FOREIGN), none, 5000);
    const drift = checks.find(({ name }) => name === "drift")!;
    assert.equal(drift.action, "warn");
    assert.ok(drift.score > drift.threshold);
    assert.match(drift.reason, /^This reads unlike your project: .*no file of yours uses `/);
    assert.equal(concerns.find(({ check }) => check === "drift")!.action, "warn", "style never blocks");
  });

  it("name packages, names and functions that do not exist, and no others", async () => {
    const unknown = async (code: string, language = "python"): Promise<string[]> => (await project.check(block(code, language), none, 5000)).concerns.filter(({ check }) => check === "grounded").map(({ rule, excerpt }) => `${rule} ${excerpt}`);
    assert.deepEqual(await unknown("import os\nimport requests\nimport yaml\nfrom shop.store import Store\n\nprint(load_order_0(Store(), 1))"), []);
    assert.deepEqual(await unknown("import fastjsonx\nfrom shop.store import Stor\n\nload_ordr_0(1)"), ["unknown-package fastjsonx", "unknown-name Stor", "unknown-function load_ordr_0"]);
    assert.deepEqual(await unknown("try:\n    import fastjsonx\nexcept ImportError:\n    fastjsonx = None"), []);
    // No manifest of JavaScript says what is installed.
    assert.deepEqual(await unknown("import left from 'left-pad'\nleft('x')", "ts"), []);
  });

  it("count what the user called fine as usual, also after a restart, until that is taken back", async () => {
    const flagged = (await project.check(block(FOREIGN), none, 5000)).concerns.find(({ check }) => check === "drift")!;
    const allowed = await project.check(block(FOREIGN), (key) => key === flagged.key, 5000);
    assert.equal(allowed.checks.find(({ name }) => name === "drift")!.action, "allow");
    project.accept(flagged.key);
    assert.equal(accepted.of("python").length, 1);
    const anew = new ProjectChecks({ index, workspaceDir: null, accepted, log: SILENT_LOG });
    await anew.prepare();
    const before = (await project.check(block(FOREIGN), none, 5000)).checks.find(({ name }) => name === "drift")!;
    assert.match(before.reason, /[1-9]\d? % of your own/);
    project.withdraw([flagged.key]);
    assert.equal(accepted.of("python").length, 0);
  });

  it("are not checked when the time is up", async () => {
    const { checks } = await project.check(block(OWN), none, -1);
    assert.ok(checks.length === 2 && checks.every(({ notChecked }) => notChecked === true));
  });
});
