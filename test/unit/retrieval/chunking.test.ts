import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import path from "node:path";
import { SILENT_LOG } from "../../../src/engine/base/log.ts";
import { isCancelled } from "../../../src/engine/base/errors.ts";
import { chunkingMethodOf, languageOf } from "../../../src/engine/retrieval/chunking/languages.ts";
import { CHUNK_CHARACTERS, CHUNK_LINES } from "../../../src/engine/retrieval/chunking/lineWindows.ts";
import { linesOf } from "../../../src/engine/retrieval/chunking/parsedFile.ts";
import type { ParsedFile } from "../../../src/engine/retrieval/chunking/parsedFile.ts";
import { parseFile } from "../../../src/engine/retrieval/chunking/parseFile.ts";

const read = (file: string, text: string) => parseFile(languageOf(file), text, SILENT_LOG);
const names = (parsed: ParsedFile) => parsed.symbols.map((symbol) => `${symbol.kind} ${[...symbol.container, symbol.name].join(".")}`);

/** Every line with a letter or digit is in exactly one chunk, and every chunk's text is what stands there. */
function assertCovers(text: string, parsed: ParsedFile): void {
  const lines = linesOf(text);
  let last = 0;
  for (const chunk of parsed.chunks) {
    assert.ok(chunk.startLine > last, `chunk at ${chunk.startLine} overlaps the one that ends at ${last}`);
    for (let line = last + 1; line < chunk.startLine; line++) assert.equal((lines[line - 1] as string).trim(), "", `line ${line} is in no chunk`);
    assert.equal(chunk.text, lines.slice(chunk.startLine - 1, chunk.endLine).join("\n"));
    last = chunk.endLine;
  }
  for (let line = last + 1; line <= lines.length; line++) assert.equal((lines[line - 1] as string).trim(), "");
}

describe("chunking", () => {
  it("keeps whole definitions with their documentation and breadcrumb, and splits large classes by member", async () => {
    const method = (name: string) => `  /** Does ${name}. */\n  ${name}(): void {\n${"    work();\n".repeat(14)}  }\n`;
    const text = `import x from "y";\n\n/** All of it. */\nexport class Big {\n  field = 1;\n\n${["one", "two", "three", "four"].map(method).join("\n")}}\n\nexport function after(): void {\n  work();\n  work();\n}\n`;
    const parsed = await read("a.ts", text);
    assertCovers(text, parsed);
    const crumbs = parsed.chunks.map((chunk) => chunk.breadcrumb.join("."));
    assert.deepEqual(crumbs, ["", "Big", "Big.one", "Big.two", "Big.three", "Big.four", "after"]);
    assert.match(parsed.chunks[2]?.text ?? "", /^ {2}\/\*\* Does one\. \*\/\n/);
    assert.equal(parsed.chunks[2]?.comments, "Does one.");
  });

  it("covers every line of real files once, within the size of a chunk", async () => {
    const folder = path.resolve(import.meta.dirname, "../../../src/engine/base");
    for (const name of readdirSync(folder)) {
      const text = readFileSync(path.join(folder, name), "utf8");
      const parsed = await read(name, text);
      assert.ok(parsed.parsed);
      assertCovers(text, parsed);
      for (const chunk of parsed.chunks) {
        // A closing brace joined to the chunk before may exceed the limit by its line.
        assert.ok(chunk.endLine - chunk.startLine < CHUNK_LINES + 4, `${name}:${chunk.startLine}`);
        assert.ok(chunk.text.length <= CHUNK_CHARACTERS + 40, `${name}:${chunk.startLine} has ${chunk.text.length} characters`);
      }
    }
  });

  it("is deterministic", async () => {
    const text = readFileSync(path.resolve(import.meta.dirname, "../../../src/engine/base/gguf.ts"), "utf8");
    assert.deepEqual(await read("a.ts", text), await read("a.ts", text));
  });

  it("reads TypeScript", async () => {
    const parsed = await read("a.ts", `
/** A pair. */
export interface Pair<T> { left: T; right(): T }
export type Id = string;
export enum Color { Red }
const limit = 3;
/**
 * Doubles.
 * @param n a number
 */
export const double = (n: number): number => n * 2;
export abstract class Shape extends Base {
  private size = 1;
  constructor(readonly name: string) { super(); }
  area(): number { const local = 1; return local; }
}
function outer() { const inner = () => 1; return inner(); }
export { outer };
`);
    assert.deepEqual(names(parsed), [
      "interface Pair", "variable Pair.left", "method Pair.right", "type Id", "enum Color", "constant limit", "function double",
      "class Shape", "variable Shape.size", "method Shape.constructor", "method Shape.area", "function outer", "function outer.inner",
    ]);
    const double = parsed.symbols.find((symbol) => symbol.name === "double");
    assert.equal(double?.signature, "export const double = (n: number): number");
    assert.equal(double.documentation, "Doubles.\n@param n a number");
    assert.deepEqual(parsed.symbols.filter((symbol) => symbol.exported).map((symbol) => symbol.name), ["Pair", "left", "right", "Id", "Color", "double", "Shape", "constructor", "area", "outer"]);
    assert.deepEqual(parsed.usages.get("local"), [15]);
    assert.equal(parsed.usages.get("double"), undefined);
  });

  it("reads Python, with docstrings and decorators", async () => {
    const text = `"""Module."""
import os

LIMIT = 10
cache = {}

@decorator
def _load(path: str, *, strict=True) -> dict:
    """Loads a file.

    Raises OSError.
    """
    value = os.path.join(path)
    return value


class Store(Base):
    # Kept small.
    size = 3

    async def get(self, key):
        return self.size[key]
`;
    const parsed = await read("a.py", text);
    assertCovers(text, parsed);
    assert.deepEqual(names(parsed), ["constant LIMIT", "variable cache", "function _load", "class Store", "variable Store.size", "method Store.get"]);
    const load = parsed.symbols.find((symbol) => symbol.name === "_load");
    assert.equal(load?.signature, "def _load(path: str, *, strict=True) -> dict:");
    assert.equal(load.documentation, "Loads a file.\n\nRaises OSError.");
    assert.equal(load.exported, false);
    assert.ok(parsed.chunks.some((chunk) => chunk.text.startsWith("@decorator\ndef _load")));
  });

  const others: Record<string, [file: string, text: string, expected: string[]]> = {
    JavaScript: ["a.js", "const f = async () => {\n  go();\n};\nclass A { m() {} static n = 1 }\nmodule.exports = { f };\n", ["function f", "class A", "method A.m", "variable A.n"]],
    TSX: ["a.tsx", "export function App(props: Props) {\n  return <div>{props.name}</div>;\n}\n", ["function App"]],
    Go: ["a.go", "package p\n\n// Max is the limit.\nconst Max = 3\n\ntype Server struct {\n\tAddr string\n}\n\ntype Runner interface{ Run() error }\n\n// Serve runs.\nfunc (s *Server) Serve(addr string) error {\n\treturn nil\n}\n\nfunc helper() {}\n", ["constant Max", "class Server", "variable Server.Addr", "interface Runner", "method Runner.Run", "method Serve", "function helper"]],
    Java: ["A.java", "package p;\n/** Doc. */\npublic class A {\n  private int size;\n  public A() {}\n  public int get(String key) { return 1; }\n  interface Inner { void run(); }\n}\n", ["class A", "variable A.size", "method A.A", "method A.get", "interface A.Inner", "method A.Inner.run"]],
    Rust: ["a.rs", "/// A point.\n#[derive(Debug)]\npub struct Point { x: f64 }\n\nimpl Point {\n    /// Makes one.\n    pub fn new() -> Self { Point { x: 0.0 } }\n}\n\npub trait Area { fn area(&self) -> f64; }\nconst N: usize = 3;\nfn main() {}\n", ["class Point", "variable Point.x", "module Point", "method Point.new", "interface Area", "method Area.area", "constant N", "function main"]],
    "C++": ["a.cpp", "namespace geo {\n// Adds.\nint add(int a, int b) { return a + b; }\nclass Box {\n public:\n  int width() const { return w; }\n  void grow(int by);\n private:\n  int w;\n};\n}\nint geo::Box::area() { return 1; }\n#define LIMIT 3\n", ["module geo", "function geo.add", "class geo.Box", "method geo.Box.width", "method geo.Box.grow", "variable geo.Box.w", "function area", "constant LIMIT"]],
    C: ["a.c", "struct point { int x; };\nstatic int *find(const char *key) {\n  struct point p;\n  return 0;\n}\n", ["class point", "variable point.x", "function find"]],
    "C#": ["A.cs", "namespace N {\n  public class A {\n    public int Size { get; set; }\n    public A() {}\n    public string Get(int i) { return null; }\n  }\n  enum E { X }\n}\n", ["module N", "class N.A", "variable N.A.Size", "method N.A.A", "method N.A.Get", "enum N.E"]],
    Ruby: ["a.rb", "module M\n  # Says hello.\n  class Greeter\n    LIMIT = 3\n    def hello(name)\n      puts name\n    end\n    def self.make\n    end\n  end\nend\n", ["module M", "class M.Greeter", "constant M.Greeter.LIMIT", "method M.Greeter.hello", "method M.Greeter.make"]],
    PHP: ["a.php", "<?php\n/** Doc. */\nclass A {\n  const LIMIT = 3;\n  private $size = 1;\n  public function get($key) { return $key; }\n}\nfunction helper() {}\n", ["class A", "constant A.LIMIT", "variable A.$size", "method A.get", "function helper"]],
    Shell: ["a.sh", "NAME=world\n# Greets.\ngreet() {\n  local x=1\n  echo \"$NAME\"\n}\ngreet\n", ["variable NAME", "function greet"]],
    PowerShell: ["a.ps1", "function Get-Thing {\n  param($Name)\n  Write-Output $Name\n}\n", ["function Get-Thing"]],
  };
  for (const [language, [file, text, expected]] of Object.entries(others)) {
    it(`reads ${language}`, async () => {
      const parsed = await read(file, text);
      assert.ok(parsed.parsed);
      assert.deepEqual(names(parsed), expected);
      assertCovers(text, parsed);
    });
  }

  it("documents what stands below a comment, attributes between them notwithstanding", async () => {
    const rust = await read("a.rs", others["Rust"]?.[1] ?? "");
    assert.equal(rust.symbols[0]?.documentation, "A point.");
    assert.equal(rust.symbols.find((symbol) => symbol.name === "new")?.documentation, "Makes one.");
    const go = await read("a.go", others["Go"]?.[1] ?? "");
    assert.equal(go.symbols.find((symbol) => symbol.name === "Serve")?.documentation, "Serve runs.");
    assert.equal(go.symbols.find((symbol) => symbol.name === "Serve")?.signature, "func (s *Server) Serve(addr string) error");
    const trailing = await read("b.ts", "const a = 1; // about a\nfunction b() {\n  return a;\n}\n");
    assert.equal(trailing.symbols[1]?.documentation, "");
  });

  it("cuts Markdown by heading, not inside fences, and joins lone headings", async () => {
    const text = "# Title\n\n## Install\n\nRun it.\n\n```sh\n# not a heading\nnpm i\n```\n\nSetext\n------\n\nMore.\n\n### Deep ###\n\nText.\n";
    const parsed = await read("README.md", text);
    assertCovers(text, parsed);
    assert.deepEqual(parsed.chunks.map((chunk) => chunk.breadcrumb), [["Title", "Install"], ["Title", "Setext"], ["Title", "Setext", "Deep"]].map((path) => path));
    assert.ok(parsed.symbols.some((symbol) => symbol.name === "Install" && symbol.kind === "module"));
  });

  it("cuts notebooks by cell with the lines of the file, outputs left out", async () => {
    const notebook = { cells: [
      { cell_type: "markdown", source: ["# Analysis\n", "of penguins"] },
      { cell_type: "code", source: ["import pandas as pd\n", "df = pd.read_csv(\"p.csv\")"], outputs: [{ text: ["secret output"] }] },
      { cell_type: "code", source: "print('ä')" },
      { cell_type: "code", source: [] },
    ], nbformat: 4 };
    const text = JSON.stringify(notebook, null, 1);
    const parsed = await read("a.ipynb", text);
    assert.equal(parsed.chunks.length, 3);
    assert.equal(parsed.chunks[1]?.source, "import pandas as pd\ndf = pd.read_csv(\"p.csv\")");
    assert.deepEqual(parsed.chunks[0]?.breadcrumb, ["cell 1", "Analysis"]);
    const lines = text.split("\n");
    assert.match(lines[(parsed.chunks[1]?.startLine ?? 0) - 1] as string, /import pandas/);
    assert.match(lines[(parsed.chunks[1]?.endLine ?? 0) - 1] as string, /read_csv/);
    assert.ok(parsed.chunks.every((chunk) => !chunk.text.includes("secret output")));
  });

  it("cuts a broken notebook and unknown languages by lines, at blank lines", async () => {
    const broken = await read("a.ipynb", "{ \"cells\": [");
    assert.equal(broken.chunks.length, 1);
    const paragraph = (word: string) => `${`${word} and some more words\n`.repeat(25)}\n`;
    const text = ["one", "two", "three", "four"].map(paragraph).join("");
    const parsed = await read("notes.txt", text);
    assertCovers(text, parsed);
    assert.ok(parsed.chunks.length >= 2);
    for (const chunk of parsed.chunks) assert.equal((chunk.startLine - 1) % 26, 0, `a chunk begins inside a paragraph, at line ${chunk.startLine}`);
  });

  it("reads files that are broken, empty, one long line, or full of odd characters", async () => {
    for (const [file, text] of [
      ["a.ts", "export class {{{ function ( => \n\n ]]]"], ["a.py", "def f(:\n  '''unclosed\n"], ["a.ts", ""], ["a.ts", "\n\n\n"],
      ["a.txt", "x".repeat(50_000)], ["a.ts", "const 名前 = \"😀\";\r\nfunction größe() {\r\n  return 1;\r\n}\r\n"], ["a.rs", "\u0000\u0001"], ["a.md", "#\n##\n"],
    ] as const) {
      const parsed = await read(file, text);
      assertCovers(text, parsed);
    }
    assert.deepEqual((await read("a.ts", "const 名前 = 1;\nfunction größe() {}\n")).symbols.map((symbol) => symbol.name), ["名前", "größe"]);
  });

  it("cuts by lines what is too large to parse", async () => {
    const text = "export const a = 1;\n".repeat(30_000);
    const parsed = await read("a.ts", text);
    assert.equal(parsed.parsed, false);
    assertCovers(text, parsed);
  });

  it("gives the event loop back while it parses, and stops when cancelled", async () => {
    const unit = readFileSync(path.resolve(import.meta.dirname, "../../../src/engine/base/gguf.ts"), "utf8");
    const text = unit.repeat(12);
    await read("warm.ts", unit);
    let turns = 0;
    const timer = setInterval(() => { turns++; }, 1);
    await read("large.ts", text);
    clearInterval(timer);
    assert.ok(turns >= 3, `the event loop turned ${turns} times`);
    const controller = new AbortController();
    const work = parseFile("typescript", text, SILENT_LOG, controller.signal);
    setTimeout(() => controller.abort(), 5);
    await assert.rejects(work, isCancelled);
    assert.equal((await read("after.ts", "function f() {}\n")).symbols[0]?.name, "f");
  });

  it("knows languages by name and extension", () => {
    assert.deepEqual(["a/b.TSX", "Dockerfile", "x.unknown", "dir.py/file", "a.ipynb", ".bashrc"].map(languageOf), ["typescriptreact", "dockerfile", "plaintext", "plaintext", "jupyter", "shellscript"]);
    assert.deepEqual(chunkingMethodOf("go"), { by: "grammar", grammar: "go" });
    assert.deepEqual(chunkingMethodOf("elixir"), { by: "lines" });
  });
});
