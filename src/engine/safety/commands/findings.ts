// What is said of a command: how grave it is, why, and where it stands. Types and their order only.

/**
 * - `allow`: reads, builds, tests, or changes what can be made again;
 * - `ask`: changes what cannot be taken back, reaches outside the workspace, brings in foreign code, or runs what cannot be seen;
 * - `block`: destroys the system or everything of the user's, hands over rights, the machine or its keys, or hides such a command.
 */
export type CommandAction = "allow" | "ask" | "block";

export interface CommandFinding {
  action: "ask" | "block";
  /** Stable name of the rule, which overrides and policies refer to. */
  rule: string;
  /** What would happen, as the rest of a sentence that begins with "This": "deletes every file under your home folder". */
  consequence: string;
  /** UTF-16 offsets into the text that was given. */
  start: number;
  end: number;
}

/** A finding before its place is known. */
export type Concern = Pick<CommandFinding, "action" | "rule" | "consequence">;

const SEVERITY: Record<CommandAction, number> = { allow: 0, ask: 1, block: 2 };

export function gravest<T extends { action: CommandAction }>(findings: readonly T[]): T | null {
  let worst: T | null = null;
  for (const finding of findings) if (!worst || SEVERITY[finding.action] > SEVERITY[worst.action]) worst = finding;
  return worst;
}

export function ask(rule: string, consequence: string): Concern {
  return { action: "ask", rule, consequence };
}

export function block(rule: string, consequence: string): Concern {
  return { action: "block", rule, consequence };
}
