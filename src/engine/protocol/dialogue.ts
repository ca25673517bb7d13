// What is known of a conversation between developer and assistant, as it travels to the view. Types only: imports nothing.

/** Where in the conversation something was said. `turn` is the 0-based index of the question. */
export interface DialogueEvidence {
  turn: number;
  said: "user" | "assistant";
  /** Found by rules, or extracted by the model into a grammar. */
  by: "rules" | "model";
}

export interface DialogueItem extends DialogueEvidence {
  /** One line, in the speaker's words. */
  text: string;
}

/** What the talk is about now, the most recent first. */
export interface DialogueEntity extends DialogueEvidence {
  kind: "symbol" | "file" | "error";
  name: string;
  path: string | null;
  line: number | null;
}

/** How a follow-up was understood: "it" → `LocalIndex`. */
export interface DialogueReference {
  phrase: string;
  name: string;
  kind: DialogueEntity["kind"];
}

export interface DialogueState {
  goal: DialogueItem | null;
  constraints: DialogueItem[];
  decisions: DialogueItem[];
  openQuestions: DialogueItem[];
  pendingActions: DialogueItem[];
  focus: DialogueEntity[];
  /** What the last question referred to, where it named nothing itself. */
  references: DialogueReference[];
}
