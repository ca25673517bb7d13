// Highlights code of the languages that people ask about most. Colours are the theme's and stand in code.css.
import hljs from "highlight.js/lib/core";
import bash from "highlight.js/lib/languages/bash";
import c from "highlight.js/lib/languages/c";
import cpp from "highlight.js/lib/languages/cpp";
import csharp from "highlight.js/lib/languages/csharp";
import css from "highlight.js/lib/languages/css";
import diff from "highlight.js/lib/languages/diff";
import go from "highlight.js/lib/languages/go";
import ini from "highlight.js/lib/languages/ini";
import java from "highlight.js/lib/languages/java";
import javascript from "highlight.js/lib/languages/javascript";
import json from "highlight.js/lib/languages/json";
import kotlin from "highlight.js/lib/languages/kotlin";
import lua from "highlight.js/lib/languages/lua";
import markdown from "highlight.js/lib/languages/markdown";
import php from "highlight.js/lib/languages/php";
import powershell from "highlight.js/lib/languages/powershell";
import python from "highlight.js/lib/languages/python";
import ruby from "highlight.js/lib/languages/ruby";
import rust from "highlight.js/lib/languages/rust";
import sql from "highlight.js/lib/languages/sql";
import swift from "highlight.js/lib/languages/swift";
import typescript from "highlight.js/lib/languages/typescript";
import xml from "highlight.js/lib/languages/xml";
import yaml from "highlight.js/lib/languages/yaml";
import { remember } from "./remember.ts";

const LANGUAGES = {
  bash, c, cpp, csharp, css, diff, go, ini, java, javascript, json, kotlin, lua, markdown, php, powershell,
  python, ruby, rust, sql, swift, typescript, xml, yaml,
};
for (const [name, definition] of Object.entries(LANGUAGES)) hljs.registerLanguage(name, definition);

/** VS Code's language ids that highlight.js knows by another name. */
const ALIASES: Record<string, string> = {
  typescriptreact: "typescript", javascriptreact: "javascript", shellscript: "bash", jsonc: "json", json5: "json", vue: "xml", svelte: "xml",
  dockerfile: "bash", toml: "ini", scss: "css", less: "css", "objective-c": "c", zig: "rust",
};

/** Beyond this many characters highlighting costs more than it helps, and the code is shown plain. */
const MAX_HIGHLIGHTED_CHARACTERS = 20_000;

/** HTML of `code` with `hljs-*` spans; plain escaped text for an unknown language. */
export function highlight(code: string, language: string): string {
  const id = language.toLowerCase();
  const name = ALIASES[id] ?? id;
  if (code.length > MAX_HIGHLIGHTED_CHARACTERS || !hljs.getLanguage(name)) return escapeHtml(code);
  return highlighted(`${name}\n${code}`);
}

const highlighted = remember(200, (key) => {
  const end = key.indexOf("\n");
  return hljs.highlight(key.slice(end + 1), { language: key.slice(0, end), ignoreIllegals: true }).value;
});

export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
