// Which language a file is written in, by its name, and which grammar reads it. Does not open files.
import type { GrammarName } from "../../base/grammars.ts";

/** How a language's files are cut: by a tree-sitter grammar, by headings, by cells, or by lines. */
export type ChunkingMethod = { by: "grammar"; grammar: GrammarName } | { by: "headings" } | { by: "cells" } | { by: "lines" };

/** VS Code language id by file extension (lower case, without the dot). */
const LANGUAGE_BY_EXTENSION: Readonly<Record<string, string>> = {
  ts: "typescript", mts: "typescript", cts: "typescript", tsx: "typescriptreact",
  js: "javascript", mjs: "javascript", cjs: "javascript", jsx: "javascriptreact",
  py: "python", pyi: "python", pyw: "python",
  go: "go", java: "java", rs: "rust", rb: "ruby", rake: "ruby", gemspec: "ruby", php: "php",
  c: "c", h: "cpp", cc: "cpp", cpp: "cpp", cxx: "cpp", hh: "cpp", hpp: "cpp", hxx: "cpp", ino: "cpp", cu: "cpp", cuh: "cpp", m: "objective-c", mm: "objective-cpp",
  cs: "csharp", css: "css", scss: "scss", less: "less",
  sh: "shellscript", bash: "shellscript", zsh: "shellscript", ps1: "powershell", psm1: "powershell",
  md: "markdown", mdx: "markdown", markdown: "markdown", rst: "restructuredtext", ipynb: "jupyter", tex: "latex",
  json: "json", jsonc: "jsonc", json5: "json", yaml: "yaml", yml: "yaml", toml: "toml", ini: "ini", cfg: "ini", properties: "properties",
  html: "html", htm: "html", xml: "xml", svg: "xml", vue: "vue", svelte: "svelte", astro: "astro",
  sql: "sql", graphql: "graphql", gql: "graphql", proto: "proto3", kt: "kotlin", kts: "kotlin", swift: "swift", scala: "scala",
  dart: "dart", lua: "lua", r: "r", jl: "julia", pl: "perl", pm: "perl", ex: "elixir", exs: "elixir", erl: "erlang", hs: "haskell",
  clj: "clojure", fs: "fsharp", ml: "ocaml", zig: "zig", nim: "nim", tf: "terraform", cmake: "cmake", bat: "bat", cmd: "bat", txt: "plaintext",
};

/** Files whose whole name tells. */
const LANGUAGE_BY_NAME: Readonly<Record<string, string>> = {
  dockerfile: "dockerfile", makefile: "makefile", "cmakelists.txt": "cmake", rakefile: "ruby", gemfile: "ruby", jenkinsfile: "groovy",
  ".bashrc": "shellscript", ".profile": "shellscript", ".gitignore": "ignore", ".kalacticaignore": "ignore",
};

const GRAMMAR_BY_LANGUAGE: Readonly<Record<string, GrammarName>> = {
  typescript: "typescript", typescriptreact: "tsx", javascript: "javascript", javascriptreact: "javascript",
  python: "python", go: "go", java: "java", rust: "rust", c: "cpp", cpp: "cpp", csharp: "c-sharp",
  ruby: "ruby", php: "php", css: "css", shellscript: "bash", powershell: "powershell",
};

/** The VS Code language id of a file, "plaintext" where the name tells nothing. */
export function languageOf(path: string): string {
  const base = path.slice(path.lastIndexOf("/") + 1).toLowerCase();
  const named = LANGUAGE_BY_NAME[base];
  if (named !== undefined) return named;
  const dot = base.lastIndexOf(".");
  return (dot >= 0 ? LANGUAGE_BY_EXTENSION[base.slice(dot + 1)] : undefined) ?? "plaintext";
}

/** How files of `language` are cut into chunks. */
export function chunkingMethodOf(language: string): ChunkingMethod {
  const grammar = GRAMMAR_BY_LANGUAGE[language];
  if (grammar !== undefined) return { by: "grammar", grammar };
  if (language === "markdown") return { by: "headings" };
  if (language === "jupyter") return { by: "cells" };
  return { by: "lines" };
}
