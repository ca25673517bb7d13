// Writes tasks for GRPO as a data file: very small ones of chosen families, or the programming tasks.
//   node tools/node24.mjs tools/tasks.ts --families close,truth --count 500 --seed 1 --out tasks.jsonl
//   node tools/node24.mjs tools/tasks.ts --functions text|chat [--language python] --out functions.jsonl
import { parseArgs } from "node:util";
import { writeFileAtomic } from "../src/engine/base/files.ts";
import type { TaskRecord } from "../src/engine/base/reward.ts";
import { functionTaskRecord, functionTasks } from "../src/engine/sandbox/tasks/functionTasks.ts";
import { FAMILIES, FAMILIES_FOR_GRPO, smallTasks } from "../src/engine/sandbox/tasks/smallTasks.ts";

const { values } = parseArgs({
  options: {
    families: { type: "string", default: FAMILIES_FOR_GRPO.join(",") }, count: { type: "string", default: "500" }, seed: { type: "string", default: "1" },
    functions: { type: "string" }, language: { type: "string" }, out: { type: "string" },
  },
});
if (values.out === undefined || (values.functions !== undefined && values.functions !== "text" && values.functions !== "chat")) {
  console.error(`Usage: tasks.ts --out FILE [--families A,B --count N --seed N] | [--functions text|chat --language python|javascript]\nFamilies: ${FAMILIES.map((family) => family.name).join(", ")}`);
  process.exit(2);
}
const form = values.functions;
const tasks: TaskRecord[] = form === undefined
  ? smallTasks({ seed: Number(values.seed), count: Number(values.count), families: values.families.split(",") })
  : functionTasks().filter((task) => values.language === undefined || task.language === values.language).map((task) => functionTaskRecord(task, form));
await writeFileAtomic(values.out, tasks.map((task) => `${JSON.stringify(task)}\n`).join(""));
console.log(`${values.out}: ${tasks.length} tasks`);
