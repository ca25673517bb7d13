// Tasks whose replies are generated and judged: our own {prompt, tests}, HumanEval's and MBPP's rows, and prompts with nothing
// but a reference. Running tests is for the sandbox.
import type { RecordOrigin, TaskCheck, TrainingRecord } from "../../base/trainingRecord.ts";
import { has, readPrompt } from "./fields.ts";
import { isObject } from "./messages.ts";
import type { Read } from "./messages.ts";

type Row = Readonly<Record<string, unknown>>;

const LANGUAGES: Readonly<Record<string, TaskCheck["language"]>> = { python: "python", py: "python", javascript: "javascript", js: "javascript", typescript: "typescript", ts: "typescript" };

/** The task of a row, a sentence why its tests are wrong, or null where the row is no task. */
export function convertTask(row: Row, origin: RecordOrigin): Read<TrainingRecord> | null {
  const field = has(row, "prompt") ? "prompt" : typeof row["text"] === "string" && Array.isArray(row["test_list"]) ? "text" : null;
  if (field === null) return null;
  const check = checkOf(row, field);
  const hasReply = ["completion", "response", "output", "answer"].some((name) => row[name] !== undefined && row[name] !== null);
  if (check === null && (hasReply || row["label"] !== undefined)) return null;
  if (check !== null && "sentence" in check) return check;
  const prompt = readPrompt(row, field);
  if ("sentence" in prompt) return prompt;
  const reference = ["reference", "canonical_solution", "solution", "code"].map((name) => row[name]).find((value) => typeof value === "string" && value.trim() !== "");
  return { value: { kind: "task", prompt: prompt.value, ...(check === null ? {} : { check: check.value }), ...(reference === undefined ? {} : { reference: reference as string }), origin } };
}

function checkOf(row: Row, promptField: string): Read<TaskCheck> | null {
  if (isObject(row["check"])) return readCheck(row["check"]);
  // MBPP: a list of assertions and their set-up.
  const list = row["test_list"];
  if (Array.isArray(list)) {
    if (list.length === 0 || list.some((item) => typeof item !== "string")) return { sentence: "\"test_list\" must be a list of assertions that is not empty." };
    const setup = typeof row["test_setup_code"] === "string" ? row["test_setup_code"] : typeof row["test_imports"] === "string" ? row["test_imports"] : "";
    return { value: { language: "python", tests: [setup, ...(list as string[])].filter((line) => line !== "").join("\n") } };
  }
  // HumanEval: the tests define check(candidate), and the prompt is the beginning of the code itself.
  if (typeof row["test"] === "string" && typeof row["entry_point"] === "string" && typeof row[promptField] === "string") {
    return { value: { language: "python", tests: `${row["test"]}\n\ncheck(${row["entry_point"]})\n`, preamble: row[promptField] } };
  }
  return has(row, "tests") ? readCheck({ language: row["language"] ?? row["lang"], tests: row["tests"], preamble: row["preamble"] }) : null;
}

function readCheck({ language, tests, preamble }: Row): Read<TaskCheck> {
  const text = Array.isArray(tests) && tests.every((line) => typeof line === "string") ? tests.join("\n") : tests;
  if (typeof text !== "string" || text.trim() === "") return { sentence: "\"tests\" must be code that fails where the reply is wrong." };
  const known = typeof language === "string" ? LANGUAGES[language.toLowerCase()] : undefined;
  if (known === undefined) return { sentence: `The tests need a "language": python, javascript or typescript${typeof language === "string" ? `, not "${language.slice(0, 40)}"` : ""}.` };
  if (preamble !== undefined && preamble !== null && typeof preamble !== "string") return { sentence: "\"preamble\" must be a text." };
  return { value: { language: known, tests: text, ...(typeof preamble === "string" && preamble !== "" ? { preamble } : {}) } };
}
