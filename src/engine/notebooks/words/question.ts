// Tells which questions are about what a notebook ran. It errs on the side of silence: every other question has a card of its own.

export interface NotebookQuestion {
  about: "stale" | "produced" | "repair" | "sinceGood";
  /** Number of the code cell that is meant, from 1, or null. */
  cell: number | null;
  /** What was shown, for "produced". */
  value: string | null;
  /** A notebook that the question names. */
  notebook: string | undefined;
  /** Nothing in it says that it is about a notebook. */
  isVague: boolean;
}

const ABOUT_NOTEBOOK = /\b(?:cells?|notebooks?|kernel|ipynb|run again|re-?run|executed?)\b/;

/** `known`: paths of notebooks that something is known of. */
export function notebookQuestion(question: string, known: readonly string[]): NotebookQuestion | null {
  if (question.length > 600 || question.includes("\n    at ")) return null;
  const text = question.toLowerCase().replaceAll(/[’‘´]/g, "'");
  const notebook = known.find((path) => text.includes(path.toLowerCase())) ?? known.find((path) => text.includes((path.split("/").at(-1) ?? path).toLowerCase()));
  const isVague = notebook === undefined && !ABOUT_NOTEBOOK.test(text);
  const cell = /\bcell (?:no\.? |number |#)?(\d{1,4})\b/.exec(text);
  const base = { cell: cell ? Number(cell[1]) : null, value: null, notebook, isVague };
  if (/\b(?:stale|out of date|outdated|out-of-date)\b/.test(text) && (!isVague || /^(?:what|which|anything|is anything|are any)\b.{0,20}\b(?:stale|out of date|outdated)/.test(text))) return { ...base, about: "stale", isVague };
  if (/\b(?:which|what) (?:cells? )?(?:do|should|must|need) (?:i |to be )?(?:re-?run|run again)\b|\bneeds? (?:to be )?re-?run/.test(text)) return { ...base, about: "stale" };
  const produced = /\b(?:what|which(?: cells?)?|where|how) (?:cell )?(?:produced|made|computed|calculated|printed|gave|shows?|did|does|was|has)\b.*?/.test(text) && /\b(?:produced?|printed?|computed?|come from|came from|calculated|gave|number|value|result)\b/.test(text);
  const value = /[`"“]([^`"”]{1,60})[`"”]/.exec(question)?.[1] ?? /(?<![\w.])-?\d[\d,]*(?:\.\d+)?(?:e[+-]?\d+)?%?(?![\w])/i.exec(question.replace(/\bcell (?:no\.? |number |#)?\d+/gi, ""))?.[0] ?? null;
  if (produced && value !== null) return { ...base, about: "produced", value };
  if (/\bwhat (?:has )?changed since\b|\bsince (?:it|this|the cell) (?:last )?(?:worked|ran)\b|\bused to work\b|\bworked (?:before|earlier)\b/.test(text)) return { ...base, about: "sinceGood" };
  if (/\b(?:what|how) (?:was it |did i |did we )?(?:fixed|fix|repaired|mended|solved)\b|\bwhat (?:finally )?(?:fixed|solved|repaired)\b/.test(text) || (/\bwhy did (?:it|this|that|the cell|cell \d+|the notebook)\b.{0,30}\bfail\b/.test(text))) return { ...base, about: "repair", isVague: isVague && !/\b(?:before|earlier|fail)/.test(text) };
  return null;
}
