// The proof of being offline, with features of its own: one that stays here, ones that reach out, one that fails.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { networkInterfaces } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { proofText, proveOffline } from "../../../src/engine/tasks/proveOffline.ts";
import type { ProvenFeature } from "../../../src/engine/tasks/proveOfflineFeatures.ts";
import { ended } from "../../../src/engine/tasks/proveOfflineWatch.ts";

const base = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../../../src/engine/base");
/** An address of this machine that is not loopback: what is sent to it stays here, and counts as if it left. */
const ownAddress = Object.values(networkInterfaces()).flat().find((one) => one?.family === "IPv4" && !one.internal)?.address;

/** A feature whose process counts its sockets as ours do, and runs `body`, which may use `net`. */
function feature(name: string, body: string, counts = true): ProvenFeature {
  return {
    name, title: name,
    async exercise(watched) {
      const counting = counts ? `import { startCounting } from ${JSON.stringify(path.join(base, "socketCount.ts"))}; import { reportSockets } from ${JSON.stringify(path.join(base, "socketReport.ts"))}; startCounting({ by: "feature" }); reportSockets();` : "";
      // The suite's own guard is left out here: this process reaches out on purpose.
      const environment = { ...watched.environment, NODE_OPTIONS: "" };
      const child = watched.watch(spawn(process.execPath, ["--disable-warning=ExperimentalWarning", "--input-type=module", "-e", `import net from "node:net"; ${counting} ${body}`], { env: environment, stdio: "ignore" }));
      const code = await ended(child);
      if (code !== 0) throw new Error(`The feature ended with ${code}.`);
    },
  };
}
const QUIET = feature("quiet", "");
const unseen = { watchOutside: () => ({ stop: () => [] }) };

describe("the proof of being offline", () => {
  it("holds where every feature ran and none reached out", async () => {
    const proof = await proveOffline({ features: () => [QUIET] });
    assert.deepEqual([proof.proven, proof.attempts, proof.features.map(({ state, processes }) => [state, processes])], [true, [], [["ran", 1]]]);
    assert.match(proofText(proof), /Nothing left this machine: 1 features were exercised in 1 watched processes/);
  });

  it("names the feature that opens a socket, with host, port and bytes, and goes on with the others", async function () {
    if (ownAddress === undefined) this.skip();
    const talker = feature("talker", `
      import dgram from "node:dgram";
      const socket = dgram.createSocket("udp4");
      await new Promise((done) => socket.bind(0, ${JSON.stringify(ownAddress)}, done));
      await new Promise((done) => socket.send("secret", 9, ${JSON.stringify(ownAddress)}, done));
      socket.close();`);
    const proof = await proveOffline({ features: () => [talker, QUIET], ...unseen });
    assert.equal(proof.proven, false);
    assert.deepEqual(proof.attempts, [{ feature: "talker", process: "feature", kind: "udp", host: ownAddress, port: 9, bytes: 6, seen: "inside" }]);
    assert.deepEqual(proof.features.map(({ name, state, attempts }) => [name, state, attempts.length]), [["talker", "ran", 1], ["quiet", "ran", 0]]);
    assert.match(proofText(proof), new RegExp(`\\| talker \\| feature \\| udp \\| ${ownAddress} \\| 9 \\| 6 \\| inside \\|`));
  });

  it("reports what only the system's tables saw, once", async () => {
    const socket = { protocol: "tcp", local: "10.0.0.5:40000", remote: "192.0.2.10:443", listening: false, pid: 1, process: "native code" } as const;
    const proof = await proveOffline({ features: () => [QUIET], watchOutside: () => ({ stop: () => [socket] }) });
    assert.deepEqual([proof.proven, proof.attempts], [false, [{ feature: "quiet", process: "native code", kind: "tcp", host: "192.0.2.10", port: 443, bytes: null, seen: "outside" }]]);
  });

  it("proves nothing of a feature that failed, or whose processes did not count", async () => {
    const proof = await proveOffline({ features: () => [feature("broken", "process.exit(3);"), feature("silent", "", false)], ...unseen });
    assert.equal(proof.proven, false);
    assert.deepEqual(proof.features.map(({ state, sentence }) => [state, sentence]), [["failed", "The feature ended with 3."], ["failed", "None of its processes counted its sockets."]]);
    assert.match(proofText(proof), /Nothing tried to reach another machine, but 2 of 2 features could not be exercised/);
  });

  it("stops when it is told to, and ends what it has started", async () => {
    const abort = new AbortController();
    setTimeout(() => abort.abort(), 100);
    const begun = performance.now();
    await assert.rejects(proveOffline({ signal: abort.signal, features: () => [feature("endless", "setInterval(() => undefined, 1_000);")], ...unseen }), { name: "CancelledError" });
    assert.ok(performance.now() - begun < 5_000);
  });
});
