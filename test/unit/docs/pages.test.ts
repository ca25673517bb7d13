// The pages under docs/api say what the sources say, and every message of the protocol is documented there.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
import { generatedPages } from "../../../tools/docs/pages.ts";
import { readProtocol } from "../../../tools/docs/protocolSource.ts";
import { repository } from "../../../tools/docs/sampleClone.ts";
import { roomPages } from "../../../tools/docs/roomPages.ts";

describe("the reference", () => {
  const protocol = readProtocol();

  for (const [file, text] of generatedPages()) {
    it(`${file} is as the sources are`, () => {
      const stale = firstDifference(readFileSync(path.join(repository, file), "utf8"), text);
      assert.equal(stale, null, `${file} is out of date (\`npm run docs\` writes it anew): ${stale ?? ""}`);
    });
  }

  it("says of every message what it is for", () => {
    assert.deepEqual(protocol.messages.filter(({ documentation }) => documentation === "").map(({ method }) => method), []);
  });

  it("names only reasons for failure that there are", () => {
    const known = new Set(protocol.reasons.map(({ name }) => name));
    assert.ok(known.size > 20 && protocol.messages.some(({ errors }) => errors.length > 0));
    assert.deepEqual(protocol.messages.flatMap(({ method, errors }) => errors.filter((name) => !known.has(name)).map((name) => `${method}: ${name}`)), []);
  });

  it("has every message that the engine serves", () => {
    const server = readFileSync(path.join(repository, "src/engine/server.ts"), "utf8");
    const served = [...server.matchAll(/^ {2}on(?:Notice)?\("([^"]+)"/gm)].map((match) => match[1]!).sort();
    const documented = protocol.messages.filter(({ direction }) => direction !== "toClient").map(({ method }) => method).sort();
    assert.deepEqual(documented, served);
  });

  it("can be made of a room", () => {
    const page = roomPages("base").get("base") ?? "";
    assert.match(page, /## base\/scheduler\.ts\n\nOne machine[\s\S]*class Scheduler \{/);
    assert.doesNotMatch(page, /#queue|private /);
  });
});

function firstDifference(before: string, after: string): string | null {
  const old = before.split("\n");
  const now = after.split("\n");
  const at = now.findIndex((line, i) => line !== old[i]);
  if (at < 0) return old.length > now.length ? `line ${now.length + 1} is left over` : null;
  return `line ${at + 1} should be ${JSON.stringify(now[at])}, but is ${JSON.stringify(old[at] ?? "")}`;
}
