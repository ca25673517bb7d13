// The nightly page: every figure of the project on one Markdown page, with machine, versions and peers.
//   node test/bench/page.ts --data FOLDER [--workspace FOLDER] [--python FILE] [--only NAME,…] [--to out/benchmarks.md] [--timeout 3600]
// FOLDER holds the public sets in folders named after their suites. Each part runs in a process of its own, one after the other, so that
// times can be trusted on a machine that does nothing else; a part that fails says so on the page and the others go on.
// --python names a Python with torch and peft, for the peer of training. It measures nothing itself.
import { execFile, execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs, promisify } from "node:util";
import { figuresOf } from "../../src/engine/evaluation/runs/report.ts";
import type { Metrics } from "../../src/engine/evaluation/suite.ts";

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../..");
const run = promisify(execFile);
const text = { type: "string" } as const;
const { values } = parseArgs({ options: { data: text, workspace: { ...text, default: root }, python: text, only: text, to: { ...text, default: path.join(root, "out/benchmarks.md") }, timeout: { ...text, default: "3600" } } });
if (values.data === undefined) {
  console.error("Name the folder of the public sets with --data.");
  process.exit(2);
}
const sets = path.resolve(values.data);
const workspace = path.resolve(values.workspace);
const only = values.only?.split(",");

interface Part {
  readonly name: string;
  readonly title: string;
  readonly args: readonly string[];
  /** A file or folder without which the part is left out. */
  readonly needs?: string;
}

const evaluate = (suite: string, title: string, data: string | null, ...more: string[]): Part => ({
  name: suite, title, args: ["src/engine/cli.ts", "evaluate", suite, ...(data === null ? ["--workspace", workspace] : ["--data", path.join(sets, data)]), ...more, "--json"], ...(data === null ? {} : { needs: path.join(sets, data) }),
});
const PARTS: readonly Part[] = [
  { ...evaluate("criteria", "The four criteria", ""), args: ["src/engine/cli.ts", "evaluate", "criteria", "--data", sets, "--workspace", workspace, "--json"] },
  evaluate("localise", "Files to edit for a change (commit histories)", "localise/commitloc"),
  evaluate("retrieval", "Code for a web query (CoSQA)", "retrieval/cosqa"),
  evaluate("memory", "Evidence in long conversations (LoCoMo)", "memory/locomo"),
  evaluate("dialogue", "Dialogue state (Schema-Guided Dialogue)", "dialogue/sgd"),
  evaluate("safety", "Detectors at frozen thresholds", "safety"),
  evaluate("consistency", "Consistency of samples (CodeT)", "consistency"),
  evaluate("infill", "Infill (HumanEval)", "infill/HumanEval-SingleLineInfilling.jsonl.gz", "--no-run"),
  evaluate("crossfile", "Completion with other files (CrossCodeEval)", "crossfile"),
  evaluate("code", "Functions from their description (HumanEval)", "code/HumanEval.jsonl.gz"),
  evaluate("completion", "This repository's own last commits", null),
  evaluate("latency", "Response times on this repository", null),
  { name: "train", title: "A training step beside PEFT (0.5B, rank 16, 512 tokens)", args: ["test/bench/train.ts", "--rounds", "2", "--dtypes", "bf16", "--json", ...(values.python === undefined ? [] : ["--python", values.python])] },
];

const head = (): string => {
  const [cpu] = os.cpus();
  const commit = existsSync(path.join(root, ".git")) ? execFileSync("git", ["-C", root, "rev-parse", "--short", "HEAD"], { encoding: "utf8" }).trim() : "unknown";
  return `# Benchmarks\n\n${new Date().toISOString().slice(0, 16).replace("T", " ")}, commit ${commit}. ${cpu?.model.trim() ?? "unknown processor"}, ${os.cpus().length} cores, ${(os.totalmem() / 2 ** 30).toFixed(0)} GiB, ${os.type()} ${os.release()}, Node ${process.version}. Load at the start: ${os.loadavg()[0]?.toFixed(1) ?? "?"}.\n`;
};

const sections: string[] = [head()];
for (const part of PARTS) {
  if (only && !only.includes(part.name)) continue;
  const command = `node tools/node24.mjs ${part.args.join(" ")}`;
  console.error(`${part.name} …`);
  const began = Date.now();
  let body: string;
  if (part.needs !== undefined && !existsSync(part.needs)) body = `Left out: ${part.needs} is not there.`;
  else {
    try {
      const { stdout } = await run(process.execPath, [...part.args], { cwd: root, maxBuffer: 2 ** 28, timeout: Number(values.timeout) * 1000 });
      body = tableOf(JSON.parse(stdout) as Record<string, unknown>);
    } catch (error) {
      const { stderr = "", message } = error as { stderr?: string; message: string };
      body = `**Failed**: ${(stderr.trim().split("\n").at(-1) ?? message).slice(0, 300)}`;
    }
  }
  sections.push(`## ${part.title}\n\n${body}\n\n\`${command}\`, ${((Date.now() - began) / 1000).toFixed(0)} s\n`);
  // Written after every part: what was measured stays, whatever comes later.
  await mkdir(path.dirname(path.resolve(values.to)), { recursive: true });
  await writeFile(values.to, sections.join("\n"));
}
console.log(values.to);

/** The figures of an evaluation, of the criteria, or of a bench, as a Markdown table. */
function tableOf(result: Record<string, unknown>): string {
  const metrics = (result["metrics"] ?? result) as Metrics;
  const criteria = metrics["criteria"];
  if (Array.isArray(criteria)) {
    const rows = (criteria as readonly Metrics[]).map(({ name, value, low, high, target, n, pass, found }) => `| ${[name, typeof value === "number" ? `${shown(value)}${typeof low === "number" && typeof high === "number" ? ` [${shown(low)}, ${shown(high)}]` : ""}` : "not measured", target, n, pass === true ? "pass" : "**fail**", found].map((cell) => String(cell as string | number).replaceAll("|", "\\|")).join(" | ")} |`);
    return ["| criterion | figure | target | n | | data |", "|---|---|---|---|---|---|", ...rows].join("\n");
  }
  const n = typeof result["n"] === "number" ? `n ${result["n"]}. ` : "";
  const rows = figuresOf(metrics).flatMap(({ part, figures }) => figures.map(({ name, value, interval }) => `| ${part === "" ? name : `${part} › ${name}`} | ${shown(value)}${interval ? ` [${interval.map(shown).join(", ")}]` : ""} |`));
  return `${n}\n\n| figure | value |\n|---|---|\n${rows.join("\n")}`.trim();
}

function shown(value: number): string {
  return Math.abs(value) >= 100 ? value.toFixed(0) : value.toFixed(3);
}
