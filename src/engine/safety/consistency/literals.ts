// Plain values as programs write them: read from and written to Python and JavaScript source, so that calls found in one
// place can be tried, varied and put into another. It evaluates nothing: what is no literal is no value.

export type Value =
  | { readonly kind: "int"; readonly value: bigint }
  | { readonly kind: "float"; readonly value: number }
  | { readonly kind: "string"; readonly value: string }
  | { readonly kind: "bool"; readonly value: boolean }
  | { readonly kind: "none" }
  | { readonly kind: "list" | "tuple" | "set"; readonly items: readonly Value[] }
  | { readonly kind: "dict"; readonly entries: readonly (readonly [Value, Value])[] };

export type LiteralLanguage = "python" | "javascript";

/** Deepest nesting and longest text that is read: examples are small. */
const DEEPEST = 12;
const LONGEST = 4_000;

/** The values of the arguments in `text`, which begins behind the opening parenthesis of a call; null where one is no literal. */
export function readArguments(text: string): { readonly values: Value[]; readonly end: number } | null {
  const reader = new Reader(text.slice(0, LONGEST));
  const values = reader.sequence(")", 0);
  return values === null ? null : { values, end: reader.at };
}

/** The literal that `text` begins with, white space before it left out, and where it ends; null where there is none. */
export function readValue(text: string): { readonly value: Value; readonly end: number } | null {
  const reader = new Reader(text.slice(0, LONGEST));
  const value = reader.value(0);
  return value === null ? null : { value, end: reader.at };
}

/** Source text of `value`. */
export function writeValue(value: Value, language: LiteralLanguage): string {
  const python = language === "python";
  const all = (items: readonly Value[]): string => items.map((item) => writeValue(item, language)).join(", ");
  switch (value.kind) {
    case "int": return String(value.value);
    case "float": return Number.isInteger(value.value) && Math.abs(value.value) < 1e15 ? value.value.toFixed(1) : String(value.value);
    case "string": return quoted(value.value);
    case "bool": return python ? (value.value ? "True" : "False") : String(value.value);
    case "none": return python ? "None" : "null";
    case "list": return `[${all(value.items)}]`;
    case "tuple": return python ? `(${all(value.items)}${value.items.length === 1 ? "," : ""})` : `[${all(value.items)}]`;
    case "set": return python ? (value.items.length === 0 ? "set()" : `{${all(value.items)}}`) : `new Set([${all(value.items)}])`;
    case "dict": return `{${value.entries.map(([key, item]) => `${python || key.kind === "string" ? writeValue(key, language) : `[${writeValue(key, language)}]`}: ${writeValue(item, language)}`).join(", ")}}`;
  }
}

/** JSON's escapes are understood by Python too, but for lone surrogates, which neither would print. */
function quoted(text: string): string {
  return JSON.stringify(text).replace(/[\u007f-\uffff]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

class Reader {
  readonly #text: string;
  at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  /** Values separated by commas up to `close`, which is read too. Arguments by name (`key=1`) are no literals. */
  sequence(close: string, depth: number): Value[] | null {
    const values: Value[] = [];
    for (;;) {
      this.#space();
      if (this.#take(close)) return values;
      if (values.length > 0 && !this.#take(",")) return null;
      this.#space();
      if (values.length > 0 && this.#take(close)) return values;
      const value = this.value(depth);
      if (value === null) return null;
      values.push(value);
    }
  }

  value(depth: number): Value | null {
    this.#space();
    if (depth > DEEPEST) return null;
    const rest = this.#text.slice(this.at);
    const number = /^[-+]?(?:\d[\d_]*\.?\d*(?:[eE][-+]?\d+)?|\.\d+(?:[eE][-+]?\d+)?)(?![\w.])/.exec(rest);
    if (number) {
      this.at += number[0].length;
      const digits = number[0].replace(/_/g, "");
      return /^[-+]?\d+$/.test(digits) ? { kind: "int", value: BigInt(digits.replace(/^\+/, "")) } : { kind: "float", value: Number(digits) };
    }
    const word = /^(?:True|true|False|false|None|null)(?![\w])/.exec(rest);
    if (word) {
      this.at += word[0].length;
      return /^[Nn]/.test(word[0]) ? { kind: "none" } : { kind: "bool", value: /^[Tt]/.test(word[0]) };
    }
    const first = rest[0];
    if (first === "\"" || first === "'") return this.#string(first);
    if (this.#take("[")) {
      const items = this.sequence("]", depth + 1);
      return items && { kind: "list", items };
    }
    if (this.#take("(")) {
      const items = this.sequence(")", depth + 1);
      if (items === null) return null;
      const comma = /,\s*\)$/.test(this.#text.slice(0, this.at));
      return items.length === 1 && !comma ? items[0]! : { kind: "tuple", items };
    }
    if (this.#take("{")) return this.#braces(depth + 1);
    if (rest.startsWith("set()")) {
      this.at += 5;
      return { kind: "set", items: [] };
    }
    return null;
  }

  #braces(depth: number): Value | null {
    const entries: (readonly [Value, Value])[] = [];
    const items: Value[] = [];
    for (;;) {
      this.#space();
      if (this.#take("}")) return items.length > 0 ? { kind: "set", items } : { kind: "dict", entries };
      if (entries.length + items.length > 0) {
        if (!this.#take(",")) return null;
        this.#space();
        if (this.#take("}")) return items.length > 0 ? { kind: "set", items } : { kind: "dict", entries };
      }
      const key = this.value(depth) ?? this.#bareKey();
      if (key === null) return null;
      this.#space();
      if (this.#take(":")) {
        const value = this.value(depth);
        if (value === null || items.length > 0) return null;
        entries.push([key, value]);
      } else if (entries.length > 0) return null;
      else items.push(key);
    }
  }

  /** JavaScript's unquoted keys. */
  #bareKey(): Value | null {
    const key = /^[A-Za-z_$][\w$]*(?=\s*:)/.exec(this.#text.slice(this.at));
    if (!key) return null;
    this.at += key[0].length;
    return { kind: "string", value: key[0] };
  }

  #string(quote: string): Value | null {
    let value = "";
    for (let at = this.at + 1; at < this.#text.length; at++) {
      const char = this.#text[at]!;
      if (char === quote) {
        this.at = at + 1;
        // Triple quotes and neighbouring strings are left alone.
        return this.#text[at + 1] === quote ? null : { kind: "string", value };
      }
      if (char === "\n") return null;
      if (char !== "\\") { value += char; continue; }
      const escaped = this.#text[++at];
      const plain = escaped === undefined ? undefined : ({ n: "\n", t: "\t", r: "\r", "0": "\0" } as Record<string, string>)[escaped];
      const code = /^(?:u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2}))/.exec(this.#text.slice(at));
      if (code) {
        value += String.fromCharCode(parseInt(code[1] ?? code[2] ?? "", 16));
        at += code[0].length - 1;
      } else value += plain ?? escaped ?? "";
    }
    return null;
  }

  #space(): void {
    while (/\s/.test(this.#text[this.at] ?? "")) this.at++;
  }

  #take(text: string): boolean {
    if (!this.#text.startsWith(text, this.at)) return false;
    this.at += text.length;
    return true;
  }
}
