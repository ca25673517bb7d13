// How long the checks take: all of them over an answer of 300 tokens with its sources, the screen of a completion, and the making
// harmless of a prompt's sources. Usage: node test/bench/safety.ts [--n 200] [--json]. Prints median and p95 in ms of wall and processor time.
import { parseArgs } from "node:util";
import { SeededRandom } from "../../src/engine/base/random.ts";
import { isolateInjections } from "../../src/engine/safety/injection/isolate.ts";
import { screenCompletion } from "../../src/engine/safety/completionScreen.ts";
import { checkText } from "../../src/engine/tasks/checkText.ts";
import { documentation, everydayDocument, excerpt } from "../../tools/screens/documents.ts";
import { packageDir } from "../../src/engine/base/paths.ts";

const { values } = parseArgs({ options: { n: { type: "string", default: "200" }, json: { type: "boolean", default: false } } });
const random = new SeededRandom(3);
const docs = documentation([`${packageDir()}/node_modules`], 120, random);
const pick = (): string => docs[random.integer(docs.length)] ?? "";
/** About 300 tokens: 1,200 characters of prose with a block of code. */
const answer = (): string => `${excerpt(pick(), random).slice(0, 800)}\n\`\`\`ts\nexport function load(file: string): Settings {\n  return parse(readFileSync(file, "utf8"));\n}\n\`\`\`\n${everydayDocument(random).slice(0, 300)}`;

const cases: Readonly<Record<string, () => unknown>> = {
  "answer of 300 tokens, all checks of its kind": () => checkText({ text: answer(), kind: "output" }),
  "source of 1,500 characters, all checks": () => checkText({ text: excerpt(pick(), random).slice(0, 1_500), kind: "context" }),
  "question, all checks": () => checkText({ text: everydayDocument(random).slice(0, 200), kind: "input" }),
  "completion of 5 lines": () => screenCompletion("  const options = { depth: 2, token: tokens[index] };\n  for (const item of items) {\n    result.push(convert(item, options));\n  }\n  return result;\n"),
  "8 sources of a prompt made harmless": () => Array.from({ length: 8 }, () => isolateInjections(excerpt(pick(), random).slice(0, 1_500))),
};
const result: Record<string, { n: number; p50: number; p95: number; cpuP50: number; cpuP95: number }> = {};
for (const [name, run] of Object.entries(cases)) {
  const wall: number[] = [];
  const cpu: number[] = [];
  // The first calls load models and compile patterns.
  for (let i = 0; i < 10; i++) await run();
  for (let i = 0; i < Number(values.n); i++) {
    const before = process.cpuUsage();
    const begun = performance.now();
    await run();
    wall.push(performance.now() - begun);
    const { user, system } = process.cpuUsage(before);
    cpu.push((user + system) / 1_000);
  }
  const at = (times: number[], share: number): number => Number((times.sort((a, b) => a - b)[Math.floor(share * times.length)] ?? NaN).toFixed(2));
  result[name] = { n: wall.length, p50: at(wall, 0.5), p95: at(wall, 0.95), cpuP50: at(cpu, 0.5), cpuP95: at(cpu, 0.95) };
}
if (values.json) console.log(JSON.stringify(result));
else for (const [name, { n, p50, p95, cpuP50, cpuP95 }] of Object.entries(result)) console.log(`${name.padEnd(46)} n ${n}  wall p50 ${p50} p95 ${p95}  processor p50 ${cpuP50} p95 ${cpuP95} ms`);
process.exit();
