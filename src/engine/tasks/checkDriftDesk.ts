// Checks of proposed code against the project itself: does it read like the project (drift), and does what it leans on exist
// (grounded). Learns the project behind the answers, again when it has changed; until then the checks say that they were not made.
import { createHash } from "node:crypto";
import { isCancelled } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import type { AcceptedDrafts } from "../memory/acceptedDrafts.ts";
import { blockKey } from "../protocol/safety.ts";
import type { BlockConcern, Check } from "../protocol/types.ts";
import { chunkingMethodOf, languageOf } from "../retrieval/chunking/languages.ts";
import type { WorkspaceIndex } from "../retrieval/workspaceIndex.ts";
import { guessLanguage } from "../safety/code/guessLanguage.ts";
import { ASPECTS } from "../safety/drift/driftModel.ts";
import type { Measures } from "../safety/drift/driftModel.ts";
import { isJudgeable, judgeDrift } from "../safety/drift/driftCheck.ts";
import { WorkspaceModel } from "../safety/drift/workspaceModel.ts";
import { groundedCode, groundedLanguage } from "../safety/groundedCode.ts";
import { makeCheck } from "../safety/verdict.ts";
import type { AnswerBlock, CheckedAnswer } from "./checkAnswer.ts";
import { driftLanguage, driftSenses } from "./checkDriftSenses.ts";
import { WorkspaceNameIndex } from "./checkGrounded.ts";

export interface ProjectChecksOptions {
  readonly index: WorkspaceIndex;
  readonly workspaceDir: string | null;
  readonly accepted: AcceptedDrafts;
  readonly log: Log;
}

/** A change of the project is taken in after this long at the earliest, where somebody asks. */
const AGE_MS = 5 * 60_000;
/** Languages of one project that are learnt: the largest. */
const LANGUAGES = 3;
const LEAST_FILES = 5;
const KEPT_JUDGEMENTS = 100;

interface Learnt {
  readonly signature: string;
  readonly at: number;
  readonly models: ReadonlyMap<string, WorkspaceModel>;
  readonly names: WorkspaceNameIndex;
}

export class ProjectChecks {
  readonly #options: ProjectChecksOptions;
  #learnt: Learnt | null = null;
  #learning: Promise<void> | null = null;
  /** What was measured of flagged blocks, should the user allow one. */
  readonly #judged = new Map<string, { language: string; measures: Measures }>();

  constructor(options: ProjectChecksOptions) {
    this.#options = options;
  }

  /** Learns the project where that is due. Resolves when it is learnt; nobody needs to wait. */
  prepare(signal?: AbortSignal): Promise<void> {
    this.#learning ??= this.#learn(signal).catch((error: unknown) => {
      if (!isCancelled(error)) this.#options.log.warn("The project's style could not be learnt", { error: String(error) });
    }).finally(() => { this.#learning = null; });
    return this.#learning;
  }

  /** Checks of the blocks of code among `blocks`, within `budgetMs`. No checks where there is nothing to check them against. */
  async check(blocks: readonly AnswerBlock[], isAllowed: (key: string) => boolean, budgetMs: number): Promise<CheckedAnswer> {
    const code = blocks.map((block) => ({ ...block, id: languageIdOf(block) })).filter(({ id }) => id !== null) as (AnswerBlock & { id: string })[];
    if (code.length === 0) return { checks: [], concerns: [] };
    const learnt = this.#learnt;
    if (!learnt) return { checks: [notChecked("drift", "your project is still being read"), notChecked("grounded", "your project is still being read")], concerns: [] };
    const begun = performance.now();
    const late = (): boolean => performance.now() - begun > budgetMs;
    const concerns: BlockConcern[] = [], checks: Check[] = [];
    const grounded = await this.#grounded(code, learnt, isAllowed, late);
    const drift = await this.#drift(code, learnt, isAllowed, late);
    for (const found of [drift, grounded]) {
      if (found.check) checks.push(found.check);
      concerns.push(...found.concerns);
    }
    return { checks, concerns };
  }

  /** The user said that a flagged block is fine: from now on it counts as usual. */
  accept(key: string): void {
    const judged = this.#judged.get(key);
    if (!judged) return;
    this.#options.accepted.add(key, judged.language, judged.measures);
    this.#learnt?.models.get(judged.language)?.calibration.accept(judged.measures);
  }

  /** The user took that back: the project is learnt anew without it. */
  withdraw(keys: readonly string[]): void {
    if (this.#options.accepted.remove(keys) > 0 && this.#learnt) this.#learnt = { ...this.#learnt, signature: "", at: -Infinity };
  }

  async #drift(blocks: readonly (AnswerBlock & { id: string })[], learnt: Learnt, isAllowed: (key: string) => boolean, late: () => boolean): Promise<{ check: Check | null; concerns: BlockConcern[] }> {
    const concerns: BlockConcern[] = [];
    let worst: Check | null = null;
    for (const block of blocks) {
      const language = driftLanguage(block.id);
      const model = learnt.models.get(language);
      if (!model || !isJudgeable(block.code)) continue;
      if (late()) return { check: worst?.action === "warn" ? worst : notChecked("drift", "there was no time left"), concerns };
      const judged = await judgeDrift(block.code, model);
      if (!judged) continue;
      const key = keyOf("drift", block.code);
      if (judged.flagged) {
        this.#judged.set(key, { language, measures: judged.measures });
        if (this.#judged.size > KEPT_JUDGEMENTS) this.#judged.delete(this.#judged.keys().next().value!);
        concerns.push({ block: blockKey(block.code), check: "drift", action: "warn", rule: "unlike-project", reason: judged.check.reason, fix: "", span: null, excerpt: "", key, allowed: isAllowed(key) });
      }
      const counts = judged.flagged && isAllowed(key) ? { ...judged.check, action: "allow" as const, reason: "Unlike your project, which you said is fine." } : judged.check;
      if (!worst || (counts.action === "warn" && worst.action === "allow") || (counts.action === worst.action && counts.score > worst.score)) worst = counts;
    }
    return { check: worst, concerns };
  }

  async #grounded(blocks: readonly (AnswerBlock & { id: string })[], learnt: Learnt, isAllowed: (key: string) => boolean, late: () => boolean): Promise<{ check: Check | null; concerns: BlockConcern[] }> {
    const concerns: BlockConcern[] = [];
    let checked = 0;
    // What one block of an answer defines, the next may use.
    const whole = blocks.map(({ code }) => code).join("\n");
    for (const block of blocks) {
      const language = groundedLanguage(block.id);
      if (language === null) continue;
      if (late()) return { check: notChecked("grounded", "there was no time left"), concerns };
      const found = await groundedCode(block.code, language, { resolves: (...asked) => learnt.names.resolves(...asked), offers: (...asked) => learnt.names.offers(...asked), knows: (name) => learnt.names.knows(name) || new RegExp(`(?:def|class|function|func|const|let|var|type|interface)\\s+${name}\\b`).test(whole) });
      checked += found.checked;
      for (const { kind, name, reason } of found.unknown) {
        const key = keyOf(`grounded\n${name}`, block.code);
        const at = block.code.indexOf(name);
        concerns.push({ block: blockKey(block.code), check: "grounded", action: "warn", rule: `unknown-${kind}`, reason, fix: "", span: at < 0 ? null : { start: at, end: at + name.length }, excerpt: name, key, allowed: isAllowed(key) });
      }
    }
    if (checked === 0) return { check: null, concerns };
    const open = concerns.filter(({ allowed }) => !allowed);
    return {
      check: makeCheck("grounded", {
        score: Number((1 - open.length / checked).toFixed(3)), threshold: 1, action: open.length > 0 ? "warn" : "allow",
        reason: open.length === 0 ? `${checked} ${checked === 1 ? "name" : "names"} of the proposed code looked up, none is unknown.` : `${open[0]!.reason}${open.length > 1 ? ` And ${open.length - 1} more.` : ""}`,
      }),
      concerns,
    };
  }

  async #learn(signal: AbortSignal | undefined): Promise<void> {
    const { index, workspaceDir, accepted, log } = this.#options;
    if (this.#learnt && performance.now() - this.#learnt.at < AGE_MS) return;
    const files = index.files();
    const signature = createHash("sha256").update(files.map(({ path, size }) => `${path}\n${size}\n`).join("")).digest("hex");
    if (this.#learnt?.signature === signature) {
      this.#learnt = { ...this.#learnt, at: performance.now() };
      return;
    }
    const begun = performance.now();
    const sizes = new Map<string, { files: string[]; size: number }>();
    for (const { path, size } of files) {
      const language = driftLanguage(languageOf(path));
      if (chunkingMethodOf(language).by !== "grammar") continue;
      const known = sizes.get(language) ?? { files: [], size: 0 };
      known.files.push(path);
      known.size += size;
      sizes.set(language, known);
    }
    const models = new Map<string, WorkspaceModel>();
    const senses = driftSenses(index.embedder);
    for (const [language, { files: paths }] of [...sizes].filter(([, { files: of }]) => of.length >= LEAST_FILES).sort((a, b) => b[1].size - a[1].size).slice(0, LANGUAGES)) {
      const model = await WorkspaceModel.fit(language, [...index.texts(paths)], senses, signal);
      if (!model) continue;
      for (const measures of accepted.of(language)) if (ASPECTS.every((aspect) => typeof measures[aspect] === "number")) model.calibration.accept(measures as Measures);
      models.set(language, model);
    }
    const names = await WorkspaceNameIndex.read({
      workspaceDir, files: files.map(({ path }) => path), texts: () => index.texts(), textOf: (file) => [...index.texts([file])][0]?.text,
      knows: (name) => index.definitions(name).some((definition) => definition.name === name) || index.usages(name, 1).count > 0,
    }, signal);
    this.#learnt = { signature, at: performance.now(), models, names };
    log.info("The project's style was learnt", { languages: [...models].map(([language, { calibration }]) => `${language}: ${calibration.size} snippets`), ms: Math.round(performance.now() - begun) });
  }
}

function languageIdOf({ code, language }: AnswerBlock): string | null {
  const aliases: Record<string, string> = { py: "python", python3: "python", ts: "typescript", tsx: "typescriptreact", js: "javascript", jsx: "javascriptreact", mjs: "javascript", golang: "go", rs: "rust", cs: "csharp", "c++": "cpp", rb: "ruby" };
  const said = language.toLowerCase();
  const id = said === "" ? guessLanguage(code) : aliases[said] ?? said;
  return id !== null && !["shellscript", "powershell", "bash", "sh", "css"].includes(id) && chunkingMethodOf(id).by === "grammar" ? id : null;
}

function notChecked(name: "drift" | "grounded", why: string): Check {
  return { ...makeCheck(name, { score: 0, threshold: 1, action: "allow", reason: `Not checked: ${why}.` }), notChecked: true };
}

function keyOf(check: string, code: string): string {
  return createHash("sha256").update(`${check}\n${code.replace(/\s+/g, " ").trim()}`).digest("hex").slice(0, 40);
}
