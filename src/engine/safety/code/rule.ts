// What a rule about insecure code is: a weakness by its CWE number, where it is looked for, and what to do instead.
import type { GrammarName } from "../../base/grammars.ts";
import type { SyntaxNode } from "../../base/syntaxTree.ts";
import type { CallSite, CodeFacts } from "./codeFacts.ts";
import type { Flow } from "./flow.ts";

/** "likely": a reviewer would ask for a change. "possible": depends on what it is used for, which one function does not tell. */
export type Confidence = "likely" | "possible";

export interface Weakness {
  /** As in "CWE-89". */
  cwe: string;
  /** What is wrong, as a sentence without its full stop. */
  what: string;
  /** What to do instead, as an imperative sentence without its full stop. */
  fix: string;
}

export interface CodeContext {
  readonly facts: CodeFacts;
  readonly flow: Flow;
  /** Source text of a node. */
  readonly text: (node: SyntaxNode) => string;
}

/** A weakness of some calls. */
export interface CallRule extends Weakness {
  grammars: readonly GrammarName[];
  callee: RegExp;
  /** Null: not this call. Default: likely. */
  when?: (call: CallSite, context: CodeContext) => Confidence | null;
}

/** A weakness that is no call. Calls `report` for each place. */
export interface TreeRule extends Weakness {
  grammars: readonly GrammarName[];
  find: (context: CodeContext, report: (node: SyntaxNode, confidence: Confidence) => void) => void;
}

export const SCRIPT: readonly GrammarName[] = ["javascript", "typescript", "tsx"];
export const ALL: readonly GrammarName[] = ["python", "javascript", "typescript", "tsx", "go", "java", "cpp", "c-sharp", "php", "rust"];

/** Words that make a value one that secures something. */
export const SECURES = /pass(?:word|wd|phrase|code)?|pwd|secret|token|salt|nonce|csrf|session|auth|credential|signature|\bsign|api_?key|otp|\biv\b|cipher|encrypt|license|reset|invite|coupon|captcha|verification|security|\bsecure|access_?key|private_?key|\bkey\b/i;

/** The statement around `node`, cut to a few hundred characters: where names tell what a value is for. */
export function around(context: CodeContext, node: SyntaxNode): string {
  let at = node;
  while (at.parent && !/statement|declaration|declarator|assignment|^block$|definition|^pair$|program|module|source_file|compilation_unit|translation_unit/.test(at.type)) at = at.parent;
  if (at.end - at.start > 400) return context.facts.tree.text.slice(Math.max(0, node.start - 120), node.end + 120);
  let name = "";
  for (let up: SyntaxNode | null = at; up; up = up.parent) {
    const named = up.children.find((child) => child.field === "name");
    if (named && /function|method/.test(up.type)) {
      name = context.text(named);
      break;
    }
  }
  return `${name.replace(/([a-z])([A-Z])/g, "$1 $2").replace(/_/g, " ")} ${context.text(at).replace(/([a-z])([A-Z])/g, "$1 $2").replace(/_/g, " ")}`;
}
