// What the check of drift sees with: grammars for structure, the embedder for meaning. Joins retrieval's functions to the safety room's; judges nothing.
import type { Embedder } from "../retrieval/embedder.ts";
import { withTree } from "../base/grammars.ts";
import { chunkingMethodOf } from "../retrieval/chunking/languages.ts";
import type { DriftSenses, Structure } from "../safety/drift/driftModel.ts";
import type { Tree } from "web-tree-sitter";

/** Nodes read of one text: a snippet has a few hundred, a large file tens of thousands. */
const MOST_NODES = 60_000;

/** Senses over `embedder` (null: none). */
export function driftSenses(embedder: Embedder | null): DriftSenses {
  return {
    structureOf: (text, language) => structureOf(text, language),
    embed: embedder && ((texts) => embedder.embed(texts, "passage")),
  };
}

/** Null where no grammar reads `language` or the text took too long. */
export async function structureOf(text: string, language: string, signal?: AbortSignal): Promise<Structure | null> {
  const method = chunkingMethodOf(language);
  if (method.by !== "grammar") return null;
  return withTree(method.grammar, text, signal, (tree) => Promise.resolve(readStructure(tree)));
}

/** Each named node with its parent and its sibling before it, in document order: what stands in what, and after what. */
function readStructure(tree: Tree): Structure {
  const transitions: string[] = [];
  let nodes = 0;
  const cursor = tree.walk();
  const parents: string[] = [];
  let before = "^";
  for (let done = false; !done && nodes < MOST_NODES;) {
    nodes++;
    const type = cursor.nodeType;
    if (cursor.nodeIsNamed) {
      transitions.push(`${parents.at(-1) ?? "^"}>${before}>${type}`);
    }
    if (cursor.gotoFirstChild()) {
      parents.push(type);
      before = "^";
      continue;
    }
    if (cursor.nodeIsNamed) before = type;
    while (!cursor.gotoNextSibling()) {
      if (!cursor.gotoParent()) {
        done = true;
        break;
      }
      before = parents.pop() ?? "^";
    }
  }
  cursor.delete();
  return transitions;
}

/** Languages that one project writes side by side in one style are judged by one model. */
export function driftLanguage(language: string): string {
  return ["typescript", "typescriptreact", "javascript", "javascriptreact"].includes(language) ? "typescript" : language === "c" ? "cpp" : language;
}
