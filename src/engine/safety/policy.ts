// What a workspace's `.kalactica/policy.json` may change about the checks, and the floor that it may not: secrets are always looked
// for, and a command that is blocked is never run unasked. It judges values; reading the file is tasks/safetyPolicy.ts's.
import { createHash } from "node:crypto";
import type { VerdictAction } from "../protocol/types.ts";
import type { Finding } from "./detector.ts";
import { THRESHOLDS } from "./thresholds.ts";
import { CHECK_NAMES, SEVERITY } from "./verdict.ts";
import type { CheckName } from "./verdict.ts";

export interface CheckPolicy {
  readonly enabled?: boolean;
  readonly threshold?: number;
  /** What is done where the check finds something. */
  readonly action?: VerdictAction;
  /** Texts whose finding is fine: `*` stands for any characters. Compared with each found piece, or the whole command; a secret is named by "sha256:" and its hash. */
  readonly allow?: readonly string[];
  /** Files that the check leaves out, as globs relative to the workspace. */
  readonly ignorePaths?: readonly string[];
}

export type PolicyChecks = Readonly<Partial<Record<CheckName, CheckPolicy>>>;

/** These cannot be switched off, loosened or told to ignore files. */
const FLOOR: ReadonlySet<CheckName> = new Set(["secrets", "commands"]);
/** What a `*` in an allowed command never stands for: "npm run *" must not allow "npm run x; rm -rf ~". */
const JOINS_COMMANDS = /[;&|<>`$()\n\r{}\\]/;
const SHA256 = /^sha256:[0-9a-f]{64}$/;

export class Policy {
  readonly checks: PolicyChecks;
  readonly #trusted: boolean;

  /** In an untrusted workspace only what is stricter counts. */
  constructor(checks: PolicyChecks, trusted: boolean) {
    this.checks = checks;
    this.#trusted = trusted;
  }

  /** Whether a check is made, of a file where `path` names one. */
  runs(name: CheckName, path?: string): boolean {
    const own = this.checks[name];
    if (!own || FLOOR.has(name) || !this.#trusted) return true;
    return own.enabled !== false && !(path !== undefined && own.ignorePaths?.some((pattern) => matches(pattern, path)));
  }

  threshold(name: CheckName): number {
    const { value, below } = THRESHOLDS[name];
    const own = this.checks[name]?.threshold;
    if (own === undefined) return value;
    if (this.#trusted && !FLOOR.has(name)) return own;
    return below === true ? Math.max(value, own) : Math.min(value, own);
  }

  /** A finding under this policy: allowed pieces taken out, its action moved. `text` is what was judged. */
  judge(finding: Finding, text: string): Finding {
    const name = CHECK_NAMES.find((one) => one === finding.name);
    const own = name && this.checks[name];
    if (!name || !own || finding.action === "allow") return finding;
    let action: VerdictAction = finding.action;
    if (this.#trusted && own.allow !== undefined && (name === "secrets" || action !== "block") && allowed(own.allow, finding, text)) return { ...finding, action: "allow", reason: `${finding.reason} Allowed by this workspace's policy.` };
    if (own.action !== undefined && (SEVERITY[own.action] > SEVERITY[action] || this.#mayLoosen(name, action))) action = own.action;
    return { ...finding, action };
  }

  #mayLoosen(name: CheckName, action: VerdictAction): boolean {
    return this.#trusted && !FLOOR.has(name) && action !== "allow";
  }
}

export const NO_POLICY = new Policy({}, true);

export interface ParsedPolicy {
  readonly checks: PolicyChecks;
  /** A sentence for each part that does not count, and why. */
  readonly refused: readonly string[];
}

/** The policy in `value`, the parsed JSON of the file. What cannot be understood is refused with a sentence; the rest counts. */
export function readPolicy(value: unknown): ParsedPolicy {
  const refused: string[] = [];
  if (!isObject(value)) return { checks: {}, refused: [`The policy is ${describe(value)}, but must be an object like {"version": 1, "checks": {…}}.`] };
  if (value["version"] !== 1) return { checks: {}, refused: [`The policy's "version" is ${describe(value["version"])}, but this program knows version 1 only; none of it counts.`] };
  for (const key of Object.keys(value)) if (!["version", "checks", "$schema"].includes(key)) refused.push(`"${key}" is not a part of a policy. There are: version, checks.`);
  const given = value["checks"] ?? {};
  if (!isObject(given)) return { checks: {}, refused: [...refused, `"checks" is ${describe(given)}, but must be an object of checks by name.`] };
  const checks: Partial<Record<CheckName, CheckPolicy>> = {};
  for (const [key, part] of Object.entries(given)) {
    const name = CHECK_NAMES.find((one) => one === key);
    if (!name) refused.push(`There is no check "${key}". There are: ${CHECK_NAMES.join(", ")}.`);
    else checks[name] = readCheck(name, part, refused);
  }
  return { checks, refused };
}

const FIELDS: Readonly<Record<keyof CheckPolicy, { is: (value: unknown) => boolean; expected: string; loosens?: (value: unknown) => boolean }>> = {
  enabled: { is: (value) => typeof value === "boolean", expected: "true or false", loosens: (value) => value === false },
  threshold: { is: (value) => typeof value === "number" && value >= 0 && value <= 1, expected: "a number from 0 to 1" },
  action: { is: (value) => typeof value === "string" && value in SEVERITY, expected: "one of allow, warn, ask, block", loosens: (value) => value === "allow" || value === "warn" },
  allow: { is: isTexts, expected: "a list of texts" },
  ignorePaths: { is: isTexts, expected: "a list of globs", loosens: () => true },
};

function readCheck(name: CheckName, part: unknown, refused: string[]): CheckPolicy {
  if (!isObject(part)) {
    refused.push(`"checks.${name}" is ${describe(part)}, but must be an object.`);
    return {};
  }
  const own: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(part)) {
    const field = (FIELDS as Record<string, (typeof FIELDS)[keyof CheckPolicy] | undefined>)[key];
    if (!field) refused.push(`"checks.${name}.${key}" is not known. There are: ${Object.keys(FIELDS).join(", ")}.`);
    else if (!field.is(value)) refused.push(`"checks.${name}.${key}" is ${describe(value)}, but must be ${field.expected}.`);
    else if (FLOOR.has(name) && field.loosens?.(value) === true) refused.push(`"checks.${name}.${key}" cannot be ${describe(value)}: ${name === "secrets" ? "secrets never leave" : "blocked commands never run unasked"}, whatever a policy says.`);
    else if (name === "secrets" && key === "allow" && !(value as string[]).every((one) => SHA256.test(one))) refused.push(`"checks.secrets.allow" must name each allowed text as "sha256:" and the 64 digits of its hash, so that neither a pattern lets real secrets out nor the policy holds one.`);
    else own[key] = value;
  }
  return own;
}

function allowed(patterns: readonly string[], finding: Finding, text: string): boolean {
  if (finding.name === "commands") return patterns.some((pattern) => matches(pattern, text.trim(), JOINS_COMMANDS));
  const pieces = finding.spans.length === 0 ? [text.trim()] : finding.spans.map((span) => text.slice(span.start, span.end));
  if (finding.name === "secrets") return pieces.every((piece) => patterns.includes(`sha256:${createHash("sha256").update(piece).digest("hex")}`));
  return pieces.every((piece) => patterns.some((pattern) => matches(pattern, piece)));
}

/**
 * Whether `text` is what `pattern` says: `*` is any characters (also "/") but those of `never`, `?` one of them.
 * Takes at most the product of both lengths; a policy brings no regular expression of its own.
 */
export function matches(pattern: string, text: string, never?: RegExp): boolean {
  const fits = (at: number): boolean => never?.test(text[at] ?? "") !== true;
  let p = 0;
  let t = 0;
  let star = -1;
  let mark = 0;
  while (t < text.length) {
    if (pattern[p] === "*") {
      star = p++;
      mark = t;
    } else if (pattern[p] === text[t] || (pattern[p] === "?" && fits(t))) {
      p++;
      t++;
    } else if (star >= 0 && fits(mark)) {
      p = star + 1;
      t = ++mark;
    } else return false;
  }
  while (pattern[p] === "*") p++;
  return p === pattern.length;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isTexts(value: unknown): boolean {
  return Array.isArray(value) && value.length <= 1000 && value.every((one) => typeof one === "string" && one.length <= 500 && one.replaceAll("*", "") !== "");
}

function describe(value: unknown): string {
  const json = JSON.stringify(value) as string | undefined;
  return json === undefined ? "missing" : json.length > 60 ? `${json.slice(0, 57)}…` : json;
}
