// Hands the shipped detectors, at their frozen thresholds and under no workspace's policy, to the evaluation of safety.
import { evaluateSafety } from "../evaluation/safety.ts";
import type { DetectorRow, SafetyRow } from "../evaluation/safety.ts";
import type { EvaluationHooks, EvaluationResult } from "../evaluation/suite.ts";
import type { Detector, TextKind } from "../safety/detector.ts";
import { runDetector, screened, wasChecked } from "../safety/screen.ts";
import { THRESHOLDS } from "../safety/thresholds.ts";
import type { CheckName } from "../safety/verdict.ts";
import { allDetectors } from "./checkText.ts";

const CHECK_OF: Readonly<Record<DetectorRow, CheckName>> = { command: "commands", request: "requests", injection: "injection", insecureCode: "insecureCode", secret: "secrets" };
const KIND_OF: Readonly<Record<DetectorRow, TextKind>> = { command: "command", request: "input", injection: "input", insecureCode: "code", secret: "context" };

export async function runSafety(data: string, hooks: EvaluationHooks): Promise<EvaluationResult> {
  const byRow = new Map<DetectorRow, Detector>();
  for (const detector of await allDetectors()) for (const [row, name] of Object.entries(CHECK_OF)) if (detector.name === name) byRow.set(row as DetectorRow, detector);
  return evaluateSafety(data, {
    detectors: [...byRow.keys()],
    settings: { thresholds: Object.fromEntries([...byRow.values()].map(({ name }) => [name, THRESHOLDS[name].value])) },
    async judge(row: SafetyRow, signal) {
      const detector = byRow.get(row.detector);
      if (!detector) throw new RangeError(`No detector for ${row.detector}.`);
      const kind = row.detector === "injection" && row.place === "context" ? "context" : KIND_OF[row.detector];
      const begun = performance.now();
      const finding = await runDetector(detector, screened(row.text, kind, row.language === undefined ? {} : { language: row.language }), signal ? { signal } : {});
      return { action: finding.action, score: finding.score, checked: wasChecked(finding), ms: performance.now() - begun };
    },
  }, hooks);
}
