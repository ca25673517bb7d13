// What the documents show is true today: every `kalactica` command in them is run on the sample workspace, and what a document says
// it prints is compared with what it prints. Commands that need more (network, minutes, a folder of one's own) are marked in the
// Markdown with the reason, and are read as the command line would read them. Links are test/unit/docs/links.test.ts's business.
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { commandsOf, kalacticaArguments, parseLine, printsAsShown } from "../../tools/docs/commandLines.ts";
import type { ShownCommand, SimpleCommand } from "../../tools/docs/commandLines.ts";
import { allDocuments } from "../../tools/docs/documents.ts";
import { problemWithArguments, repository, SampleClone } from "../../tools/docs/sampleClone.ts";

/** `<!-- not run: why -->` before a block; `<!-- exit 1: why -->` where the shown command is to fail. */
const NOT_RUN = /^not run: \S.{10,}$/s;
const EXIT = /^exit ([12])\b/;

const documents = allDocuments();
const scripts = (JSON.parse(readFileSync(path.join(repository, "package.json"), "utf8")) as { scripts: Record<string, string> }).scripts;

describe("the commands in the documents", function () {
  this.timeout(120_000);
  let template: SampleClone;
  const count = { run: 0, read: 0 };
  before(async () => {
    template = await SampleClone.open();
  });
  after(() => {
    template.close();
    console.log(`      ${count.run} commands run, ${count.read} read only`);
  });

  for (const document of documents) {
    const blocks = document.blocks.filter((block) => block.language === "sh" || block.language === "console");
    if (blocks.length === 0) continue;
    it(document.path, async () => {
      let clone: SampleClone | undefined;
      try {
        for (const block of blocks) {
          const shown = commandsOf(block);
          if (block.note !== null && NOT_RUN.test(block.note)) {
            for (const { commands } of shown) for (const command of commands) count.read += checkUnrun(command, document.path);
            continue;
          }
          for (const one of shown) {
            if (one.commands.every((command) => isOfTheProject(command))) {
              for (const command of one.commands) count.read += checkUnrun(command, document.path);
              continue;
            }
            clone ??= await SampleClone.open(template);
            await runShown(clone, one, document.path, Number(EXIT.exec(block.note ?? "")?.[1] ?? 0));
            count.run += one.commands.filter((command) => kalacticaArguments(command) !== null).length;
          }
        }
      } finally {
        clone?.close();
      }
    });
  }

  it("and those within sentences and tables are ones that the command line knows", () => {
    const wrong: string[] = [];
    for (const document of documents) {
      for (const { text, line } of document.code) {
        if (!/^(?:npx )?kalactica [a-z]/.test(text) || /[…|[\]]/.test(text)) continue;
        for (const command of parseLine(text.replaceAll("*", "ALL"), line)) {
          const args = kalacticaArguments(command);
          const problem = args === null ? null : problemWithArguments(args);
          count.read++;
          if (problem !== null) wrong.push(`${document.path}:${line}: \`${text}\`: ${problem}`);
        }
      }
    }
    assert.deepEqual(wrong, []);
  });
});

async function runShown(clone: SampleClone, shown: ShownCommand, file: string, exitCode: number): Promise<void> {
  const { output } = shown;
  const end = await clone.runFor(shown.commands, ({ text }) => output === null || printsAsShown(text, output));
  const where = `${file}:${shown.line}: ${shown.text}`;
  assert.equal(end.exitCode, exitCode, `${where}\n${end.text}`);
  if (output !== null && !printsAsShown(end.text, output)) assert.equal(end.text, output.join("\n"), `${where}\nprints something else than the document shows; \`npm run docs\` writes it anew`);
}

/** Programs of the project's own that set it up, test or measure it: never run from within a test. */
function isOfTheProject({ words }: SimpleCommand): boolean {
  return ["npm", "node24", "git", "code"].includes(words[0] ?? "") || (words[0] === "node" && words[1] === "tools/node24.mjs");
}

/** What can be said of a command without running it: it exists and takes these arguments. Gives 1, for counting. */
function checkUnrun(command: SimpleCommand, file: string): number {
  const where = `${file}:${command.line}: ${command.words.join(" ")}`;
  const [program, first, second] = command.words;
  const args = kalacticaArguments(command);
  if (args !== null) assert.equal(problemWithArguments(args), null, where);
  const script = program === "npm" ? (first === "run" ? second : ["start", "test"].includes(first ?? "") ? first : undefined) : undefined;
  if (script !== undefined) assert.ok(script in scripts, `${where}: package.json has no script "${script}"`);
  if (program === "npm" && script === undefined) assert.match(first ?? "", /^(?:ci|install|link|pack)$/, where);
  const source = program === "node24" ? first : program === "node" ? second : undefined;
  if (source !== undefined) assert.ok(existsSync(path.join(repository, source)), `${where}: there is no ${source}`);
  return 1;
}
