// Which documents the project has. Those that are generated (docs/api) are among them: their links count too.
import { globSync, readFileSync } from "node:fs";
import path from "node:path";
import { readDocument } from "./markdown.ts";
import type { Document } from "./markdown.ts";
import { repository } from "./sampleClone.ts";

export interface NamedDocument extends Document {
  /** Relative to the repository, with forward slashes. */
  path: string;
  text: string;
}

export function allDocuments(): NamedDocument[] {
  const files = [...globSync("*.md", { cwd: repository }), ...globSync("docs/**/*.md", { cwd: repository }), ...globSync("tools/*/README.md", { cwd: repository }), ...globSync("media/models/*.md", { cwd: repository })];
  return files.map((file) => file.replaceAll(path.sep, "/")).sort().map((file) => {
    const text = readFileSync(path.join(repository, file), "utf8");
    return { path: file, text, ...readDocument(text) };
  });
}
