// Reads the symbol table of one parsed file: what it defines, with signature and documentation, and which names it uses.
// It knows grammars only through syntax.ts, and it never resolves names across files.
import type { Node, Tree } from "web-tree-sitter";
import type { GrammarName } from "../../base/grammars.ts";
import { pause } from "../../base/pause.ts";
import { commentText, readComments } from "./comments.ts";
import type { Comments } from "./comments.ts";
import type { ParsedSymbol } from "./parsedFile.ts";
import { SYNTAX } from "./syntax.ts";
import type { Syntax, SymbolKind } from "./syntax.ts";

/** Longest signature kept, in characters; more is cut with an ellipsis. */
const SIGNATURE_CHARACTERS = 400;
/** Longest documentation kept, in characters. */
const DOCUMENTATION_CHARACTERS = 2_000;

/** A definition with the 0-based lines that it covers, documentation and decorators included. */
export interface Definition extends ParsedSymbol {
  /** 0-based first line of the documentation comment or decorator before it. */
  outerStart: number;
  /** 0-based last line. */
  outerEnd: number;
}

export interface FileStructure {
  definitions: Definition[];
  usages: Map<string, number[]>;
  comments: Comments;
}

/** Reads everything in document order, a top-level statement at a time, giving the event loop back in between. */
export async function readStructure(tree: Tree, grammar: GrammarName, text: string, lines: readonly string[]): Promise<FileStructure> {
  const syntax = SYNTAX[grammar];
  const definitionTypes = Object.keys(syntax.definitions);
  const found: { node: Node; kind: SymbolKind }[] = [];
  const identifiers: { name: string; row: number; index: number }[] = [];
  const commentNodes: Node[] = [];
  let started = performance.now();
  for (const child of tree.rootNode.children) {
    for (const node of child.descendantsOfType(definitionTypes)) found.push({ node, kind: syntax.definitions[node.type] as SymbolKind });
    commentNodes.push(...child.descendantsOfType(syntax.comments as string[]));
    for (const node of child.descendantsOfType(syntax.identifiers as string[])) {
      const index = node.startIndex;
      identifiers.push({ name: text.slice(index, node.endIndex), row: node.startPosition.row, index });
    }
    started = await pause(started);
  }
  const comments = readComments(commentNodes, text, lines);
  const definitions: Definition[] = [];
  const nameIndexes = new Set<number>();
  const open: { definition: Definition; endIndex: number; local: boolean }[] = [];
  const exportedNames = syntax.exported === "exportKeyword" ? namesInExportClauses(tree.rootNode) : new Set<string>();
  for (const { node, kind } of found) {
    while (open.length > 0 && (open[open.length - 1] as { endIndex: number }).endIndex <= node.startIndex) open.pop();
    const nameNode = nameOf(node, grammar);
    if (!nameNode) continue;
    const name = text.slice(nameNode.startIndex, nameNode.endIndex);
    if (name === "" || name.length > 200 || name.includes("\n")) continue;
    const parent = open[open.length - 1];
    const body = bodyOf(node, grammar);
    const refined = refineKind(node, kind, grammar, parent?.definition.kind, body, name);
    if (refined === null || ((refined === "variable" || refined === "constant") && (parent?.local || isInCallback(node)))) continue;
    const outer = outermost(node, syntax);
    const startRow = node.startPosition.row;
    const outerRow = firstDecoratedRow(outer.startPosition.row, lines);
    const documented = comments.endingAbove(outerRow);
    const docstring = grammar === "python" && body ? docstringOf(body, text) : "";
    const definition: Definition = {
      name, kind: refined,
      startLine: startRow + 1, endLine: lastRow(node) + 1,
      container: open.map((entry) => entry.definition.name),
      signature: signatureOf(outer, node, body, text),
      documentation: (docstring || documented.text).slice(0, DOCUMENTATION_CHARACTERS),
      exported: (parent === undefined || !parent.local) && isExported(syntax, node, outer, name, text, exportedNames, parent?.definition),
      outerStart: documented.startRow, outerEnd: lastRow(outer),
    };
    // An impl block or a reopened namespace is a container, not something to be found by name.
    definitions.push(definition);
    nameIndexes.add(nameNode.startIndex);
    open.push({ definition, endIndex: node.endIndex, local: parent?.local === true || refined === "function" || refined === "method" });
    started = await pause(started);
  }
  return { definitions, usages: usagesOf(identifiers, nameIndexes), comments };
}

function usagesOf(identifiers: readonly { name: string; row: number; index: number }[], nameIndexes: ReadonlySet<number>): Map<string, number[]> {
  const usages = new Map<string, number[]>();
  for (const { name, row, index } of identifiers) {
    if (name.length < 2 || name.length > 100 || nameIndexes.has(index)) continue;
    const lines = usages.get(name);
    if (!lines) usages.set(name, [row + 1]);
    else if (lines[lines.length - 1] !== row + 1) lines.push(row + 1);
  }
  // Nested matches of several node types at one place arrive out of order in some grammars.
  for (const [name, lines] of usages) usages.set(name, [...new Set(lines)].sort((a, b) => a - b));
  return usages;
}

/** The node that carries the name of definition `node`, or null where it has none (anonymous, destructured). */
function nameOf(node: Node, grammar: GrammarName): Node | null {
  if (grammar === "python" && node.type === "assignment") return plainIdentifier(node.childForFieldName("left"));
  if (grammar === "python" && node.type === "type_alias_statement") return plainIdentifier(node.childForFieldName("left")?.firstNamedChild ?? null);
  if (grammar === "ruby" && node.type === "assignment") {
    const left = node.childForFieldName("left");
    return left?.type === "constant" ? left : null;
  }
  if (node.type === "impl_item") return node.childForFieldName("type");
  if (node.type === "field_definition") return node.childForFieldName("property");
  if (grammar === "java" && node.type === "field_declaration") return node.childForFieldName("declarator")?.childForFieldName("name") ?? null;
  if (grammar === "php" && node.type === "const_element") return node.firstNamedChild;
  if (grammar === "cpp" && node.childForFieldName("name") === null) return declaredName(node.childForFieldName("declarator"));
  if (grammar === "powershell") return node.namedChildren.find((child) => child.type === "function_name" || child.type === "simple_name") ?? null;
  if (node.type === "keyframes_statement") return node.namedChildren.find((child) => child.type === "keyframes_name") ?? null;
  const name = node.childForFieldName("name");
  return name && /pattern$/.test(name.type) ? null : name;
}

function plainIdentifier(node: Node | null): Node | null {
  return node?.type === "identifier" ? node : null;
}

/** Follows C declarators (pointers, arrays, functions, qualified names) down to the identifier. */
function declaredName(node: Node | null): Node | null {
  for (let depth = 0; node && depth < 12; depth++) {
    if (/identifier$|^operator_name$|^destructor_name$/.test(node.type) && node.type !== "qualified_identifier") return node;
    node = node.childForFieldName("declarator") ?? node.childForFieldName("name") ?? (node.type === "reference_declarator" || node.type === "parenthesized_declarator" ? node.lastNamedChild : null);
  }
  return null;
}

/** The block that a signature leaves out. */
function bodyOf(node: Node, grammar: GrammarName): Node | null {
  const body = node.childForFieldName("body");
  if (body) return body;
  const value = node.childForFieldName("value");
  if (value) return value.childForFieldName("body") ?? (grammar === "javascript" || grammar === "typescript" || grammar === "tsx" ? longValue(value) : null);
  if (grammar === "go" && node.type === "type_spec") {
    const type = node.childForFieldName("type");
    return type && type.endPosition.row > type.startPosition.row ? type.namedChildren.find((child) => child.type === "field_declaration_list") ?? null : null;
  }
  if (grammar === "powershell") return node.namedChildren.find((child) => child.type === "script_block") ?? null;
  return null;
}

/** Objects and arrays over several lines are bodies too: their signature is what stands before them. */
function longValue(value: Node): Node | null {
  return value.endPosition.row - value.startPosition.row > 2 ? value : null;
}

function refineKind(node: Node, kind: SymbolKind, grammar: GrammarName, parentKind: string | undefined, body: Node | null, name: string): SymbolKind | null {
  if (node.type === "variable_declarator" && (grammar === "javascript" || grammar === "typescript" || grammar === "tsx")) {
    const value = node.childForFieldName("value");
    if (value && /^(arrow_function|function_expression|generator_function|function)$/.test(value.type)) return "function";
    if (value?.type === "class") return "class";
    return node.parent?.type === "lexical_declaration" && node.parent.firstChild?.type === "const" ? "constant" : "variable";
  }
  if (node.type === "public_field_definition" || node.type === "field_definition") {
    return body && node.childForFieldName("value")?.type === "arrow_function" ? "method" : kind;
  }
  if (grammar === "python") {
    if (node.type === "function_definition" && parentKind === "class") return "method";
    if (node.type === "assignment") return /^[A-Z][A-Z0-9_]*$/.test(name) ? "constant" : "variable";
  }
  if ((grammar === "rust" || grammar === "cpp") && kind === "function" && (parentKind === "module" || parentKind === "class" || parentKind === "interface")) {
    return grammar === "cpp" && parentKind === "module" ? "function" : "method";
  }
  if (grammar === "cpp" && (node.type === "declaration" || node.type === "field_declaration")) {
    const declarator = node.childForFieldName("declarator");
    if (declarator && /function_declarator/.test(declarator.type)) return parentKind === "class" ? "method" : "function";
  }
  // A struct named where it is only used ("struct stat st;") defines nothing.
  if (grammar === "cpp" && /_specifier$/.test(node.type) && !body) return null;
  if (grammar === "go" && node.type === "type_spec") {
    const type = node.childForFieldName("type")?.type;
    return type === "interface_type" ? "interface" : type === "struct_type" ? "class" : "type";
  }
  return kind;
}

/** Variables of functions without a name (callbacks of tests, for example) are as local as those of named ones. */
function isInCallback(node: Node): boolean {
  if (node.type !== "variable_declarator") return false;
  for (let parent = node.parent; parent; parent = parent.parent) if (/^(arrow_function|function_expression|function)$/.test(parent.type)) return true;
  return false;
}

/** The outermost wrapper that holds only this definition: where its decorators and documentation stand before. */
function outermost(node: Node, syntax: Syntax): Node {
  let outer = node;
  for (let parent = node.parent; parent && syntax.wrappers.includes(parent.type); parent = parent.parent) {
    if (parent.startPosition.row < outer.startPosition.row && parent.namedChildCount > 1 && /^(type|const|var|lexical|variable|field)_declaration$/.test(parent.type)) break;
    outer = parent;
  }
  return outer;
}

/** Attributes and decorators that the grammar keeps beside the definition (Rust, and annotations on their own line). */
function firstDecoratedRow(row: number, lines: readonly string[]): number {
  while (row > 0 && /^\s*(#\[|@[\w.]+(\(.*\))?\s*$)/.test(lines[row - 1] as string)) row--;
  return row;
}

/** A node that ends with a newline ends, for a reader, on the line before. */
function lastRow(node: Node): number {
  const end = node.endPosition;
  return end.column === 0 && end.row > node.startPosition.row ? end.row - 1 : end.row;
}

function signatureOf(outer: Node, node: Node, body: Node | null, text: string): string {
  // From the wrapper on the same line ("export const f = …"), else from the definition: decorators are left out.
  const from = outer.startPosition.row === node.startPosition.row ? outer.startIndex : node.startIndex;
  const to = body && body.startIndex > from ? body.startIndex : Math.min(node.endIndex, from + SIGNATURE_CHARACTERS + 1);
  const raw = text.slice(from, to).replace(/\s+/g, " ").trim().replace(/\s*(\{|=>|=)$/, "").replace(/,\s*\)/g, ")").replace(/\(\s+/g, "(");
  return raw.length > SIGNATURE_CHARACTERS ? `${raw.slice(0, SIGNATURE_CHARACTERS - 1)}…` : raw;
}

function docstringOf(body: Node, text: string): string {
  const first = body.firstNamedChild;
  const literal = first?.type === "expression_statement" ? first.firstNamedChild : first;
  if (literal?.type !== "string") return "";
  return commentText(text.slice(literal.startIndex, literal.endIndex).replace(/^[rRbBuUfF]*("""|'''|"|')/, "").replace(/("""|'''|"|')$/, ""));
}

function namesInExportClauses(root: Node): Set<string> {
  const names = new Set<string>();
  for (const child of root.children) {
    if (child.type !== "export_statement") continue;
    for (const specifier of child.descendantsOfType(["export_specifier", "identifier"])) names.add(specifier.childForFieldName("name")?.text ?? specifier.text);
    if (names.size > 5_000) break;
  }
  return names;
}

function isExported(syntax: Syntax, node: Node, outer: Node, name: string, text: string, exportedNames: ReadonlySet<string>, parent: Definition | undefined): boolean {
  switch (syntax.exported) {
    case "exportKeyword":
      if (parent) return parent.exported && !name.startsWith("#") && !/^\s*private\b/.test(text.slice(node.startIndex, node.startIndex + 12));
      return outer.type === "export_statement" || exportedNames.has(name);
    case "noUnderscore":
      return !name.startsWith("_") || /^__\w+__$/.test(name);
    case "upperCase":
      return /^\p{Lu}/u.test(name);
    case "publicModifier":
      return /\bpublic\b/.test(text.slice(node.startIndex, node.childForFieldName("name")?.startIndex ?? node.startIndex + 40)) || parent?.kind === "interface";
    case "pubKeyword":
      return node.namedChildren.some((child) => child.type === "visibility_modifier") || node.type === "impl_item" || parent?.kind === "interface";
    case "notPrivate":
      return !/^\s*(?:\w+\s+)*(private|protected)\b/.test(text.slice(node.startIndex, node.startIndex + 40));
    case "always":
      return true;
  }
}
