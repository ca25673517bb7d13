// Documents quote what users see: sentences, commands, settings. Where one was changed in the product, the page must follow.
import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import path from "node:path";
import { SETTINGS } from "../../../src/engine/settings.ts";
import { allDocuments } from "../../../tools/docs/documents.ts";
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

describe("every document", () => {
  const manifest = JSON.parse(readFileSync(path.join(repository, "package.json"), "utf8")) as { contributes: { commands: { title: string }[] } };
  const texts = JSON.parse(readFileSync(path.join(repository, "package.nls.json"), "utf8")) as Record<string, string>;
  const titles = new Set(manifest.contributes.commands.map(({ title }) => title.startsWith("%") ? texts[title.slice(1, -1)] : title));
  // What changed once is told in the words of its time.
  const documents = allDocuments().filter((document) => document.path !== "CHANGELOG.md");

  it("names commands of the palette that there are", () => {
    const named = documents.flatMap((document) => [...document.text.matchAll(/\*KaLactica: ([^*]+)\*/g)].map((match) => ({ at: document.path, title: match[1]! })));
    assert.ok(named.length > 15);
    assert.deepEqual(named.filter(({ title }) => !titles.has(title)), []);
  });

  it("names settings that there are", () => {
    const named = documents.flatMap((document) => document.code.filter(({ text }) => /^kalactica(?:\.[a-z][A-Za-z]*)+$/.test(text)).map(({ text, line }) => ({ at: `${document.path}:${line}`, setting: text })));
    assert.ok(named.length > 15);
    assert.deepEqual(named.filter(({ setting }) => !Object.hasOwn(SETTINGS, setting.slice("kalactica.".length))), []);
  });
});
