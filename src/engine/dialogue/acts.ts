// What a turn does, read from its words: it affirms, refuses, asks for something else, does not care, asks, reports success.
// Shared by the tracking of services and of the developer's own conversation. What it is about is decided elsewhere.

export interface TurnActs {
  affirms: boolean;
  refuses: boolean;
  /** "What else is there?": what was offered is not taken. */
  wantsOther: boolean;
  /** "Actually …", "instead", "change it": a value that is set may be replaced. */
  corrects: boolean;
  /** Clauses in which the speaker says that any value will do. */
  indifferent: readonly { start: number; end: number }[];
  /** Nothing more is wanted. */
  closes: boolean;
  thanks: boolean;
}

const AFFIRMS = /^(?:(?:oh|ok(?:ay)?|alright|well|hmm|great|perfect|nice|cool|awesome|wonderful|excellent|thanks|thank you)[,.! ]+)*(?:yes|yeah|yep|yup|yea|ya|sure|ok(?:ay)?|alright|all right|correct|right|exactly|absolutely|definitely|of course|perfect|great|wonderful|excellent|awesome|fantastic|cool|nice|good|fine|agreed|indeed|precisely|confirmed?|please do|go ahead|do it|got it|deal)\b/i;
const AFFIRMS_ANYWHERE = /\b(?:(?:sounds?|looks?|seems?|is|are|'s|would be|will be|be|all) (?:so |just |very |pretty |really |all |totally |absolutely )?(?:good|great|fine|perfect|right|correct|ok(?:ay)?|nice|awesome|wonderful|fantastic|lovely|excellent|amazing|accurate|ideal|interesting|cool|it)|(?:that|it|which|this)(?:'ll| will| would)? (?:works?|do|suits?)(?: (?:for|great|fine|well|perfectly|me))?|works (?:for me|great|fine|well|perfectly)|go ahead|go for (?:it|that)|(?:i|i'll|i'd|i will|we|we'll|let's|would|let me)(?: would)?(?: like to| want to| love to|'d like to)? (?:take|like|love|book|reserve|buy|go with|rent|choose|try|want|have|schedule|purchase|select|get) (?:it|that|this|that one|this one|the one|there)|(?:please )?(?:book|reserve|buy|rent|schedule|purchase|confirm) (?:it|that|this|them|the|me|one|a|an|my)\b|please (?:confirm|proceed|continue|do)|proceed|you (?:have|got) (?:a winner|it)|you can (?:do|book|proceed))/i;
const REFUSES = /^(?:(?:oh|um|hmm|well|actually|sorry|ok(?:ay)?)[,.! ]+)*(?:no\b|nope|nah|not (?:really|at|now|yet|quite|this|that|exactly|right)|don't|do not|never ?mind|wait|i don't (?:want|like|think)|that(?:'s| is) (?:not|wrong)|that (?:won't|doesn't|isn't))/i;
const REFUSES_ANYWHERE = /\b(?:won't work|doesn't work|not interested|don't (?:do|book|want) (?:it|that|this)|not (?:what i|right now|at this time))\b/i;
const WANTS_OTHER = /\b(?:what else|anything else|something else|anything different|something different|any (?:others?|other \w+)|(?:show|find|get|tell|give) me (?:some(?:thing)? )?(?:others?|more|another|different)|other (?:options?|choices?|places?|ones?|cars?|flights?|restaurants?|\w+s) |another (?:one|option)|(?:is|are) there (?:any|some)?(?:thing)? ?(?:other|else|more)|what other|which other|how about something|find me more|any more|some other|different one)\b/i;
const CORRECTS = /\b(?:actually|instead|change|rather|make (?:it|that)|switch|wait|sorry|no,|not .{1,30} but|try (?:again|for|it)|let's (?:do|try|make)|on second thought|update|correction|how about|what about|changed? (?:my mind|it))\b/i;
const INDIFFERENT = /\b(?:(?:i |we )?(?:don't|do not|doesn't|does not) (?:really |much |particularly )?(?:care|mind (?:what|which|about)|matter|have (?:a |any )?(?:particular |specific |strong )?preferences?)|no (?:particular |specific |strong |special )?preferences?|(?:any|whatever|whichever|anything|any one|anyone|anywhere|anytime) (?:\w+ )?(?:is (?:fine|ok(?:ay)?|good|great)|are fine|will (?:do|be fine|be ok(?:ay)?|work)|works?|would (?:do|work|be fine|be great)|you (?:like|find|want|have))|anything goes|it's all the same|up to you|i'm (?:flexible|not picky|easy)|not (?:picky|particular|fussy)|makes no difference)\b|^(?:any|anything|whatever|whichever|anywhere|anytime)\b[\w ]{0,20}[.!]?$/gi;
const SUCCEEDS = /\b(?:has been|have been|is|are|was|were|been|'ve|successfully|it's|i've) (?:now |all |successfully |been )?(?:booked|reserved|made|scheduled|confirmed|purchased|bought|set|done|completed|added|successful|transferred|rented|placed|on (?:its|the) way|playing|created)\b|\b(?:booking|reservation|purchase|payment|transfer|appointment|order) (?:was|is|has been) (?:a )?(?:success|successful|confirmed|complete|made)|\bsuccess(?:ful(?:ly)?)?\b|\byou(?:'re| are) all set\b|\b(?:enjoy your (?:ride|trip|flight|movie|meal))\b/i;
const FAILS = /\b(?:sorry|unfortunately|apolog\w+|regret\w*|could(?:n't| not)|can(?:'t|not)|unable|wasn't able|was not able|unsuccessful|fail(?:ed|ure)?|not available|no longer available|didn't|did not (?:go|work)|wasn't)\b/i;

export function readTurn(text: string): TurnActs {
  const plain = text.replaceAll("’", "'").trim();
  const wantsOther = WANTS_OTHER.test(plain);
  const refuses = REFUSES.test(plain) || REFUSES_ANYWHERE.test(plain);
  return {
    affirms: !refuses && !wantsOther && (AFFIRMS.test(plain) || sentencesOf(plain).some((sentence) => !/^(?:and )?(?:what|how|when|where|which|who|is|are|do|does|whether)\b/i.test(sentence.text) && AFFIRMS_ANYWHERE.test(sentence.text))),
    refuses,
    wantsOther,
    corrects: refuses || CORRECTS.test(plain),
    indifferent: [...plain.matchAll(INDIFFERENT)].map((match) => ({ start: match.index, end: match.index + match[0].length })),
    closes: /\b(?:that(?:'s| is|s| will be|'ll be| would be)? (?:all|it|everything)\b|nothing (?:else|more)|all i (?:need|want)|all for (?:now|today)|i'm (?:good|done|all set))/i.test(plain),
    thanks: /\bthank(?:s| you)\b/i.test(plain),
  };
}

/** Whether what was asked for was done, or could not be, as a report says it. */
export function readReport(text: string): "success" | "failure" | null {
  const plain = text.replaceAll("’", "'");
  if (FAILS.test(plain)) return "failure";
  return SUCCEEDS.test(plain) ? "success" : null;
}

export interface Sentence {
  text: string;
  start: number;
  end: number;
  isQuestion: boolean;
}

/** Sentences with their places. A full stop after an initial or inside a number ends none. */
export function sentencesOf(text: string): Sentence[] {
  const sentences: Sentence[] = [];
  for (const match of text.matchAll(/[^.!?\n]+(?:[.!?](?=\S)[^.!?\n]*)*[.!?]*\s*/g)) {
    const body = match[0].trim();
    if (body !== "") sentences.push({ text: body, start: match.index, end: match.index + match[0].length, isQuestion: /\?\s*$/.test(body) || /^(?:what|when|where|which|who|how|do|does|is|are|can|could|would|will|should|did|have|has|may)\b/i.test(body) });
  }
  return sentences;
}
