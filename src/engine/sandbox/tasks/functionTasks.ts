// Short programming tasks with tests, written for KaLactica (media/tasks/functions.jsonl, under its licence): 66 functions in
// Python and JavaScript. Each record of the file has a solution, by which a test shows that the tests can be met.
import { readFileSync } from "node:fs";
import { mediaFile } from "../../base/paths.ts";
import type { TaskRecord } from "../../base/reward.ts";
import type { TaskCheck } from "../../base/trainingRecord.ts";

/** A line of the file. */
export interface FunctionTask {
  readonly language: "python" | "javascript";
  readonly name: string;
  readonly description: string;
  /** The line that begins the function. */
  readonly signature: string;
  /** The rest of the function. */
  readonly solution: string;
  readonly tests: string;
}

export function functionTasks(): FunctionTask[] {
  return readFileSync(mediaFile("tasks", "functions.jsonl"), "utf8").trimEnd().split("\n").map((line) => JSON.parse(line) as FunctionTask);
}

/** The task as a record: begun as code, for base models, or asked for in a chat. */
export function functionTaskRecord(task: FunctionTask, form: "text" | "chat"): TaskRecord {
  const comment = task.language === "python" ? "#" : "//";
  const beginning = `${task.signature}\n`;
  const check: TaskCheck = { language: task.language, tests: task.tests, preamble: beginning };
  const named = task.language === "python" ? "Python" : "JavaScript";
  return {
    kind: "task",
    prompt: form === "text"
      ? { form, text: `${comment} ${task.description}\n${beginning}` }
      : { form, messages: [{ role: "user", content: `Write the ${named} function \`${task.signature.replace(/\s*[:{]$/, "")}\`. ${task.description} Answer with the code alone.` }] },
    check,
    origin: { at: `functions:${task.name}`, language: task.language, licence: "MIT" },
  };
}
