// The highlighter's name for a file's language, by its ending. Only for previews; the engine knows languages better.
const BY_ENDING: Record<string, string> = {
  ts: "typescript", tsx: "typescript", mts: "typescript", cts: "typescript", js: "javascript", jsx: "javascript", mjs: "javascript", cjs: "javascript",
  py: "python", pyi: "python", ipynb: "json", rs: "rust", go: "go", java: "java", kt: "kotlin", kts: "kotlin", swift: "swift", rb: "ruby", php: "php",
  c: "c", h: "c", cc: "cpp", cpp: "cpp", cxx: "cpp", hpp: "cpp", cs: "csharp", sh: "bash", bash: "bash", zsh: "bash", ps1: "powershell", lua: "lua",
  json: "json", jsonc: "json", yml: "yaml", yaml: "yaml", toml: "ini", ini: "ini", md: "markdown", html: "xml", xml: "xml", vue: "xml", svelte: "xml",
  css: "css", scss: "css", less: "css", sql: "sql", diff: "diff", patch: "diff",
};

export function languageOfPath(path: string): string {
  return BY_ENDING[path.split(".").at(-1)?.toLowerCase() ?? ""] ?? "plaintext";
}
