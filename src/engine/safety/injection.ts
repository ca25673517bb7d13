// Marks text in sources that speaks to an assistant rather than to people or compilers. Simple and honest: a few families of
// phrases, case-blind, English. What it finds is shown as a warning; what it misses is still treated as data by the prompt.

export interface InjectionMark {
  start: number;
  end: number;
  /** The words that matched, on one line. */
  text: string;
  family: "override" | "role" | "exfiltrate" | "conceal" | "template";
}

const SCANNED_CHARACTERS = 200_000;
const FAMILIES: readonly (readonly [InjectionMark["family"], RegExp])[] = [
  ["override", /\b(?:ignore|disregard|forget|override|bypass)\s+(?:(?:all|any|every|the|your|my|these|those|of)\s+){0,4}(?:(?:previous|prior|above|earlier|preceding|existing|system|original|initial|safety)\s+){1,2}(?:instructions?|prompts?|rules?|directions?|guidelines?|messages?|context|commands?)\b/i],
  ["override", /\b(?:new|updated|real|actual|important)\s+(?:system\s+)?instructions?\s*(?:for (?:the )?(?:ai|assistant|model|llm|agent|copilot))?\s*:/i],
  ["role", /\b(?:if you are|dear|attention,?|note to|message (?:for|to)|instructions? (?:for|to))\s+(?:an? |the |any |all )?(?:ai|llm|language model|ai assistant|ai agent|coding assistant|copilot|chatbot|assistant)s?\b[\s,:]+(?:you (?:must|should|will)|please|do|run|execute|ignore|reveal|send|print|include|always|never)\b/i],
  ["role", /\byou are (?:now|no longer)\s+(?:an?|the|in|bound|dan|developer|jailbroken|unrestricted)\b/i],
  ["exfiltrate", /\b(?:reveal|print|send|post|upload|leak|exfiltrate|output|repeat|show)\s+(?:me\s+)?(?:(?:all|the|your|any|this|user'?s?)\s+){0,3}(?:system prompt|hidden instructions|api[ _-]?keys?|secrets?|credentials|environment variables|ssh keys?|private keys?)\s+(?:to|at|in|into|via|verbatim|above|below|here)\b/i],
  ["conceal", /\b(?:do not|don't|never)\s+(?:tell|inform|alert|mention (?:this )?to|reveal (?:this )?to|notify|warn)\s+the\s+(?:user|human|developer|operator)\b/i],
  ["template", /<\|(?:im_start|im_end|system|user|assistant|endoftext|start_header_id|eot_id)\|>|<<SYS>>|\[\/?INST\]|<start_of_turn>/],
];

/** The first mark in `text`, or null. In code, a chat template's markers are part of the program and do not count. */
export function findInjection(text: string, { isCode = false }: { isCode?: boolean } = {}): InjectionMark | null {
  const scanned = text.slice(0, SCANNED_CHARACTERS);
  let first: InjectionMark | null = null;
  for (const [family, pattern] of FAMILIES) {
    if (isCode && family === "template") continue;
    const match = pattern.exec(scanned);
    if (match && (!first || match.index < first.start)) {
      first = { start: match.index, end: match.index + match[0].length, text: match[0].replace(/\s+/g, " ").slice(0, 80), family };
    }
  }
  return first;
}
