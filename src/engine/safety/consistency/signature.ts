// What a function takes, as far as its text tells: names, written types, and types guessed from names. Python, JavaScript and
// TypeScript. It parses no bodies.

/** What kind of value a parameter takes; `any` where nothing tells. */
export type TypeShape =
  | { readonly of: "int" | "float" | "string" | "bool" | "any" | "none" }
  | { readonly of: "list" | "set" | "tuple"; readonly items: readonly TypeShape[] }
  | { readonly of: "dict"; readonly items: readonly [TypeShape, TypeShape] };

export interface Parameter {
  readonly name: string;
  readonly type: TypeShape;
  readonly optional: boolean;
  /** False where the type is only guessed from the name. */
  readonly written: boolean;
}

const ANY: TypeShape = { of: "any" };

/** The parameters of function `name` where `text` defines it; null where it does not. */
export function parametersOf(text: string, name: string): Parameter[] | null {
  const escaped = name.replace(/[$]/g, "\\$&");
  const head = new RegExp(`(?:\\bdef\\s+${escaped}|\\bfunction\\s*\\*?\\s*${escaped}|\\b(?:const|let|var)\\s+${escaped}\\s*=\\s*(?:async\\s*)?(?:function\\b[^(]*)?)\\s*(?:<[^>]*>)?\\s*\\(`).exec(text);
  if (!head) return null;
  const body = balanced(text, head.index + head[0].length);
  if (body === null) return null;
  const parameters: Parameter[] = [];
  for (const part of splitTop(body)) {
    const match = /^\s*(\.\.\.|\*{0,2})([A-Za-z_$][\w$]*)(\?)?\s*(?::\s*([^=]+?))?\s*(?:=\s*([\s\S]+))?$/.exec(part);
    if (!match) continue;
    const [, star, parameter = "", question, written, preset] = match;
    if (star !== "" || parameter === "self" || parameter === "cls") continue;
    const type = written === undefined ? guessedType(parameter, preset) : writtenType(written);
    parameters.push({ name: parameter, type: type.of === "any" ? guessedType(parameter, preset) : type, optional: question !== undefined || preset !== undefined, written: type.of !== "any" && written !== undefined });
  }
  return parameters;
}

/** A type as Python or TypeScript writes it. */
export function writtenType(written: string): TypeShape {
  const text = written.trim().replace(/^["']|["']$/g, "");
  const array = /^(.*)\[\]$/s.exec(text);
  if (array) return { of: "list", items: [writtenType(array[1]!.replace(/^\((.*)\)$/s, "$1"))] };
  const union = splitTop(text, "|");
  if (union.length > 1) return writtenType(union.find((part) => !/^\s*(?:None|null|undefined)\s*$/.test(part)) ?? "None");
  const generic = /^([\w.]+)\s*[[<]([\s\S]*)[\]>]$/.exec(text);
  const base = (generic?.[1] ?? text).replace(/^.*\./, "").toLowerCase();
  const inner = generic ? splitTop(generic[2]!).map(writtenType) : [];
  switch (base) {
    case "int": case "bigint": return { of: "int" };
    case "float": return { of: "float" };
    case "number": return { of: "int" };
    case "str": case "string": return { of: "string" };
    case "bool": case "boolean": return { of: "bool" };
    case "none": case "null": case "undefined": return { of: "none" };
    case "optional": return inner[0] ?? ANY;
    case "union": return inner.find(({ of }) => of !== "none") ?? ANY;
    case "list": case "sequence": case "iterable": case "collection": case "array": case "readonlyarray": return { of: "list", items: [inner[0] ?? { of: "int" }] };
    case "set": case "frozenset": return { of: "set", items: [inner[0] ?? { of: "int" }] };
    case "tuple": return { of: "tuple", items: inner.length > 0 ? inner : [{ of: "int" }, { of: "int" }] };
    case "dict": case "mapping": case "record": case "map": return { of: "dict", items: [inner[0] ?? { of: "string" }, inner[1] ?? { of: "int" }] };
    default: return ANY;
  }
}

/** What a parameter of this name usually is. */
function guessedType(name: string, preset: string | undefined): TypeShape {
  if (preset !== undefined) {
    if (/^["']/.test(preset)) return { of: "string" };
    if (/^(?:True|False|true|false)$/.test(preset)) return { of: "bool" };
    if (/^-?\d+$/.test(preset)) return { of: "int" };
    if (/^-?[\d.]+$/.test(preset)) return { of: "float" };
    if (preset.startsWith("[")) return { of: "list", items: [{ of: "int" }] };
  }
  const low = name.toLowerCase();
  if (/^(?:strs|strings|words|names|lines)$|(?:_|^)(?:words|strings|strs|names)$/.test(low)) return { of: "list", items: [{ of: "string" }] };
  if (/matrix|grid|board/.test(low)) return { of: "list", items: [{ of: "list", items: [{ of: "int" }] }] };
  if (/^(?:lst|list|arr|array|nums|numbers|values|items|elements|l|xs|data|seq|operations|tup|test_list|integers)\d*$|(?:_|^)(?:list|lst|arr|array|nums|numbers|tuple|tup)\d*$/.test(low)) return { of: low.includes("tup") ? "tuple" : "list", items: low.includes("tup") ? [{ of: "int" }, { of: "int" }, { of: "int" }] : [{ of: "int" }] };
  if (/^(?:dict|d|mapping|dictionary)\d*$|_dict$/.test(low)) return { of: "dict", items: [{ of: "string" }, { of: "int" }] };
  if (/^(?:s|str|string|text|word|sentence|txt|char|ch|c|message|name|prefix|suffix|sub|substring|file_name|date|brackets|letter|paren_string)\d*$|(?:_|^)(?:str|string|text|word|char)\d*$|string/.test(low)) return { of: "string" };
  if (/^(?:n|m|k|i|j|x|y|z|a|b|num|number|count|size|length|index|start|end|low|high|limit|max|min|p|q|r|base|digits?|year|month|day|age|value|left|right|interval)\d*$|(?:_|^)(?:num|number|count|size|len|length|n)$/.test(low)) return { of: "int" };
  if (/threshold|ratio|rate|price|radius|height|width|side|area/.test(low)) return { of: "float" };
  if (/^(?:is|has|flag|enable)/.test(low)) return { of: "bool" };
  return ANY;
}

/** The text up to the parenthesis that closes the one before `from`. */
function balanced(text: string, from: number): string | null {
  let depth = 1;
  for (let at = from; at < Math.min(text.length, from + 4_000); at++) {
    if ("([{".includes(text[at]!)) depth++;
    else if (")]}".includes(text[at]!) && --depth === 0) return text.slice(from, at);
  }
  return null;
}

/** Parts between separators that stand in no brackets. */
function splitTop(text: string, separator = ","): string[] {
  const parts: string[] = [];
  let depth = 0, from = 0;
  for (let at = 0; at < text.length; at++) {
    const char = text[at]!;
    if ("([{<".includes(char)) depth++;
    else if (")]}".includes(char) || (char === ">" && text[at - 1] !== "-" && text[at - 1] !== "=")) depth--;
    else if (char === separator && depth === 0) {
      parts.push(text.slice(from, at));
      from = at + 1;
    }
  }
  parts.push(text.slice(from));
  return parts.map((part) => part.trim()).filter((part) => part !== "");
}
