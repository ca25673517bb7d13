// Asks a file of questions about a workspace and scores the grounded cards: is the right file cited, does every citation hold.
// Usage: node test/bench/answers.ts WORKSPACE QUESTIONS.jsonl [--show]; a line is {"question", "files": [paths], "line"?: text, "supported"?: false}.
// Counts as right: a gold file among the first three files cited (of any number that `files` names); for `"supported": false`, a card that says so.
// It measures what the engine does without a model; prose is not scored here.
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { SILENT_LOG } from "../../src/engine/base/log.ts";
import { PRIORITY, Scheduler } from "../../src/engine/base/scheduler.ts";
import type { AskResult } from "../../src/engine/protocol/types.ts";
import { openEmbedder } from "../../src/engine/retrieval/embedder/embeddedEmbedder.ts";
import { WorkspaceIndex } from "../../src/engine/retrieval/workspaceIndex.ts";
import { DEFAULT_SETTINGS } from "../../src/engine/settings.ts";
import { accessToIndex } from "../../src/engine/tasks/accessToIndex.ts";
import { answerQuestion } from "../../src/engine/tasks/answerQuestion.ts";

interface Asked {
  question: string;
  files: string[];
  /** Text that one of the cited ranges of a gold file must hold. */
  line?: string;
  supported?: boolean;
}

const FILES_COUNTED = 3;

const { values: flags, positionals } = parseArgs({ allowPositionals: true, options: { show: { type: "boolean", default: false }, json: { type: "boolean", default: false } } });
const [workspaceDir, questionsFile] = positionals;
if (workspaceDir === undefined || questionsFile === undefined) {
  console.error("usage: answers.ts WORKSPACE QUESTIONS.jsonl [--show] [--json]");
  process.exit(2);
}
const questions = readFileSync(questionsFile, "utf8").split("\n").filter((line) => line.trim() !== "").map((line) => JSON.parse(line) as Asked);
const storageDir = mkdtempSync(path.join(tmpdir(), "kalactica-answers-"));
try {
  const index = await WorkspaceIndex.open({ workspaceDir: path.resolve(workspaceDir), storageDir, settings: DEFAULT_SETTINGS, embedder: await openEmbedder(SILENT_LOG), log: SILENT_LOG });
  const report = await index.update();
  console.error(`${report.files} files, ${report.chunks} chunks, ${report.seconds.toFixed(1)} s`);
  const rows: Record<string, unknown>[] = [];
  const times: number[] = [];
  // On a machine that others load, processor time says more than the clock.
  const cpuTimes: number[] = [];
  let right = 0;
  let wrongCitations = 0;
  let citations = 0;
  for (const asked of questions) {
    const cpuBefore = process.cpuUsage();
    const result = await ask(index, asked.question);
    const cpu = process.cpuUsage(cpuBefore);
    times.push(result.timings.totalMs);
    cpuTimes.push((cpu.user + cpu.system) / 1_000);
    const cited = [...new Set(result.citations.map((citation) => citation.path))];
    const wrong = result.citations.filter((citation) => !holds(path.resolve(workspaceDir), citation)).length;
    wrongCitations += wrong;
    citations += result.citations.length;
    const isRight = asked.supported === false ? result.card?.supported === false
      : result.card?.supported === true && cited.slice(0, FILES_COUNTED).some((file) => asked.files.includes(file))
        && (asked.line === undefined || result.citations.some((citation) => asked.files.includes(citation.path) && citation.text.includes(asked.line ?? "")));
    if (isRight) right++;
    const first = result.citations[0];
    rows.push({ question: asked.question, intent: result.card?.intent, first: first ? `${first.path}:${first.startLine}` : "", right: isRight ? "yes" : "NO", wrong, ms: Math.round(result.timings.totalMs) });
    if (flags.show) console.error(`\n${isRight ? "+" : "-"} ${asked.question}\n  [${result.card?.intent}] ${result.card?.summary}\n  cited: ${cited.join(", ")}   wanted: ${asked.files.join(", ")}`);
  }
  const at = (values: readonly number[], share: number): number => Math.round(values.toSorted((a, b) => a - b)[Math.min(values.length - 1, Math.floor(share * values.length))] ?? 0);
  const summary = { n: questions.length, right, citations, wrongCitations, p50Ms: at(times, 0.5), p95Ms: at(times, 0.95), cpuP50Ms: at(cpuTimes, 0.5), cpuP95Ms: at(cpuTimes, 0.95) };
  if (flags.json) console.log(JSON.stringify({ ...summary, rows }));
  else {
    console.table(rows);
    console.log(summary);
  }
  await index.close();
} finally {
  rmSync(storageDir, { recursive: true, force: true });
}

async function ask(index: WorkspaceIndex, question: string): Promise<AskResult> {
  return new Scheduler().run(PRIORITY.chat, undefined, (lease) => answerQuestion({ askId: "bench", question, history: [], attachments: [] }, {
    workspace: accessToIndex(index),
    model: null, settings: DEFAULT_SETTINGS, lease,
  }, { onEvent: () => undefined }));
}

/** Read here anew and by other code than the engine's: do the cited lines hold what the citation says? */
function holds(workspace: string, citation: AskResult["citations"][number]): boolean {
  try {
    const lines = readFileSync(path.join(workspace, citation.path), "utf8").split(/\r?\n/).slice(citation.startLine - 1, citation.endLine);
    // Where a secret was hidden in the text, the hash is still that of the lines on disk.
    const text = lines.join("\n");
    return citation.verified && createHash("sha256").update(text).digest("hex") === citation.sha256 && (text === citation.text || citation.text.includes("<redacted:"));
  } catch {
    return false;
  }
}
