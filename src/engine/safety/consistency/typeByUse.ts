// What a parameter must be, by what samples do with it: who calls `.split()` on it means text, who writes `range(n)` a number.
// Each sample has one vote a type, so that the many outvote the odd. It parses nothing.
import type { TypeShape } from "./signature.ts";

/** Samples looked at, and votes that decide at least. */
const MOST_SAMPLES = 100;
const LEAST_VOTES = 3;

const TEXT = "split|lower|upper|strip|lstrip|rstrip|startswith|endswith|isalpha|isdigit|replace|isupper|islower|swapcase|title|find|encode|toLowerCase|toUpperCase|charAt|charCodeAt|startsWith|endsWith|trim|isnumeric|isspace|capitalize|splitlines|rfind";
const LIST = "append|extend|sort|push|reduce|insert|pop";
const DICT = "items|keys|values|get";

/** The type that most samples take parameter `name` for; null where too few tell. */
export function typeByUse(name: string, samples: readonly string[]): TypeShape | null {
  const votes = { string: 0, list: 0, matrix: 0, strings: 0, dict: 0, int: 0 };
  const p = name.replace(/[$]/g, "\\$&");
  const alone = `(?<![\\w.])${p}(?![\\w(])`;
  const rules: Record<keyof typeof votes, RegExp> = {
    string: new RegExp(`${alone}\\.(?:${TEXT})\\b|["'] ?in ${p}\\b|isinstance\\(${p}, str\\)|${alone}(?:\\[[^\\]]*\\])? [!=]= ["']|[!=]= ${p}\\[::-1\\]|\\b(\\w+) in ${p}:[\\s\\S]{0,80}\\b\\1(?:\\.(?:isalpha|isdigit|isupper|islower|lower|upper)\\(| [!=]= ["']| in ["'])|${alone} [+] ["']`),
    strings: new RegExp(`\\b(\\w+) in ${p}\\b[\\s\\S]{0,80}(?:len\\(\\1\\)|\\1\\.(?:split|lower|upper|startswith|endswith))|["'] ?\\.join\\(${p}\\)`),
    matrix: new RegExp(`${alone}\\[\\w+\\]\\[|\\b(\\w+) in ${p}:[\\s\\S]{0,60}\\bin \\1\\b|len\\(${p}\\[0\\]\\)`),
    list: new RegExp(`${alone}\\.(?:${LIST})\\b|\\b(?:sum|sorted|max|min)\\(${p}[,)]|isinstance\\(${p}, list\\)|\\b(\\w+) in ${p}\\b[\\s\\S]{0,80}\\b\\1 (?:%|[<>]=?|[-+*]) |${alone}\\[\\w+\\] ?(?:%|[<>]=?|[-+*])`),
    dict: new RegExp(`${alone}\\.(?:${DICT})\\(|isinstance\\(${p}, dict\\)`),
    int: new RegExp(`range\\([^()]*\\b${p}\\b|${alone} (?:%|//|\\*\\*|/|[<>]=?) ?\\w|\\b(?:bin|math\\.sqrt|abs|hex)\\(${p}\\)|\\bstr\\(${p}\\)|while ${p}\\b|isinstance\\(${p}, (?:int|float)\\)|[*%] ${p}(?![\\w.\\[(])`),
  };
  for (const sample of samples.slice(0, MOST_SAMPLES)) {
    const text = sample.slice(0, 2_000);
    for (const [type, rule] of Object.entries(rules)) if (rule.test(text)) votes[type as keyof typeof votes]++;
  }
  const [best] = Object.entries(votes).sort((a, b) => b[1] - a[1]);
  if (!best || best[1] < Math.min(LEAST_VOTES, samples.length)) return null;
  // A list of lists or of texts is also a list: the narrower kind needs a third of the votes.
  const narrower = (["matrix", "strings"] as const).find((type) => (best[0] === "list" || best[0] === "string") && votes[type] > best[1] / 3 && votes[type] >= LEAST_VOTES);
  switch (narrower ?? best[0]) {
    case "string": return { of: "string" };
    case "int": return { of: "int" };
    case "dict": return { of: "dict", items: [{ of: "string" }, { of: "int" }] };
    case "strings": return { of: "list", items: [{ of: "string" }] };
    case "matrix": return { of: "list", items: [{ of: "list", items: [{ of: "int" }] }] };
    default: return { of: "list", items: [{ of: "int" }] };
  }
}
