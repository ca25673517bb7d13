// The troubleshooting page quotes what users see. Where a sentence was changed in the product, the page must follow.
import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import path from "node:path";
import { repository } from "../../../tools/docs/sampleClone.ts";

/** Shorter pieces say nothing. */
const SHORTEST_PIECE = 6;

describe("troubleshooting", () => {
  const source = [...globSync("{src,bin}/**/*.{ts,tsx,mjs}", { cwd: repository })].map((file) => readFileSync(path.join(repository, file), "utf8")).join("\n").replaceAll("\\\"", "\"");

  it("quotes sentences that the product still says", () => {
    const page = readFileSync(path.join(repository, "docs/guide/troubleshooting.md"), "utf8");
    const quoted = [...page.matchAll(/“([^”]+)”/g)].map((match) => match[1]!);
    assert.ok(quoted.length > 20);
    const gone = quoted.flatMap((sentence) => sentence.split("…").map((piece) => piece.trim()).filter((piece) => piece.length >= SHORTEST_PIECE && !source.includes(piece)).map((piece) => `“${sentence}”: ${piece}`));
    assert.deepEqual(gone, []);
  });
});
