// A workspace of a few short files in memory, with a search that counts words and a symbol table read by regular expressions:
// enough to test what answering makes of an index, without one. Tests may change the files between calls.
import { sha256 } from "../../../src/engine/base/files.ts";
import type { SearchHit, SymbolDefinition, SymbolUsage } from "../../../src/engine/protocol/types.ts";
import type { WorkspaceAccess } from "../../../src/engine/answering/workspaceAccess.ts";

const DEFINITION = /^(\s*)(export )?(?:default )?(?:async )?(function|class|interface|def|const)\s+([A-Za-z_]\w*)/;

export interface MemoryWorkspace extends WorkspaceAccess {
  /** What is on disk. */
  disk: Map<string, string>;
  /** Takes the disk into the index; what is searched and defined stays as it was until then. */
  reindex(): void;
  reads: number;
}

export function memoryWorkspace(files: Record<string, string>): MemoryWorkspace {
  const disk = new Map(Object.entries(files));
  let indexed = new Map(disk);
  const definitionsOf = (path: string): SymbolDefinition[] => {
    const lines = (indexed.get(path) ?? "").split("\n");
    const found: SymbolDefinition[] = [];
    lines.forEach((line, i) => {
      const match = DEFINITION.exec(line);
      if (!match) return;
      const [, indent = "", exported, keyword = "", name = ""] = match;
      let end = i;
      const inside = (at: number): boolean => (lines[at] ?? "").startsWith(`${indent} `) || ((lines[at] ?? "").startsWith(`${indent}}`)) || (lines[at] === "" && at + 1 < lines.length && inside(at + 1));
      while (end + 1 < lines.length && inside(end + 1)) {
        end++;
        if ((lines[end] ?? "").startsWith(`${indent}}`)) break;
      }
      const documentation: string[] = [];
      for (let above = i - 1; above >= 0 && /^\s*(?:\/\/|#)/.test(lines[above] ?? ""); above--) documentation.unshift((lines[above] ?? "").replace(/^\s*(?:\/\/|#)\s?/, ""));
      const container = found.filter((outer) => outer.startLine <= i && outer.endLine > i && indent !== "").map((outer) => outer.name);
      found.push({
        name, path, startLine: i + 1, endLine: end + 1, container, language: path.endsWith(".py") ? "python" : "typescript",
        kind: keyword === "class" || keyword === "interface" ? keyword : keyword === "const" ? "constant" : container.length > 0 ? "method" : "function",
        signature: line.trim().replace(/\s*[{:]$/, ""), documentation: documentation.join("\n"), exported: exported !== undefined || path.endsWith(".py"),
      });
    });
    return found;
  };
  const all = (): SymbolDefinition[] => [...indexed.keys()].flatMap(definitionsOf);
  const usages = (name: string): SymbolUsage[] => [...indexed].flatMap(([path, text]) => text.split("\n").flatMap((line, i) =>
    new RegExp(`(?<![\\w$])${name}(?![\\w$])`).test(line) && DEFINITION.exec(line)?.[4] !== name && !/^\s*(?:\/\/|#)/.test(line) ? [{ path, line: i + 1, text: line.trim() }] : []));
  const workspace: MemoryWorkspace = {
    disk, reads: 0,
    reindex: () => void (indexed = new Map(disk)),
    search: (query, { k }) => {
      const words = query.toLowerCase().split(/\W+/).filter((word) => word.length > 2);
      const hits: SearchHit[] = [];
      for (const [path, text] of indexed) {
        const lines = text.split("\n");
        for (let start = 0; start < lines.length; start += 12) {
          const chunk = lines.slice(start, start + 12).join("\n");
          const lower = `${path}\n${chunk}`.toLowerCase();
          const score = words.filter((word) => lower.includes(word)).length;
          if (score > 0) hits.push({ path, startLine: start + 1, endLine: Math.min(lines.length, start + 12), score, crop: "long", via: ["keyword"], text: chunk, sha256: sha256(chunk), language: "typescript", breadcrumb: [] });
        }
      }
      return hits.sort((a, b) => b.score - a.score).slice(0, k);
    },
    definitions: (name) => all().filter((definition) => definition.name === name),
    similarSymbols: (name, limit) => all().filter((definition) => definition.name.toLowerCase().slice(0, 4) === name.toLowerCase().slice(0, 4)).slice(0, limit),
    usages: (name, limit) => ({ count: usages(name).length, usages: usages(name).slice(0, limit) }),
    symbolsIn: definitionsOf,
    files: () => [...indexed.keys()],
    readLines: ({ path, startLine, endLine }) => {
      workspace.reads++;
      const lines = disk.get(path)?.split("\n");
      if (!lines || startLine < 1 || startLine > lines.length || endLine < startLine) return null;
      const text = lines.slice(startLine - 1, endLine).join("\n");
      return { text, sha256: sha256(text) };
    },
  };
  return workspace;
}

export const CHAT_WORKSPACE = {
  "src/chat/session.ts": [
    "import { openSocket } from \"../net/socket.ts\";", "",
    "// Keeps one conversation with the server. Closes itself when idle.", "export class ChatSession {", "  constructor(url: string) {", "    openSocket(url, 3);", "  }", "",
    "  // Sends a message and waits for the acknowledgement.", "  async function send(text: string) {", "    return retryDelay(1);", "  }", "}",
  ].join("\n"),
  "src/net/socket.ts": [
    "// Opens a web socket, with retries.", "export function openSocket(url: string, retries: number) {", "  if (!url) throw new Error(`No address for socket ${retries}`);", "  return retryDelay(retries);", "}", "",
    "export function retryDelay(n: number) {", "  return n * 100;", "}",
  ].join("\n"),
  "src/report/csv.ts": ["// Writes the findings as comma separated values.", "export function writeCsv(rows: string[][]) {", "  return rows.map((row) => row.join(\",\"));", "}"].join("\n"),
  "src/report/open.ts": ["function openSocket(report: string) {", "  return report;", "}"].join("\n"),
  "test/socket.test.ts": ["import { openSocket } from \"../src/net/socket.ts\";", "it(\"opens\", () => openSocket(\"ws://x\", 1));", "function retryDelay() {", "  return 1;", "}"].join("\n"),
  "README.md": ["# Parrot", "", "[![build](x.svg)](y)", "", "Parrot is a chat server for birds. It keeps conversations short.", "", "## Install", "", "```sh", "npm install parrot", "```"].join("\n"),
  "package.json": ["{", "  \"name\": \"parrot\",", "  \"description\": \"Chat for birds\",", "  \"scripts\": {", "    \"test\": \"mocha\"", "  }", "}"].join("\n"),
};
