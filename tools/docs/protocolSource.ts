// Reads the wire protocol from its sources (src/engine/protocol) with TypeScript's parser: every message with its direction,
// parameters, result and documentation, every type, every reason for failure. Needs no types to be checked, writes nothing.
import { globSync, readFileSync } from "node:fs";
import path from "node:path";
import ts from "typescript";
import { repository } from "./sampleClone.ts";

export type Direction = "request" | "toEngine" | "toClient";

export interface Message {
  method: string;
  direction: Direction;
  /** Type of its parameters and, for requests, its result, as written. */
  params: string;
  result: string | null;
  documentation: string;
  /** Reasons for failure that its documentation names. */
  errors: string[];
}

export interface TypeMember {
  name: string;
  optional: boolean;
  type: string;
  documentation: string;
}

export interface ProtocolType {
  name: string;
  file: string;
  documentation: string;
  extends: string[];
  /** Of an interface; null for another type, which is `text`. */
  members: TypeMember[] | null;
  text: string;
}

export interface Reason {
  name: string;
  documentation: string;
}

export interface Protocol {
  version: number;
  messages: Message[];
  types: ProtocolType[];
  reasons: Reason[];
}

const FOLDER = "src/engine/protocol";
/** The tables of messages: what they hold becomes messages rather than types. */
const TABLES: readonly [RegExp, Direction][] = [[/Requests$/, "request"], [/^ClientNotifications$/, "toEngine"], [/Notifications$/, "toClient"]];
/** "Errors: `a`, `b` (why)." at the end of a message's documentation. */
const ERRORS = /\s*Errors: (.+)$/s;

export function readProtocol(): Protocol {
  const protocol: Protocol = { version: 0, messages: [], types: [], reasons: [] };
  for (const file of globSync(`${FOLDER}/*.ts`, { cwd: repository }).sort()) {
    const source = ts.createSourceFile(file, readFileSync(path.join(repository, file), "utf8"), ts.ScriptTarget.Latest, true);
    for (const statement of source.statements) readStatement(statement, source, path.basename(file), protocol);
  }
  protocol.messages.sort((a, b) => compare(a.method, b.method) || compare(a.direction, b.direction));
  protocol.types.sort((a, b) => compare(a.name, b.name));
  return protocol;
}

function readStatement(statement: ts.Statement, source: ts.SourceFile, file: string, protocol: Protocol): void {
  if (ts.isInterfaceDeclaration(statement)) {
    const name = statement.name.text;
    const direction = TABLES.find(([pattern]) => pattern.test(name))?.[1];
    if (direction) protocol.messages.push(...statement.members.filter(ts.isPropertySignature).map((member) => messageOf(member, direction, source)));
    else protocol.types.push({ ...described(statement, file), extends: (statement.heritageClauses ?? []).flatMap((clause) => clause.types.map((type) => type.getText(source))), members: membersOf(statement.members, source), text: "" });
  } else if (ts.isTypeAliasDeclaration(statement) && statement.name.text === "ErrorReason" && ts.isUnionTypeNode(statement.type)) {
    protocol.reasons = reasonsOf(statement.getText(source));
  } else if (ts.isTypeAliasDeclaration(statement)) {
    const { type } = statement;
    protocol.types.push({ ...described(statement, file), extends: [], members: ts.isTypeLiteralNode(type) ? membersOf(type.members, source) : null, text: typeText(type, source) });
  } else if (ts.isVariableStatement(statement)) {
    const [declaration] = statement.declarationList.declarations;
    if (declaration?.name.getText(source) === "PROTOCOL_VERSION") protocol.version = Number(declaration.initializer?.getText(source));
  }
}

function described(node: ts.InterfaceDeclaration | ts.TypeAliasDeclaration, file: string): { name: string; file: string; documentation: string } {
  return { name: node.name.text, file, documentation: documentationOf(node) };
}

function messageOf(member: ts.PropertySignature, direction: Direction, source: ts.SourceFile): Message {
  const type = member.type!;
  const method = (member.name as ts.StringLiteral).text;
  const whole = documentationOf(member);
  const named = ERRORS.exec(whole)?.[1] ?? "";
  const base = { method, direction, documentation: whole.replace(ERRORS, ""), errors: [...named.matchAll(/`(\w+)`/g)].map((match) => match[1]!) };
  if (direction !== "request") return { ...base, params: typeText(type, source), result: null };
  const part = (name: string): string => {
    const found = ts.isTypeLiteralNode(type) ? type.members.find((one) => one.name?.getText(source) === name) : undefined;
    if (!found || !ts.isPropertySignature(found) || !found.type) throw new Error(`${method} has no "${name}" in ${source.fileName}`);
    return typeText(found.type, source);
  };
  return { ...base, params: part("params"), result: part("result") };
}

function membersOf(members: ts.NodeArray<ts.TypeElement>, source: ts.SourceFile): TypeMember[] {
  return members.filter(ts.isPropertySignature).map((member) => ({
    name: member.name.getText(source), optional: member.questionToken !== undefined, type: member.type ? typeText(member.type, source) : "unknown", documentation: documentationOf(member),
  }));
}

/** A type on one line, its comments gone. */
function typeText(node: ts.TypeNode, source: ts.SourceFile): string {
  return node.getText(source).replaceAll(/\/\*\*.*?\*\/|\/\/[^\n]*/gs, "").replaceAll(/\s+/g, " ").replace(/^\| /, "").trim();
}

function documentationOf(node: ts.Node): string {
  const [comment] = ts.getJSDocCommentsAndTags(node).filter(ts.isJSDoc).slice(-1);
  return (ts.getTextOfJSDocComment(comment?.comment) ?? "").replaceAll(/\s+/g, " ").trim();
}

/** The members of the union, each with the comment behind it. */
function reasonsOf(text: string): Reason[] {
  return [...text.matchAll(/\| "(\w+)"[^\S\n]*(?:\/\/ ([^\n]+))?/g)].map((match) => ({ name: match[1]!, documentation: match[2] ?? "" }));
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
