// kalactica doctor: what this machine has and what is wrong with it.
import type { Command } from "./command.ts";
import { withEngine } from "./openEngine.ts";

const MARK = { ok: "ok     ", warning: "warning", problem: "PROBLEM" } as const;

export const doctorCommand: Command = {
  words: ["doctor"],
  usage: "",
  summary: "Check hardware, libraries, models and disk, and say what to do about problems.",
  options: {},
  run: (context) => withEngine(context, { workspace: false }, async (engine) => {
    const items = await engine.doctor(context.signal);
    return {
      json: { items },
      text: items.map((item) => `${MARK[item.state]}  ${item.name}: ${item.found}${item.remedy === null ? "" : `\n         ${item.remedy}`}`).join("\n"),
      exitCode: items.some((item) => item.state === "problem") ? 1 : 0,
    };
  }),
};
