// Measures whether stale cells are found: random edits and runs of real-style notebooks in a real Jupyter kernel. The truth
// of each moment comes from running the notebook as it then stands from the top in a fresh shell.
//
// A cell that was run is stale where its code (as parsed by Python) is not the code that ran, where it ran in an earlier
// kernel, or where the fresh run gives another output or error, or another value, right after the cell, of a variable that
// the cell binds or changes. usage: node test/bench/notebook.ts [--python PY] [--folder DIR] [--only A,B] [--sequences N]
//   [--steps N] [--seed N] [--verbose]
import { spawn } from "node:child_process";
import { readFileSync, readdirSync } from "node:fs";
import path from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { loadGrammar } from "../../src/engine/base/grammars.ts";
import { SeededRandom } from "../../src/engine/base/random.ts";
import { readCell } from "../../src/engine/notebooks/analysis/readCell.ts";
import { NotebookModel } from "../../src/engine/notebooks/model/notebook.ts";
import { planRerun } from "../../src/engine/notebooks/model/rerun.ts";

interface Ran { output: string; error: [string, string] | null; traceback: string; order: number; values: Record<string, string> }
interface Fresh { output: string; error: [string, string] | null; values: Record<string, string>; changed: string[]; chance: boolean }
interface Stored { names: string[]; loads: string[]; text: string }

const here = path.dirname(fileURLToPath(import.meta.url));
const { values: flags } = parseArgs({ options: {
  python: { type: "string", default: process.env["KALACTICA_PYTHON"] ?? "python3" }, folder: { type: "string", default: path.join(here, "../fixtures/notebooks") }, only: { type: "string" },
  sequences: { type: "string", default: "3" }, steps: { type: "string", default: "14" }, seed: { type: "string", default: "1" }, verbose: { type: "boolean", default: false },
} });

const worker = spawn(flags.python, [path.join(here, "notebookKernel.py")], { stdio: ["pipe", "pipe", "ignore"], env: { ...process.env, PYTHONHASHSEED: "0", MPLBACKEND: "Agg", JUPYTER_PLATFORM_DIRS: "1" } });
const lines = createInterface({ input: worker.stdout })[Symbol.asyncIterator]();
async function ask<T>(question: object): Promise<T> {
  worker.stdin.write(`${JSON.stringify(question)}\n`);
  const { value, done } = await lines.next();
  if (done === true) throw new Error("The kernel's process has ended.");
  const answer = JSON.parse(value) as T & { failed?: string };
  if (answer.failed !== undefined) throw new Error(answer.failed);
  return answer;
}

interface Cell { id: string; source: string; language: string }
interface Last { ran: Ran; before: Record<string, string>; source: string; kernel: number; number: number }

const total = { chanceful: 0, chance: 0, stale: 0, found: 0, fresh: 0, alarms: 0, moments: 0, perfect: 0, plans: 0, plansRight: 0, planCells: 0, allCells: 0 };
/** A cell since its last run counts once here, however many moments it stands so: an alarm that stays is one alarm to its reader. */
const lasting = { fresh: new Set<string>(), alarms: new Set<string>() };
const costs: number[] = [];
await loadGrammar("python");
const files = readdirSync(flags.folder).filter((file) => /\.(?:py|ipynb)$/.test(file)).sort().filter((file) => flags.only === undefined || flags.only.split(",").includes(file.replace(/\.\w+$/, "")));
for (const file of files) {
  const before = { ...total };
  for (let i = 0; i < Number(flags.sequences); i++) await sequence(file, Number(flags.seed) * 1000 + i);
  const [stale, found, fresh, alarms] = [total.stale - before.stale, total.found - before.found, total.fresh - before.fresh, total.alarms - before.alarms];
  console.log(`${file.padEnd(18)} stale ${found}/${stale}  false alarms ${alarms}/${fresh} not stale  plans right ${total.plansRight - before.plansRight}/${total.plans - before.plans}`);
}
worker.stdin.end();
costs.sort((a, b) => a - b);
const percent = (part: number, whole: number): string => (whole === 0 ? "–" : `${(100 * part / whole).toFixed(2)} %`);
console.log(`\nnotebooks ${files.length}, moments ${total.moments}, judged cells ${total.stale + total.fresh} (left out, as two fresh runs differ: ${total.chance})`);
console.log(`recall of stale cells ${percent(total.found, total.stale)} (${total.found}/${total.stale})`);
console.log(`false alarms ${percent(total.alarms, total.fresh)} of cells that are not stale (${total.alarms}/${total.fresh}); ${percent(total.alarms, total.alarms + total.found)} of all alarms`);
console.log(`of these, ${total.chanceful} where a variable that the cell reads did differ and the result was the same by accident; without them ${percent(total.alarms - total.chanceful, total.fresh)}`);
console.log(`counted once for each run of a cell instead of at every moment: ${percent(lasting.alarms.size, lasting.fresh.size)} (${lasting.alarms.size}/${lasting.fresh.size})`);
console.log(`re-run plans after which nothing was stale: ${total.plansRight}/${total.plans}; cells per plan ${(total.planCells / Math.max(1, total.plans)).toFixed(1)} of ${(total.allCells / Math.max(1, total.plans)).toFixed(1)}`);
console.log(`tracking per execution: median ${(costs[Math.floor(costs.length / 2)] ?? 0).toFixed(2)} ms, p95 ${(costs[Math.floor(costs.length * 0.95)] ?? 0).toFixed(2)} ms, most ${(costs.at(-1) ?? 0).toFixed(2)} ms (n = ${costs.length})`);

function cellsOf(file: string): Cell[] {
  const text = readFileSync(path.join(flags.folder, file), "utf8");
  const sources = file.endsWith(".ipynb")
    ? (JSON.parse(text) as { cells: { cell_type: string; source: string | string[] }[] }).cells.filter((cell) => cell.cell_type === "code").map(({ source }) => (Array.isArray(source) ? source.join("") : source))
    : text.split(/^# %%.*$/m).slice(1).map((source) => source.trim());
  return sources.filter((source) => source.trim() !== "").map((source, i) => ({ id: `c${i + 1}`, source, language: "python" }));
}

async function sequence(file: string, seed: number): Promise<void> {
  const generator = new SeededRandom(seed);
  const random = (): number => generator.uniform();
  const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)] as T;
  let cells = cellsOf(file);
  let next = cells.length;
  let kernel = 0;
  let number = 0;
  const last = new Map<string, Last>();
  /** Of every variable of the kernel, as the last execution left it. */
  let values: Record<string, string> = {};
  const model = new NotebookModel(readCell);
  await ask({ op: "restart" });
  let log = `${file} seed ${seed}`;

  const run = async (cell: Cell): Promise<void> => {
    const ran = await ask<Ran>({ op: "run", code: cell.source });
    last.set(cell.id, { ran, before: values, source: cell.source, kernel, number });
    values = ran.values;
    const begun = performance.now();
    model.executed({ sequence: ++number, cell: cell.id, language: "python", source: cell.source, order: ran.order, at: number, durationMs: 1, success: ran.error === null, outputHash: ran.output, output: ran.output, shown: [], error: ran.error ? { name: ran.error[0], message: ran.error[1], traceback: ran.traceback } : null });
    model.setCells(cells);
    model.statuses();
    costs.push(performance.now() - begun);
  };

  const judge = async (count: boolean): Promise<boolean> => {
    model.setCells(cells);
    const statuses = new Map(model.statuses().map((status) => [status.cell, status]));
    const fresh = await ask<Fresh[]>({ op: "fresh", cells: cells.map(({ source }) => source) });
    const stored = await ask<Stored[]>({ op: "stored", cells: [...cells.map(({ source }) => source), ...cells.map(({ id, source }) => last.get(id)?.source ?? source)] });
    let allRight = true;
    for (const [i, cell] of cells.entries()) {
      const known = last.get(cell.id);
      const wanted = fresh[i] as Fresh;
      if (!known) continue;
      if (wanted.chance) {
        total.chance++;
        continue;
      }
      const names = new Set([...(stored[i]?.names ?? []), ...wanted.changed]);
      const why = known.kernel !== kernel ? "kernel" : stored[i]?.text !== stored[i + cells.length]?.text ? "edited" : known.ran.output.trim() !== wanted.output.trim() ? `output ${JSON.stringify(known.ran.output.slice(0, 60))} vs ${JSON.stringify(wanted.output.slice(0, 60))}`
        : (known.ran.error?.join() ?? "") !== (wanted.error?.join() ?? "") ? "error" : [...names].filter((name) => known.ran.values[name] !== wanted.values[name]).join();
      const status = statuses.get(cell.id);
      const said = status?.state === "stale";
      if (why !== "") allRight = false;
      if (!count) continue;
      total[why === "" ? "fresh" : "stale"]++;
      if (said) total[why === "" ? "alarms" : "found"]++;
      if (why === "") lasting.fresh.add(`${file} ${seed} ${cell.id} ${known.number}`);
      if (said && why === "") lasting.alarms.add(`${file} ${seed} ${cell.id} ${known.number}`);
      const before = i === 0 ? {} : fresh[i - 1]?.values ?? {};
      if (said && why === "" && (stored[i]?.loads ?? []).some((name) => known.before[name] !== before[name])) total.chanceful++;
      if (said !== (why !== "") && flags.verbose) console.log(`${said ? "FALSE ALARM" : "MISSED"} ${log}\n   ${cell.id} ${JSON.stringify(cell.source.slice(0, 120))} truth: ${why || "current"} said: ${status?.state} ${status?.reasons.map((reason) => `${reason.kind} ${reason.name} ${reason.cell}`).join("; ")}`);
    }
    if (count) total.moments++;
    return allRight;
  };

  // People begin by running from the top, often not to the end.
  const start = Math.ceil(cells.length * (0.5 + random() / 2));
  for (const cell of cells.slice(0, start)) await run(cell);
  for (let step = 0; step < Number(flags.steps); step++) {
    const dice = random();
    const cell = pick(cells);
    if (dice < 0.42) {
      await run(cell);
      log += ` run ${cell.id}`;
    } else if (dice < 0.5) {
      const from = Math.floor(random() * cells.length);
      const some = cells.slice(from, from + 3);
      for (const each of some) await run(each);
      log += ` run ${some.map(({ id }) => id).join("-")}`;
    } else if (dice < 0.8) {
      const edited = edit(cell.source, random);
      if (edited === cell.source) continue;
      cells = cells.map((other) => (other === cell ? { ...cell, source: edited } : other));
      log += ` edit ${cell.id}`;
      if (random() < 0.5) {
        await run(cells.find(({ id }) => id === cell.id) as Cell);
        log += ` run ${cell.id}`;
      }
    } else if (dice < 0.84) {
      cells = cells.map((other) => (other === cell ? { ...cell, source: `# noted\n${cell.source}   # same` } : other));
      log += ` comment ${cell.id}`;
    } else if (dice < 0.88 && cells.length > 5) {
      cells = cells.filter((other) => other !== cell);
      log += ` delete ${cell.id}`;
    } else if (dice < 0.92) {
      const rows = cell.source.split("\n");
      const cut = rows.findIndex((row, i) => i > 0 && /^[A-Za-z_]/.test(row) && !/^(?:else|elif|except|finally)\b/.test(row) && !/^[ \t)\]}@]/.test(row) && !/^@/.test(rows[i - 1] ?? "") && balanced(rows.slice(0, i).join("\n")));
      if (cut <= 0) continue;
      const other = { id: `c${++next}`, source: rows.slice(cut).join("\n"), language: "python" };
      cells = cells.flatMap((one) => (one === cell ? [{ ...cell, source: rows.slice(0, cut).join("\n") }, other] : [one]));
      log += ` split ${cell.id}`;
    } else if (dice < 0.95) {
      const others = cells.filter((other) => other !== cell);
      const to = Math.floor(random() * (others.length + 1));
      cells = [...others.slice(0, to), cell, ...others.slice(to)];
      log += ` move ${cell.id} to ${to}`;
    } else {
      await ask({ op: "restart" });
      kernel++;
      values = {};
      await run(cells[0] as Cell);
      log += " restart";
    }
    await judge(true);
  }
  // At the end, everything out of date is mended by the plan.
  model.setCells(cells);
  const plan = planRerun(model);
  if (plan.cells.length > 0) {
    total.plans++;
    total.planCells += plan.cells.length;
    total.allCells += cells.filter(({ id }) => last.has(id)).length;
    if (plan.needsRestart) {
      await ask({ op: "restart" });
      kernel++;
      values = {};
    }
    for (const id of plan.cells) await run(cells.find((cell) => cell.id === id) as Cell);
    if (await judge(false)) total.plansRight++;
    else if (flags.verbose) {
      console.log(`PLAN ${JSON.stringify(plan)} ${log}`);
      await judge(true);
    }
  }
}

/** A change that matters: a number, a comparison, a text. */
function edit(source: string, random: () => number): string {
  const places = [...source.matchAll(/(?<![\w.])\d+(?:\.\d+)?(?![\w.])/g)].filter((match) => !/import|axis|figsize|random_state|\{[^}]*$/.test(source.slice(source.lastIndexOf("\n", match.index) + 1, match.index)));
  const chosen = places[Math.floor(random() * places.length)];
  if (!chosen) {
    const appended = /^[a-z_]\w* = .+$/m.exec(source);
    return appended && !source.includes("\n ") ? `${source}\nedited_${Math.floor(random() * 1000)} = 1` : source;
  }
  const value = chosen[0].includes(".") ? String(Number((Number(chosen[0]) * 1.5 + 0.1).toFixed(3))) : String(Number(chosen[0]) + 1);
  return source.slice(0, chosen.index) + value + source.slice(chosen.index + chosen[0].length);
}

function balanced(text: string): boolean {
  const bare = text.replaceAll(/"""[^]*?"""|'[^'\n]*'|"[^"\n]*"/g, "");
  return !bare.includes("\"\"\"") && Array.from(bare).reduce((depth, character) => depth + ("([{".includes(character) ? 1 : ")]}".includes(character) ? -1 : 0), 0) === 0;
}
