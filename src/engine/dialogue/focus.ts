// What a conversation is about: the files, symbols and errors that its turns named, the most recent first, and the lists among which
// "the other one" and "the second" choose. Names in questions are read by the caller; names in answers stand in backticks.

export interface NamedSymbol {
  name: string;
  container: readonly string[];
  /** Only its place in the sentence makes it a name: it counts where the answer knows it too. */
  unsure?: boolean;
}

/** What a question names itself. */
export interface NamesRead {
  symbols: readonly NamedSymbol[];
  paths: readonly { path: string; line: number | null }[];
  error: { type: string; message: string } | null;
}

export interface Mention {
  kind: "symbol" | "file" | "error";
  name: string;
  container: readonly string[];
  path: string | null;
  line: number | null;
  turn: number;
  said: "user" | "assistant";
}

interface TurnMentions {
  turn: number;
  /** What the question is about, named or referred to. */
  topic: Mention | null;
  asked: Mention[];
  answered: Mention[];
}

const MAXIMUM_ANSWER_CHARACTERS = 6_000;
const TURNS_LOOKED_BACK = 8;
/** By which a name alone is a file's rather than a member's: `README.md`, but not `queue.size`. */
const FILE_ENDING = /\.(?:mdx?|txt|rst|jsonl?|ya?ml|toml|ini|cfg|lock|ipynb|html|s?css|[cm]?[jt]sx?|py|rs|java|[ch]pp|rb|php|sql)$/;

export class Focus {
  readonly #turns: TurnMentions[] = [];

  /** Takes one question and its answer in. `referred`: what the question's "it" stood for. */
  add(question: string, names: NamesRead, referred: readonly Mention[], answer: string): void {
    const turn = this.#turns.length;
    const asked: Mention[] = [
      ...names.symbols.filter(({ name, unsure }) => !unsure || answer.includes(name)).map(({ name, container }): Mention => ({ kind: "symbol", name, container, path: null, line: null, turn, said: "user" })),
      ...names.paths.map(({ path, line }): Mention => ({ kind: "file", name: path.split("/").at(-1) ?? path, container: [], path, line, turn, said: "user" })),
      ...(names.error ? [{ kind: "error" as const, name: names.error.type, container: [], path: null, line: null, turn, said: "user" as const }] : []),
    ];
    const answered = mentionsOf(answer, turn);
    // A word that the answer knows as a name was a name in the question too, whatever it looked like there.
    const words = new Set(question.slice(0, MAXIMUM_ANSWER_CHARACTERS).match(/[\p{L}_$][\p{L}\d_$]*/gu));
    for (const mention of answered) if (mention.kind === "symbol" && words.has(mention.name) && asked.every(({ name }) => name !== mention.name)) asked.push({ ...mention, said: "user" });
    // Where the answer says at which place a name of the question stands, the question's name stands there.
    for (const mention of asked) {
      const placed = answered.find((other) => other.kind === "symbol" && other.name === mention.name && other.path !== null);
      if (placed) Object.assign(mention, { path: placed.path, line: placed.line });
    }
    const topic = asked.find(({ kind }) => kind !== "error") ?? referred[0] ?? answered.find(({ kind }) => kind === "symbol") ?? answered[0] ?? null;
    this.#turns.push({ turn, topic, asked: [...asked, ...referred.map((mention) => ({ ...mention, turn }))], answered });
  }

  get length(): number {
    return this.#turns.length;
  }

  /** The topic of the newest turn that has one of the wanted kind. */
  topic(accept: (mention: Mention) => boolean = () => true): Mention | null {
    for (const { topic, asked, answered } of this.#recent()) {
      const found = [topic, ...asked, ...answered].find((mention): mention is Mention => mention !== null && accept(mention));
      if (found) return found;
    }
    return null;
  }

  /** The file that the talk is about: named itself, or the one in which its subject stands. */
  file(): Mention | null {
    for (const { topic, asked, answered } of this.#recent()) {
      const path = topic?.path ?? [...asked, ...answered].find((mention) => mention.path !== null)?.path ?? null;
      if (path !== null) return { kind: "file", name: path.split("/").at(-1) ?? path, container: [], path, line: null, turn: this.length - 1, said: "assistant" };
    }
    return null;
  }

  /** The error of the newest turn that has one: its type where that names it, else what the answer says about it. */
  error(): Mention | null {
    for (const { asked, answered } of this.#recent()) {
      const error = asked.find(({ kind }) => kind === "error");
      if (!error) continue;
      if (/^\w+(?:Error|Exception|Warning|Failure)$/.test(error.name) && error.name !== "TypeError") return { ...error, kind: "symbol" };
      return answered.find(({ kind }) => kind === "symbol") ?? error;
    }
    return this.topic(({ kind, name }) => kind === "symbol" && /(?:Error|Exception)$/.test(name));
  }

  /** The newest list of two or more symbols among which an ordinal or "the other" chooses, in the order in which they were told. */
  siblings(): Mention[] {
    for (const { asked, answered } of this.#recent()) {
      const named = symbolsOf(asked);
      if (named.length > 1) return named;
      const listed = symbolsOf(answered).filter((mention) => named.every((other) => other.name !== mention.name));
      if (listed.length > 1) return listed;
    }
    const topics = this.#turns.slice(-TURNS_LOOKED_BACK).flatMap(({ topic }) => (topic?.kind === "symbol" ? [topic] : []));
    return symbolsOf(topics).slice(-2);
  }

  /** Everything of the last turns, the newest first, each name once. */
  all(): Mention[] {
    const seen = new Set<string>();
    return this.#recent().flatMap(({ topic, asked, answered }) => [...(topic ? [topic] : []), ...asked, ...answered]).filter((mention) => {
      const key = `${mention.kind} ${mention.kind === "file" ? mention.path ?? "" : mention.name}`;
      return !seen.has(key) && seen.add(key);
    });
  }

  #recent(): TurnMentions[] {
    return this.#turns.slice(-TURNS_LOOKED_BACK).toReversed();
  }
}

function symbolsOf(mentions: readonly Mention[]): Mention[] {
  const seen = new Set<string>();
  return mentions.filter(({ kind, name }) => kind === "symbol" && !seen.has(name) && seen.add(name));
}

/** Names in backticks, in order; a path belongs to the names before it that have none. */
function mentionsOf(answer: string, turn: number): Mention[] {
  const mentions: Mention[] = [];
  for (const match of answer.slice(0, MAXIMUM_ANSWER_CHARACTERS).replace(/```[\s\S]*?(?:```|$)/g, " ").matchAll(/`([^`\n]{2,120})`/g)) {
    const code = match[1] ?? "";
    const place = /^((?:[\w@.+~$()[\]-]+\/)*[\w@.+~$()[\]-]+\.[A-Za-z]\w{0,5})(?::(\d+)(?:[-–:]\d+)?)?$/.exec(code);
    if (place?.[1] !== undefined && (code.includes("/") || place[2] !== undefined || FILE_ENDING.test(code))) {
      const path = place[1];
      const line = place[2] === undefined ? null : Number(place[2]);
      for (const mention of mentions) if (mention.path === null) Object.assign(mention, { path, line });
      mentions.push({ kind: "file", name: path.split("/").at(-1) ?? path, container: [], path, line, turn, said: "assistant" });
      continue;
    }
    const segments = code.replace(/\(.*\)$/, "").split(/\.|::|#|->/).filter((segment) => segment !== "this" && segment !== "self");
    const name = segments.at(-1) ?? "";
    if (/^[\p{L}_$][\p{L}\d_$]*$/u.test(name)) mentions.push({ kind: "symbol", name, container: segments.slice(0, -1), path: null, line: null, turn, said: "assistant" });
  }
  return mentions;
}
