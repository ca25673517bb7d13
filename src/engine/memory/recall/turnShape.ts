// What a turn is like, apart from its words: does it ask, speak of the speaker, hold a time, a number, a name, a reason?
// Surface signs of English only; each is weak, and the ranker weighs them (rankerWeights.ts).
import { speaksOfTime } from "./timeExpressions.ts";

export interface TurnShape {
  asks: boolean;
  endsAsking: boolean;
  /** "I", "my", "we" …, counted, at most 4. */
  firstPerson: number;
  secondPerson: number;
  time: boolean;
  /** "for three years", "a month". */
  duration: boolean;
  number: boolean;
  place: boolean;
  reason: boolean;
  /** Capitalised words that do not begin a sentence, at most 4. */
  names: number;
  quoted: boolean;
  /** "a, b and c". */
  list: boolean;
  feeling: boolean;
  /** Greetings, thanks, praise: little is said. */
  smallTalk: boolean;
  picture: boolean;
  /** Something planned or done by the speaker: "I went", "we're going to". */
  event: boolean;
  words: number;
}

const count = (text: string, pattern: RegExp): number => text.match(pattern)?.length ?? 0;

export function turnShape(text: string): TurnShape {
  return {
    asks: text.includes("?"),
    endsAsking: /\?\W*(?:\[[^\]]*\])?\s*$/.test(text),
    firstPerson: Math.min(4, count(text, /\b(?:I|I'm|I've|I'll|I'd|my|My|me|mine|we|We|our|Our|us)\b/g)),
    secondPerson: Math.min(4, count(text, /\b(?:you|your|yours|you're|you've)\b/gi)),
    time: speaksOfTime(text),
    duration: /\b(?:for|since|took|takes|past|last) (?:about |over |almost |nearly |the )?(?:a|an|\d+|one|two|three|four|five|six|seven|eight|nine|ten|few|couple of|several|many) ?(?:few )?(?:minute|hour|day|week|month|year)s?\b|\b(?:\d+|two|three|four|five|six|seven|eight|nine|ten) (?:hour|day|week|month|year)s?\b/i.test(text),
    number: /\b(?:\d+|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|dozen|hundred|thousand|once|twice|several|couple)\b/i.test(text),
    place: /\b(?:in|at|to|from|near|around|visit(?:ed|ing)?) (?:the )?[A-Z][a-z]+|\b(?:park|beach|school|store|shop|restaurant|museum|church|gym|studio|city|town|country|mountains?|lake|shelter|cafe|office)\b/.test(text),
    reason: /\b(?:because|so that|since|in order to|that's why|due to|thanks to|reason|helps? me|makes? me|made me|inspired|motivated|to help|to make)\b/i.test(text),
    names: Math.min(4, count(text, /(?<=[a-z,;:'"] )[A-Z][a-z]+/g)),
    quoted: /["“][^"”]{2,60}["”]/.test(text),
    list: /\w+, (?:and )?\w+(?: \w+)?,? (?:and|or) \w+/.test(text),
    feeling: /\b(?:feel|felt|feeling|happy|sad|proud|excited|nervous|grateful|thankful|love|loved|hate|scared|relieved|amazing|stress\w*|worried|upset|enjoy\w*)\b/i.test(text),
    smallTalk: /^(?:hey|hi|hello|wow|thanks|thank you|yeah|yep|sure|absolutely|bye|take care|no problem|glad|great|awesome|cool|nice|congrats|that's (?:great|awesome|amazing|so|really))\b/i.test(text),
    picture: /\[(?:shared|shows|photo|image|picture)/i.test(text),
    event: /\b(?:I|we)(?:'ve| have)? (?:just |recently |finally |also |even )?(?:went|got|had|made|took|started|joined|bought|met|saw|won|lost|found|did|did|finished|visited|attended|signed|tried|been|decided|\w+ed)\b/i.test(text),
    words: count(text, /\S+/g),
  };
}
