// kalactica doctor: what this machine has and what is wrong with it; with --bundle, all that a report of a problem holds.
import path from "node:path";
import { writeFileAtomic } from "../base/files.ts";
import type { Command } from "./command.ts";
import { withEngine } from "./openEngine.ts";

const MARK = { ok: "ok     ", warning: "warning", problem: "PROBLEM" } as const;

export const doctorCommand: Command = {
  words: ["doctor"],
  usage: "",
  summary: "Check hardware, libraries, models and disk, and say what to do about problems.",
  options: { bundle: { type: "value", placeholder: "FILE", description: "Also write a report of a problem to read and share: versions, hardware, changed settings, checks, log. No code, no names of files, no secrets; Markdown, or JSON where FILE ends in .json." } },
  run: (context) => withEngine(context, { workspace: false }, async (engine) => {
    const bundle = context.values.get("bundle");
    const made = bundle === undefined ? null : await engine.report({ versions: { client: "command line" }, log: [] }, context.signal);
    const items = made?.report.doctor ?? await engine.doctor(context.signal);
    const file = bundle === undefined ? null : path.resolve(bundle);
    if (made !== null && file !== null) await writeFileAtomic(file, file.endsWith(".json") ? `${JSON.stringify(made.report, null, 2)}\n` : made.text);
    return {
      json: { items, ...(file === null ? {} : { bundle: file }) },
      text: [
        ...items.map((item) => `${MARK[item.state]}  ${item.name}: ${item.found.replaceAll("\n", "\n         ")}${item.remedy === null ? "" : `\n         ${item.remedy}`}`),
        ...(file === null ? [] : ["", `The report is in ${file}. Read it before you share it; nothing was sent anywhere.`]),
      ].join("\n"),
      exitCode: items.some((item) => item.state === "problem") ? 1 : 0,
    };
  }),
};
