// Reads a workspace's `.kalactica/policy.json`. What it may say is safety/policy.ts's.
import { readFile } from "node:fs/promises";
import path from "node:path";
import { errnoCode } from "../base/errors.ts";
import { NO_POLICY, Policy, readPolicy } from "../safety/policy.ts";

export const POLICY_FILE = path.join(".kalactica", "policy.json");
const LONGEST_POLICY = 1_000_000;

/** The workspace's policy, none where there is no file; `refused` has a sentence for each part of it that does not count. */
export async function loadPolicy(workspaceDir: string | null, trusted: boolean): Promise<{ policy: Policy; refused: readonly string[] }> {
  if (workspaceDir === null) return { policy: NO_POLICY, refused: [] };
  const file = path.join(workspaceDir, POLICY_FILE);
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (error) {
    const code = errnoCode(error);
    return { policy: NO_POLICY, refused: code === "ENOENT" || code === "ENOTDIR" ? [] : [`${POLICY_FILE} cannot be read (${code ?? "unknown error"}); the checks run as they are shipped.`] };
  }
  if (text.length > LONGEST_POLICY) return { policy: NO_POLICY, refused: [`${POLICY_FILE} has ${text.length} characters, more than a policy may; the checks run as they are shipped.`] };
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return { policy: NO_POLICY, refused: [`${POLICY_FILE} is not JSON (${error instanceof Error ? error.message : ""}); the checks run as they are shipped.`] };
  }
  const { checks, refused } = readPolicy(value);
  return { policy: new Policy(checks, trusted), refused: refused.map((sentence) => `${POLICY_FILE}: ${sentence}`) };
}
