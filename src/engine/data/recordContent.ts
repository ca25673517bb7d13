// One record as text: its canonical line, the hash of its content, what of it is given and what is learnt, and its texts one by one.
// It reads no files and judges no quality.
import { hash } from "node:crypto";
import type { RecordOrigin, TaskCheck, TrainingMessage, TrainingPrompt, TrainingRecord } from "../base/trainingRecord.ts";

/** Hexadecimal digits of an id: 64 bits, so that 10 million records collide with a probability below 3e-6. */
export const ID_DIGITS = 16;

/**
 * The record as one line of JSON with its fields in a fixed order: the form in which versions hold it. No line break at its
 * end. `content` is its canonical content, where that is known already.
 */
export function canonicalLine(record: TrainingRecord, content: string = canonicalContent(record)): string {
  // The content's object ends in "}"; the origin goes before it, so that one serialisation serves line and hash.
  return `${content.slice(0, -1)},"origin":${JSON.stringify(canonicalOrigin(record.origin))}}`;
}

/** The record without its origin, as canonical JSON: equal for equal content, whatever its place. */
export function canonicalContent(record: TrainingRecord): string {
  switch (record.kind) {
    case "text": return JSON.stringify({ kind: record.kind, text: record.text });
    case "conversation": return JSON.stringify({ kind: record.kind, messages: record.messages.map(canonicalMessage) });
    case "example": return JSON.stringify({ kind: record.kind, prompt: canonicalPrompt(record.prompt), completion: record.completion });
    case "preference": return JSON.stringify({ kind: record.kind, prompt: canonicalPrompt(record.prompt), chosen: record.chosen, rejected: record.rejected });
    case "judged": return JSON.stringify({ kind: record.kind, prompt: canonicalPrompt(record.prompt), completion: record.completion, good: record.good });
    case "task": return JSON.stringify({ kind: record.kind, prompt: canonicalPrompt(record.prompt), check: record.check && canonicalCheck(record.check), reference: record.reference });
  }
}

/** Id of a record: the first 64 bits of the SHA-256 of its canonical content, as {@link ID_DIGITS} hexadecimal digits. */
export function recordId(record: TrainingRecord): string {
  return hash("sha256", canonicalContent(record)).slice(0, ID_DIGITS);
}

function canonicalMessage({ role, content }: TrainingMessage): TrainingMessage {
  return { role, content };
}

function canonicalPrompt(prompt: TrainingPrompt): TrainingPrompt {
  switch (prompt.form) {
    case "text": return { form: prompt.form, text: prompt.text };
    case "chat": return { form: prompt.form, messages: prompt.messages.map(canonicalMessage) };
    case "infill": return { form: prompt.form, prefix: prompt.prefix, suffix: prompt.suffix, ...(prompt.path === undefined ? {} : { path: prompt.path }) };
  }
}

function canonicalCheck({ language, tests, preamble }: TaskCheck): TaskCheck {
  return { language, tests, ...(preamble === undefined ? {} : { preamble }) };
}

function canonicalOrigin({ at, commit, time, licence, language }: RecordOrigin): RecordOrigin {
  return { at, ...(commit === undefined ? {} : { commit }), ...(time === undefined ? {} : { time }), ...(licence === undefined ? {} : { licence }), ...(language === undefined ? {} : { language }) };
}

/** What the model is given and what it learns, as plain texts; for a task, whose reply is not known, the prompt stands for what is learnt. */
export function partsOf(record: TrainingRecord): { given: string; learnt: string } {
  switch (record.kind) {
    case "text": return { given: "", learnt: record.text };
    case "conversation": {
      const of = (assistant: boolean): string => record.messages.filter(({ role }) => (role === "assistant") === assistant).map(({ content }) => content).join("\n");
      return { given: of(false), learnt: of(true) };
    }
    case "example": return { given: promptText(record.prompt), learnt: record.completion };
    case "preference": return { given: promptText(record.prompt), learnt: `${record.chosen}\n${record.rejected}` };
    case "judged": return { given: promptText(record.prompt), learnt: record.completion };
    case "task": return { given: "", learnt: promptText(record.prompt) };
  }
}

/** The texts of a prompt, one after the other. */
export function promptText(prompt: TrainingPrompt): string {
  switch (prompt.form) {
    case "text": return prompt.text;
    case "chat": return prompt.messages.map(({ content }) => content).join("\n");
    case "infill": return `${prompt.prefix}\n${prompt.suffix}`;
  }
}

/** Length of a record in characters (UTF-16 units): everything that a model sees of it. */
export function recordLength(record: TrainingRecord): number {
  switch (record.kind) {
    case "text": return record.text.length;
    case "conversation": return record.messages.reduce((sum, { content }) => sum + content.length, 0);
    case "example": return promptLength(record.prompt) + record.completion.length;
    case "preference": return promptLength(record.prompt) + Math.max(record.chosen.length, record.rejected.length);
    case "judged": return promptLength(record.prompt) + record.completion.length;
    case "task": return promptLength(record.prompt) + (record.reference?.length ?? 0);
  }
}

/** Characters of a record that are learnt; of a pair, those of the longer side, as in {@link recordLength}; of a task, none yet. */
export function learntLength(record: TrainingRecord): number {
  switch (record.kind) {
    case "text": return record.text.length;
    case "conversation": return record.messages.reduce((sum, { role, content }) => sum + (role === "assistant" ? content.length : 0), 0);
    case "example": case "judged": return record.completion.length;
    case "preference": return Math.max(record.chosen.length, record.rejected.length);
    case "task": return 0;
  }
}

function promptLength(prompt: TrainingPrompt): number {
  switch (prompt.form) {
    case "text": return prompt.text.length;
    case "chat": return prompt.messages.reduce((sum, { content }) => sum + content.length, 0);
    case "infill": return prompt.prefix.length + prompt.suffix.length;
  }
}

/** The record with `change` applied to each of its texts (not to its origin). */
export function mapTexts(record: TrainingRecord, change: (text: string) => string): TrainingRecord {
  const messages = (list: readonly TrainingMessage[]): TrainingMessage[] => list.map(({ role, content }) => ({ role, content: change(content) }));
  const prompt = (value: TrainingPrompt): TrainingPrompt => {
    switch (value.form) {
      case "text": return { form: "text", text: change(value.text) };
      case "chat": return { form: "chat", messages: messages(value.messages) };
      case "infill": return { form: "infill", prefix: change(value.prefix), suffix: change(value.suffix), ...(value.path === undefined ? {} : { path: value.path }) };
    }
  };
  switch (record.kind) {
    case "text": return { ...record, text: change(record.text) };
    case "conversation": return { ...record, messages: messages(record.messages) };
    case "example": return { ...record, prompt: prompt(record.prompt), completion: change(record.completion) };
    case "preference": return { ...record, prompt: prompt(record.prompt), chosen: change(record.chosen), rejected: change(record.rejected) };
    case "judged": return { ...record, prompt: prompt(record.prompt), completion: change(record.completion) };
    case "task": return {
      ...record, prompt: prompt(record.prompt),
      ...(record.check === undefined ? {} : { check: { language: record.check.language, tests: change(record.check.tests), ...(record.check.preamble === undefined ? {} : { preamble: change(record.check.preamble) }) } }),
      ...(record.reference === undefined ? {} : { reference: change(record.reference) }),
    };
  }
}
