// Opens the sandbox for a test, or skips it where this machine cannot isolate; where it can, failing to is a failure.
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { Sandbox } from "../../../src/engine/sandbox/sandbox.ts";
import type { SandboxOptions } from "../../../src/engine/sandbox/sandbox.ts";

export async function openSandbox(context: Mocha.Context, options: SandboxOptions = {}): Promise<Sandbox> {
  try {
    return await Sandbox.open(options);
  } catch (error) {
    if (await canIsolate()) throw error;
    console.error(String(error));
    return context.skip();
  }
}

/** Whether namespaces can be made and filled here, tried without any code of ours. */
async function canIsolate(): Promise<boolean> {
  if (process.platform !== "linux") return false;
  const user = process.getuid?.() === 0 ? [] : ["--user", "--map-root-user"];
  try {
    await promisify(execFile)("unshare", [...user, "--net", "--mount", "--pid", "--fork", "mount", "-t", "tmpfs", "tmpfs", "/mnt"]);
    return true;
  } catch {
    return false;
  }
}
