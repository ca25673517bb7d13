import assert from "node:assert/strict";
import { MAXIMUM_QUESTION_CHARACTERS, understandQuestion, withHistory } from "../../../src/engine/answering/question.ts";
import type { QuestionIntent } from "../../../src/engine/protocol/types.ts";

const PHRASINGS: Record<Exclude<QuestionIntent, "open">, string[]> = {
  where: [
    "where is createPrompt defined?", "where's the tokenizer", "wheres parseConfig", "Where can I find the websocket code?", "whre is the index built", "where do we read the settings",
    "location of FooBar", "find `parseArgs`", "show me the Scheduler class", "go to handleClick", "definition of retryDelay", "where are conversations saved", "where does it open the database",
    "in the repo, where is the cache?", "wo ist Tokenizer definiert", "où est défini createPrompt", "¿dónde está createPrompt?", "WHERE IS THE LOGGER", "locate the retry logic",
  ],
  what: [
    "what does parseConfig do", "whats FooBar", "what is a Lease?", "explain the scheduler", "describe `Chat.render`", "tell me about memory fit", "how does the cache work", "how is the score computed",
    "waht does merge_lora do", "what is the purpose of retryDelay", "why does the scheduler yield", "was macht parseConfig", "que fait createPrompt", "qué hace createPrompt", "Explain this function",
  ],
  how: [
    "how do i call generate", "how do I use the Logger?", "how to create a Session", "how can we instantiate Engine", "hwo do i use parseArgs", "example of using Scheduler", "usage of openDatabase",
    "signature of encode", "what arguments does generate take", "what parameters does `run` accept?", "what does parseConfig return?", "how is merge_lora called", "how should I call Chat.render()",
  ],
  which: [
    "which file handles websocket messages", "what file contains the tokenizer", "in which module is the retry done", "find the code that parses arguments", "which function computes the score",
    "wich file sends mails", "what handles authentication", "who is responsible for caching", "the file responsible for routing", "which class implements caching", "show me the code that retries",
    "which fiel reads the config", "what part of the code renders charts", "which component shows the toast",
  ],
  usages: [
    "who calls setContext", "where is parseConfig used", "where is Chat.render called from?", "what calls createPrompt", "which files import chat.ts", "find all usages of Lease", "references to FooBar",
    "callers of retryDelay", "is parseConfig used anywhere?", "where do we use openDatabase", "what uses the scheduler", "which functions call encode?", "list all references to Lease", "who imports settings.ts",
    "where is RMSNorm instantiated", "does anything call encode", "where are these constants used",
  ],
  error: [
    "explain this error: TypeError: x is undefined\n    at foo (src/a.ts:1:2)", "why do I get \"ValueError: bad value here\"?",
    "Traceback (most recent call last):\n  File \"a.py\", line 3, in <module>\n    f()\nKeyError: 'x'", "panic: runtime error: index out of range\n\ngoroutine 1 [running]:\nmain.main()\n\t/x/main.go:8 +0x1d",
    "src/x.ts(12,5): error TS2345: Argument of type 'a' is not assignable", "it crashes at src/engine/a.ts:12", "what does this error mean?",
  ],
  overview: [
    "what is this project about?", "what does this repo do", "give me an overview", "summarize this codebase", "how do I run the tests", "how to install", "explain this project", "what is this extension",
    "how is this project structured?", "what does the readme say", "how do i build it from source", "project overview", "architecture of this project", "what are the main components?", "where do I start reading the code", "what is the entry point", "how many files are there", "tell me about this repository",
  ],
};

describe("understandQuestion", () => {
  for (const [intent, questions] of Object.entries(PHRASINGS)) {
    for (const question of questions) {
      it(`takes ${JSON.stringify(question.slice(0, 60))} for "${intent}"`, () => assert.equal(understandQuestion(question).intent, intent));
    }
  }

  const SUBJECTS: [question: string, names: string[]][] = [
    ["where is createPrompt defined?", ["createPrompt"]],
    ["what does `foo` do", ["foo"]],
    ["what does merge_lora do", ["merge_lora"]],
    ["how do i call Chat.render()", ["render"]],
    ["who calls this.save()", ["save"]],
    ["what is std::vector_map", ["vector_map"]],
    ["explain MAX_RETRIES", ["MAX_RETRIES"]],
    ["where is \"handleClick\" defined", ["handleClick"]],
    ["what does the forward method do", ["forward"]],
    ["how do i call generate with top_k", ["top_k", "generate"]],
    ["explain Foo", ["Foo"]],
    ["Where is it?", []],
    ["what is an LLM? e.g. for node.js", ["LLM"]],
    ["what does `async function load(x)` do", ["load"]],
    ["where are the files.Then what", []],
    ["what does GitHub login do", []],
  ];
  for (const [question, names] of SUBJECTS) {
    it(`reads the identifiers of ${JSON.stringify(question)}`, () => {
      const found = understandQuestion(question).identifiers.filter((subject) => subject.mark !== "capitalised" || names.includes(subject.name)).map((subject) => subject.name);
      assert.deepEqual(found.toSorted(), names.toSorted());
    });
  }

  it("keeps the container of a dotted name", () => {
    const [subject] = understandQuestion("what does `Chat.history.push` do").identifiers;
    assert.deepEqual(subject, { name: "push", container: ["Chat", "history"], mark: "code" });
  });

  it("reads paths, with lines, in several spellings", () => {
    const paths = (question: string) => understandQuestion(question).paths;
    assert.deepEqual(paths("what is in src/a/b.ts?"), [{ path: "src/a/b.ts", line: null }]);
    assert.deepEqual(paths("what happens at src/a/b.ts:42"), [{ path: "src/a/b.ts", line: 42 }]);
    assert.deepEqual(paths("explain @src/a.py please"), [{ path: "src/a.py", line: null }]);
    assert.deepEqual(paths("explain `chat.tsx`"), [{ path: "chat.tsx", line: null }]);
    assert.deepEqual(paths("what's in the Dockerfile and .env.example"), [{ path: "Dockerfile", line: null }, { path: ".env.example", line: null }]);
    assert.deepEqual(paths("what is in src\\a\\b.cs"), [{ path: "src/a/b.cs", line: null }]);
    assert.deepEqual(paths("what is in src/engine/model/"), [{ path: "src/engine/model/", line: null }]);
    assert.deepEqual(paths("does it need node.js and either/or?"), []);
  });

  it("keeps neighbouring words together, for names spelt as words", () => {
    assert.deepEqual(understandQuestion("where is the completion formatter used in the chat view?").runs, [["completion", "formatter", "used"], ["chat", "view"]]);
  });

  it("leaves the question's frame out of its words, unless nothing else is left", () => {
    assert.deepEqual(understandQuestion("which file handles rope embeddings").words, ["rope", "embeddings"]);
    assert.deepEqual(understandQuestion("where is the import logic").words, ["import", "logic"]);
  });

  it("takes slash commands from the text or from the parameter", () => {
    assert.equal(understandQuestion("/explain parseArgs").command, "explain");
    assert.equal(understandQuestion("/explain parseArgs").text, "parseArgs");
    assert.equal(understandQuestion("/test parseArgs").command, "tests");
    assert.equal(understandQuestion("parseArgs", "doc").command, "doc");
    assert.equal(understandQuestion("/usr/bin is where?").command, null);
  });

  it("knows what \"this\" refers to", () => {
    assert.equal(understandQuestion("what does this function do").refersToSelection, true);
    assert.equal(understandQuestion("explain this").refersToSelection, true);
    assert.equal(understandQuestion("what is in this file").refersToFile, true);
    assert.equal(understandQuestion("what does the function that parses do").refersToSelection, false);
  });

  it("does not take a trace's words for subjects", () => {
    const question = understandQuestion("why does it fail?\nTypeError: cannot read x\n    at foo (/r/src/deepThing.ts:3:1)\n    at barBaz (/r/src/b.ts:9:1)");
    assert.deepEqual(question.identifiers, []);
    assert.equal(question.error?.frames.length, 2);
    assert.match(question.searchQuery, /cannot read x/);
  });

  it("clips a question of 100 kB quickly, keeping beginning and end", () => {
    const begun = process.cpuUsage();
    const question = understandQuestion(`where is startWord ${"lorem ipsum ".repeat(9_000)} endWord`);
    const ms = process.cpuUsage(begun).user / 1_000;
    assert.ok(ms < 250, `took ${ms} ms`);
    assert.equal(question.clipped, true);
    assert.ok(question.text.length <= MAXIMUM_QUESTION_CHARACTERS + 10);
    assert.ok(question.text.endsWith("endWord"));
    assert.equal(question.identifiers[0]?.name, "startWord");
  });

  it("is not slowed down by adversarial text", () => {
    for (const text of ["`".repeat(50_000), "a.".repeat(50_000), "(".repeat(50_000), "at ".repeat(30_000), "\"".repeat(50_000), "x_".repeat(50_000), "Error: ".repeat(14_000), "where is ".repeat(11_000)]) {
      // Processor time: the machine that runs this may be busy.
      const begun = process.cpuUsage();
      understandQuestion(text);
      const ms = process.cpuUsage(begun).user / 1_000;
      assert.ok(ms < 400, `${text.slice(0, 8)}… took ${Math.round(ms)} ms`);
    }
  });

  it("has nothing to say about an empty question", () => {
    const question = understandQuestion("  \n ");
    assert.deepEqual([question.text, question.intent, question.words, question.identifiers], ["", "open", [], []]);
  });

  it("keeps words of scripts without spaces", () => {
    assert.ok(understandQuestion("tokenizer 在哪里定义").words.includes("tokenizer"));
  });
});

describe("withHistory", () => {
  const history = [
    { role: "user" as const, text: "where is openSocket defined?" },
    { role: "assistant" as const, text: "`openSocket` is a function defined in `src/net/socket.ts:2` [1]." },
  ];
  const subject = (text: string, turns = history): string | undefined => withHistory(understandQuestion(text), turns).identifiers[0]?.name;

  it("gives a follow-up the subject of the talk", () => {
    for (const text of ["who calls it?", "how do I use it", "what does that do", "and where is this used"]) assert.equal(subject(text), "openSocket", text);
  });

  it("takes the first name of an answer where the question had none", () => {
    assert.equal(subject("who calls it?", [{ role: "user", text: "which file opens sockets" }, { role: "assistant", text: "The closest match is `openSocket` here [1]." }]), "openSocket");
  });

  it("leaves questions alone that have a subject or no pronoun", () => {
    assert.equal(subject("who calls parseArgs?"), "parseArgs");
    assert.equal(subject("is it possible to render charts and tables"), undefined);
    assert.equal(subject("where is the configuration"), undefined);
    assert.equal(subject("what is this project about?"), undefined);
  });
});
