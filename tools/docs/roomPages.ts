// Writes what the rooms of the engine export, with signatures and documentation, one page a room: for those who change the engine.
// Too much to keep (hundreds of names that change daily), so it goes to out/api on demand.
import { globSync, readFileSync } from "node:fs";
import path from "node:path";
import ts from "typescript";
import { repository } from "./sampleClone.ts";

/** Page by room ("retrieval"), of everything that the room's files export; `only` names one room. */
export function roomPages(only = "*"): Map<string, string> {
  const files = globSync(`src/engine/${only}/**/*.ts`, { cwd: repository }).map((file) => file.replaceAll(path.sep, "/")).filter((file) => !file.startsWith("src/engine/protocol/")).sort();
  const rooms = new Map<string, string[]>();
  for (const file of files) {
    const room = file.split("/")[2]!;
    const lines = rooms.get(room) ?? [`# ${room}`, ""];
    rooms.set(room, lines);
    const text = readFileSync(path.join(repository, file), "utf8");
    const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true);
    const exported = source.statements.filter((statement) => ts.canHaveModifiers(statement) && ts.getModifiers(statement)?.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword));
    if (exported.length === 0) continue;
    lines.push(`## ${file.slice("src/engine/".length)}`, "", ...openingComment(text), ...exported.flatMap((statement) => [...documentation(statement), "```ts", ...declaration(statement, source), "```", ""]));
  }
  return new Map([...rooms].map(([room, lines]) => [room, `${lines.join("\n")}\n`]));
}

function openingComment(text: string): string[] {
  const lines = text.split("\n");
  const end = lines.findIndex((line) => !line.startsWith("//"));
  return end <= 0 ? [] : [lines.slice(0, end).map((line) => line.replace(/^\/\/ ?/, "")).join(" "), ""];
}

function documentation(node: ts.Node): string[] {
  const [comment] = ts.getJSDocCommentsAndTags(node).filter(ts.isJSDoc).slice(-1);
  const text = ts.getTextOfJSDocComment(comment?.comment);
  return text ? [text, ""] : [];
}

/** The declaration without the bodies of functions and methods, and without private members. */
function declaration(node: ts.Statement, source: ts.SourceFile): string[] {
  if (ts.isFunctionDeclaration(node)) return [signature(node, source)];
  if (ts.isClassDeclaration(node)) {
    const shown = node.members.filter((member) => member.name?.kind !== ts.SyntaxKind.PrivateIdentifier && !(ts.canHaveModifiers(member) && ts.getModifiers(member)?.some(({ kind }) => kind === ts.SyntaxKind.PrivateKeyword)));
    return [`class ${node.name?.text ?? ""} {`, ...shown.flatMap((member) => [...documentation(member).filter((line) => line !== "").map((line) => `  /** ${line.replaceAll("\n", " ")} */`), `  ${signature(member, source)}`]), "}"];
  }
  if (ts.isVariableStatement(node)) return node.declarationList.declarations.map((one) => `const ${one.name.getText(source)}${one.type ? `: ${one.type.getText(source)}` : ""}`);
  return node.getText(source).split("\n");
}

function signature(node: ts.Node, source: ts.SourceFile): string {
  const body = (node as ts.FunctionDeclaration).body ?? (node as ts.PropertyDeclaration).initializer;
  const text = body ? source.text.slice(node.getStart(source), body.getStart(source)) : node.getText(source);
  return text.replace(/\s*=?\s*$/, "").replaceAll(/\s+/g, " ").replace(/;?$/, ";");
}
