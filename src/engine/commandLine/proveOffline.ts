// kalactica prove-offline: every feature exercised with its sockets watched. What is proven and how is in tasks/proveOffline.ts.
import { proofText, proveOffline } from "../tasks/proveOffline.ts";
import { UsageError } from "./command.ts";
import type { Command } from "./command.ts";

export const proveOfflineCommand: Command = {
  words: ["prove-offline"],
  usage: "",
  summary: "Exercise every feature on a sample folder with all sockets watched, and report each attempt to reach another machine; exit 1 where there is one.",
  options: {},
  async run({ signal, progress, positionals }) {
    if (positionals.length > 0) throw new UsageError("prove-offline takes no arguments: it works on a sample of its own.");
    const proof = await proveOffline({ signal, onProgress: (title, done, total) => progress.report(title, done, total) });
    return { json: proof, text: proofText(proof), exitCode: proof.proven ? 0 : 1 };
  },
};
