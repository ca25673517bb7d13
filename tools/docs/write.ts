// `npm run docs`: writes the pages under docs/api from the sources, and puts what the shown commands really print into the `console`
// blocks of the documents. With --rooms, also out/api: what each room of the engine exports.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { parseArgs } from "node:util";
import { commandsOf, printsAsShown } from "./commandLines.ts";
import { allDocuments } from "./documents.ts";
import { generatedPages } from "./pages.ts";
import { roomPages } from "./roomPages.ts";
import { repository, SampleClone } from "./sampleClone.ts";

const { values } = parseArgs({ options: { rooms: { type: "boolean", default: false } } });

for (const [file, text] of generatedPages()) write(file, text);
await writeOutputs();
if (values.rooms) for (const [room, text] of roomPages()) write(`out/api/${room}.md`, text);
// The engine's libraries may keep handles open after it was closed.
process.exit();

function write(file: string, text: string): void {
  const target = path.join(repository, file);
  mkdirSync(path.dirname(target), { recursive: true });
  let before: string | undefined;
  try {
    before = readFileSync(target, "utf8");
  } catch {
    before = undefined;
  }
  if (before === text) return;
  writeFileSync(target, text);
  console.log(file);
}

/** Runs every document's commands in their order and replaces the outputs; a last line of "…" keeps its place. */
async function writeOutputs(): Promise<void> {
  const template = await SampleClone.open();
  try {
    for (const document of allDocuments()) {
      const blocks = document.blocks.filter((block) => block.note?.startsWith("not run:") !== true && (block.language === "sh" || block.language === "console"));
      if (!blocks.some(({ language }) => language === "console")) continue;
      const clone = await SampleClone.open(template);
      const lines = document.text.split("\n");
      const edits: { from: number; to: number; with: string[] }[] = [];
      try {
        for (const block of blocks) {
          for (const shown of commandsOf(block)) {
            if (["npm", "node24", "node", "git", "code"].includes(shown.commands[0]!.words[0]!)) continue;
            const { output } = shown;
            const end = await clone.runFor(shown.commands, ({ text }) => output === null || printsAsShown(text, output));
            // What differs in times and sizes only stays as it is: a document should not change because a machine was busy.
            if (!output || !shown.outputLines || printsAsShown(end.text, output)) continue;
            const printed = end.text.trimEnd().split("\n");
            const cut = output.lastIndexOf("…");
            const now = cut >= 0 ? [...printed.slice(0, cut), "…"] : printed;
            const at = block.line - 1;
            edits.push({ from: at + shown.outputLines.from, to: at + shown.outputLines.to, with: now });
          }
        }
      } finally {
        clone.close();
      }
      for (const edit of edits.reverse()) lines.splice(edit.from, edit.to - edit.from, ...edit.with);
      write(document.path, lines.join("\n"));
    }
  } finally {
    template.close();
  }
}
