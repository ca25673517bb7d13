// Strips English suffixes, so that "tested", "tests" and "testing" meet. Source: M. F. Porter, "An algorithm for suffix
// stripping", Program 14(3), 1980, with the two departures of its author's own programs (abli → able via bli, logi → log).
// It knows no other language and no exceptions.

/** Consonant-vowel measure of the paper: how often a vowel is followed by a consonant. */
function measure(stem: string): number {
  let count = 0;
  let wasVowel = false;
  for (let i = 0; i < stem.length; i++) {
    const vowel = isVowel(stem, i);
    if (wasVowel && !vowel) count++;
    wasVowel = vowel;
  }
  return count;
}

function isVowel(word: string, at: number): boolean {
  switch (word.charCodeAt(at)) {
    case 97: case 101: case 105: case 111: case 117: // a e i o u
      return true;
    case 121: // y is a vowel behind a consonant
      return at > 0 && !isVowel(word, at - 1);
    default:
      return false;
  }
}

function hasVowel(stem: string): boolean {
  for (let i = 0; i < stem.length; i++) if (isVowel(stem, i)) return true;
  return false;
}

function endsDouble(word: string): boolean {
  const last = word.length - 1;
  return last > 0 && word[last] === word[last - 1] && !isVowel(word, last);
}

/** Consonant, vowel, consonant at the end, the last not w, x or y: "hop", but not "snow". */
function endsShort(word: string): boolean {
  const last = word.length - 1;
  return last >= 2 && !isVowel(word, last) && isVowel(word, last - 1) && !isVowel(word, last - 2) && !"wxy".includes(word[last] as string);
}

type Rules = readonly (readonly [suffix: string, replacement: string])[];

const STEP_2: Rules = [
  ["ational", "ate"], ["ization", "ize"], ["iveness", "ive"], ["fulness", "ful"], ["ousness", "ous"], ["tional", "tion"], ["biliti", "ble"],
  ["entli", "ent"], ["ousli", "ous"], ["ation", "ate"], ["alism", "al"], ["aliti", "al"], ["iviti", "ive"], ["enci", "ence"], ["anci", "ance"],
  ["izer", "ize"], ["alli", "al"], ["ator", "ate"], ["logi", "log"], ["bli", "ble"], ["eli", "e"],
];
const STEP_3: Rules = [["icate", "ic"], ["ative", ""], ["alize", "al"], ["iciti", "ic"], ["ical", "ic"], ["ness", ""], ["ful", ""]];
const STEP_4 = ["ement", "ance", "ence", "able", "ible", "ment", "ant", "ent", "ism", "ate", "iti", "ous", "ive", "ize", "ion", "al", "er", "ic", "ou"];

/** The first rule whose suffix fits decides, also where its condition then fails. */
function replaced(word: string, rules: Rules): string {
  for (const [suffix, replacement] of rules) {
    if (!word.endsWith(suffix)) continue;
    const stem = word.slice(0, -suffix.length);
    return measure(stem) > 0 ? stem + replacement : word;
  }
  return word;
}

function step1(word: string): string {
  let w = word;
  if (w.endsWith("s")) {
    if (w.endsWith("sses") || w.endsWith("ies")) w = w.slice(0, -2);
    else if (!w.endsWith("ss")) w = w.slice(0, -1);
  }
  if (w.endsWith("eed")) {
    if (measure(w.slice(0, -3)) > 0) w = w.slice(0, -1);
  } else {
    const stem = w.endsWith("ed") ? w.slice(0, -2) : w.endsWith("ing") ? w.slice(0, -3) : null;
    if (stem !== null && hasVowel(stem)) {
      if (/(?:at|bl|iz)$/.test(stem)) w = `${stem}e`;
      else if (endsDouble(stem) && !/[lsz]$/.test(stem)) w = stem.slice(0, -1);
      else if (measure(stem) === 1 && endsShort(stem)) w = `${stem}e`;
      else w = stem;
    }
  }
  return w.endsWith("y") && hasVowel(w.slice(0, -1)) ? `${w.slice(0, -1)}i` : w;
}

function step4(word: string): string {
  for (const suffix of STEP_4) {
    if (!word.endsWith(suffix)) continue;
    const stem = word.slice(0, -suffix.length);
    if (measure(stem) <= 1 || (suffix === "ion" && !/[st]$/.test(stem))) return word;
    return stem;
  }
  return word;
}

function step5(word: string): string {
  let w = word;
  if (w.endsWith("e")) {
    const stem = w.slice(0, -1);
    const m = measure(stem);
    if (m > 1 || (m === 1 && !endsShort(stem))) w = stem;
  }
  return w.endsWith("ll") && measure(w) > 1 ? w.slice(0, -1) : w;
}

/** The stem of a lower-case word; words of one or two letters, and those with anything but a to z, stay as they are. */
export function porterStem(word: string): string {
  if (word.length <= 2 || !/^[a-z]+$/.test(word)) return word;
  return step5(step4(replaced(replaced(step1(word), STEP_2), STEP_3)));
}
