// What a shell text consists of, as shellParser.ts reads it. Types only.

/** A word: literal pieces and pieces whose text is only known when it runs. Offsets are into the whole text, `end` exclusive. */
export interface ShellWord {
  parts: WordPart[];
  start: number;
  end: number;
}

export type WordPart =
  /** `encoded`: was written as escapes of printable characters, which nobody does to be read. */
  | { kind: "literal"; text: string; quoted: boolean; encoded?: boolean }
  | { kind: "variable"; name: string; fallback: ShellWord | null; quoted: boolean }
  | { kind: "substitution"; script: ShellScript; quoted: boolean }
  | { kind: "process"; script: ShellScript }
  | { kind: "arithmetic"; text: string };

export interface ShellRedirect {
  /** ">", ">>", "<", "<<", "<<<", ">|", "&>", ">&" … */
  operator: string;
  /** The file, or the text of a here-document or here-string. */
  target: ShellWord;
  start: number;
}

export interface ShellAssignment {
  name: string;
  value: ShellWord;
}

export type ShellCommand =
  | { kind: "simple"; assignments: ShellAssignment[]; words: ShellWord[]; redirects: ShellRedirect[]; start: number; end: number }
  /** Everything that holds scripts: subshells, groups, if, while, case. All of it may run. */
  | { kind: "group"; scripts: ShellScript[]; subshell: boolean; redirects: ShellRedirect[]; start: number; end: number }
  | { kind: "for"; name: string; values: ShellWord[]; body: ShellScript; redirects: ShellRedirect[]; start: number; end: number }
  | { kind: "function"; name: string; body: ShellCommand; start: number; end: number };

/** Commands joined by `|`. */
export interface ShellPipeline {
  commands: ShellCommand[];
  start: number;
  end: number;
}

/** Pipelines in order; how they are joined (`;`, `&&`, `||`, `&`, line ends) does not matter to what may run. */
export interface ShellScript {
  pipelines: ShellPipeline[];
  /** Where the text is no shell grammar, or null. What stands before and after it is read all the same. */
  unread: { start: number; end: number; expected: string } | null;
}
