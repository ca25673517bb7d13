// What is learnt from the user of one workspace, in its one database file: joins the rooms that write it with the scrubbing
// of secrets and personal data, which comes before anything is stored. What is made of it is in data/sources/.
import path from "node:path";
import { openDatabase } from "../base/database.ts";
import type { DatabaseSync } from "../base/database.ts";
import { COMPLETION_SCHEMA } from "../completion/outcomes.ts";
import { ACCEPTED_DRAFT_SCHEMA, AcceptedDrafts } from "../memory/acceptedDrafts.ts";
import { AnswerFeedback, FEEDBACK_SCHEMA } from "../memory/answerFeedback.ts";
import { ANSWER_USE_SCHEMA, AnswerUseStore } from "../memory/answerUse.ts";
import { APPLIED_ANSWER_SCHEMA, AppliedAnswers } from "../memory/appliedAnswers.ts";
import { MemoryGraph } from "../memory/graph/memoryGraph.ts";
import { MEMORY_GRAPH_SCHEMA } from "../memory/graph/schema.ts";
import { NOTEBOOK_RUN_SCHEMA, NotebookRuns } from "../memory/notebookRuns.ts";
import { SAFETY_OVERRIDE_SCHEMA, SafetyOverrides } from "../memory/safetyOverrides.ts";
import { TRAINING_REVIEW_SCHEMA, TrainingReview } from "../memory/trainingReview.ts";
import { redactPersonalData } from "../safety/personalData.ts";
import { redactSecrets } from "../safety/secrets.ts";

/** `text` without secrets and personal data. */
export function scrub(text: string): string {
  return redactPersonalData(redactSecrets(text).text).text;
}

export class UserMemory {
  readonly database: DatabaseSync;
  readonly answers: AnswerFeedback;
  readonly applied: AppliedAnswers;
  /** How answers fared, without their texts. */
  readonly answerUse: AnswerUseStore;
  readonly notebookRuns: NotebookRuns;
  readonly review: TrainingReview;
  /** Findings of the checks that the user has allowed. */
  readonly overrides: SafetyOverrides;
  /** Measures of drafts that the user said are fine although they read unlike the project. */
  readonly acceptedDrafts: AcceptedDrafts;
  /** Episodes and how they bear on one another: what answers recall. */
  readonly graph: MemoryGraph;

  /** Opens `memory.sqlite` in `storageDir`; a damaged one is set aside and told of. Errors: `indexTooNew`, `diskFull`. */
  constructor(storageDir: string, onDamaged: (asideAs: string) => void) {
    const schemas = [COMPLETION_SCHEMA, FEEDBACK_SCHEMA, NOTEBOOK_RUN_SCHEMA, APPLIED_ANSWER_SCHEMA, TRAINING_REVIEW_SCHEMA, MEMORY_GRAPH_SCHEMA, SAFETY_OVERRIDE_SCHEMA, ACCEPTED_DRAFT_SCHEMA, ANSWER_USE_SCHEMA];
    this.database = openDatabase(path.join(storageDir, "memory.sqlite"), schemas, onDamaged);
    this.answers = new AnswerFeedback(this.database, scrub);
    this.applied = new AppliedAnswers(this.database, scrub);
    this.answerUse = new AnswerUseStore(this.database);
    this.notebookRuns = new NotebookRuns(this.database, scrub);
    this.review = new TrainingReview(this.database);
    this.overrides = new SafetyOverrides(this.database, scrub);
    this.acceptedDrafts = new AcceptedDrafts(this.database);
    this.graph = new MemoryGraph(this.database, { scrub });
  }

  close(): void {
    this.database.close();
  }
}
