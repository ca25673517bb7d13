import assert from "node:assert/strict";
import { composeCard } from "../../../src/engine/answering/card.ts";
import type { ComposedCard } from "../../../src/engine/answering/card.ts";
import { understandQuestion } from "../../../src/engine/answering/question.ts";
import type { AskParams, Attachment } from "../../../src/engine/protocol/types.ts";
import { CHAT_WORKSPACE, memoryWorkspace } from "./memoryWorkspace.ts";
import type { MemoryWorkspace } from "./memoryWorkspace.ts";

async function ask(question: string, options: { workspace?: MemoryWorkspace; command?: AskParams["command"]; attachments?: Attachment[]; activePath?: string } = {}): Promise<ComposedCard> {
  const access = options.workspace ?? memoryWorkspace(CHAT_WORKSPACE);
  const composed = await composeCard({ question: understandQuestion(question, options.command), access, attachments: options.attachments, activePath: options.activePath });
  // Whatever the question: what is cited stands there, every number has its source, and every source is used.
  const numbers = new Set(composed.citations.map((citation) => citation.n));
  for (const citation of composed.citations) {
    assert.equal((access.disk.get(citation.path) ?? "").split("\n").slice(citation.startLine - 1, citation.endLine).join("\n"), citation.text, `${citation.path}:${citation.startLine}`);
    assert.equal(citation.verified, true);
  }
  for (const match of composed.card.summary.matchAll(/ \[(\d+)\]/g)) assert.ok(numbers.has(Number(match[1])), composed.card.summary);
  for (const item of composed.card.items) assert.ok(numbers.has(item.citation), item.title);
  assert.deepEqual([...numbers], [...numbers.keys()].map((_, i) => i + 1));
  return composed;
}

const paths = (composed: ComposedCard): string[] => composed.citations.map((citation) => citation.path);

describe("composeCard", () => {
  it("says where a name is defined: the exported, non-test definition first, the others named", async () => {
    const { card } = await ask("where is openSocket defined?");
    assert.equal(card.items[0]?.location.path, "src/net/socket.ts");
    assert.equal(card.items[0]?.location.startLine, 2);
    assert.match(card.summary, /^`openSocket` is a function defined in `src\/net\/socket\.ts:2` \[1\]\. Another definition of `openSocket` stands in `src\/report\/open\.ts:1` \[2\]\./);
  });

  it("prefers the container and the words that the question gives", async () => {
    assert.equal((await ask("where is openSocket of the report")).card.items[0]?.location.path, "src/report/open.ts");
    assert.equal((await ask("what does `ChatSession.send` do")).card.items[0]?.title, "ChatSession.send");
  });

  it("quotes the first sentence of the documentation verbatim", async () => {
    const { card } = await ask("what does ChatSession do");
    assert.match(card.summary, /“Keeps one conversation with the server\.” \[1\]/);
    assert.doesNotMatch(card.summary, /Closes itself/);
  });

  it("does not take an order to a tool for documentation", async () => {
    const workspace = memoryWorkspace({ "a.ts": "// eslint-disable-next-line no-x\nexport class ThingBox {\n  function open() {\n    return 1;\n  }\n}" });
    assert.match((await ask("what does ThingBox do", { workspace })).card.summary, /without a documentation comment \[1\]\. It has `open`/);
  });

  it("cites the documentation with the definition", async () => {
    const { citations } = await ask("what does writeCsv do");
    assert.deepEqual([citations[0]?.startLine, citations[0]?.text.split("\n")[0]], [1, "// Writes the findings as comma separated values."]);
  });

  it("quotes the body of a short function without documentation", async () => {
    assert.match((await ask("what does retryDelay do")).card.summary, /Its body is `return n \* 100;`/);
  });

  it("shows how a function is called, by lines that call it", async () => {
    const { card } = await ask("how do I call openSocket?");
    assert.match(card.summary, /It is called in `src\/chat\/session\.ts:6` \[2\]/);
    assert.equal(card.items.find((item) => item.citation === 2)?.signature, "openSocket(url, 3);");
    assert.ok(!card.items.some((item) => item.kind === "usage" && item.signature.startsWith("import")));
  });

  it("lists who uses a name, product code first, with the function each line stands in", async () => {
    const { card } = await ask("who calls openSocket?");
    assert.match(card.summary, /in `ChatSession(?:\.constructor)?`, `src\/chat\/session\.ts:6` \[1\]/);
    assert.ok(card.summary.indexOf("src/chat/session.ts:6") < card.summary.indexOf("test/socket.test.ts:2"));
  });

  it("finds names spelt as words", async () => {
    assert.equal((await ask("where is the chat session")).card.items[0]?.title, "ChatSession");
    assert.equal((await ask("what does the retry delay do?")).card.items[0]?.title, "retryDelay");
  });

  it("names the file that handles something, with the definition that matches", async () => {
    const { card } = await ask("which file writes comma separated values?");
    assert.equal(card.items[0]?.location.path, "src/report/csv.ts");
    assert.match(card.summary, /The closest match is `src\/report\/csv\.ts:2`, in `writeCsv`/);
  });

  it("says what the README says about the project", async () => {
    const { card, citations } = await ask("what is this project about?");
    assert.match(card.summary, /`README\.md` says: “Parrot is a chat server for birds\. It keeps conversations short\.” \[1\]/);
    assert.match(card.summary, /`package\.json` describes it as “Chat for birds” \[2\]/);
    assert.equal(citations[0]?.startLine, 5);
  });

  it("answers how to install and test from README and manifest", async () => {
    assert.match((await ask("how do I install this?")).card.summary, /Under “Install”, `README\.md` says `npm install parrot` \[1\]/);
    assert.match((await ask("how do i run the tests")).card.summary, /`package\.json` defines the script `npm run test`, which is `mocha` \[1\]/);
  });

  it("maps a stack trace of another machine to the workspace", async () => {
    const { card } = await ask("Error: No address for socket 3\n    at openSocket (/home/other/parrot/src/net/socket.ts:3:19)\n    at new ChatSession (/home/other/parrot/src/chat/session.ts:6:5)\n    at node:internal/main:1:1");
    assert.match(card.summary, /surfaced in the workspace at `src\/net\/socket\.ts:3` in `openSocket`/);
    assert.match(card.summary, /It was reached through `src\/chat\/session\.ts:6`/);
    assert.equal(card.intent, "error");
  });

  it("finds where a message with placeholders is raised", async () => {
    assert.match((await ask("Error: No address for socket 7")).card.summary, /is written in the workspace at `src\/net\/socket\.ts:3` \[1\]/);
  });

  it("does not take a library's frame for a file of the workspace", async () => {
    const { card } = await ask("TypeError: x\n    at f (/p/node_modules/ws/src/net/socket.ts:3:1)\n    at g (/usr/lib/python3/src/report/csv.ts:1:1)");
    assert.equal(card.supported, false);
  });

  it("lists what a file defines", async () => {
    const { card } = await ask("what is in src/net/socket.ts?");
    assert.match(card.summary, /`src\/net\/socket\.ts` defines `openSocket` \[\d\] and `retryDelay` \[\d\]\./);
    assert.match((await ask("what is in this file", { activePath: "src/report/csv.ts" })).card.summary, /writeCsv/);
  });

  it("says what stands at a line", async () => {
    assert.match((await ask("what happens at src/net/socket.ts:4")).card.summary, /`src\/net\/socket\.ts:4` is in a function `openSocket`: “Opens a web socket, with retries\.” \[1\]/);
  });

  it("says plainly that a name is not there, and what is near", async () => {
    const { card } = await ask("where is `openSoket` defined?");
    assert.equal(card.supported, false);
    assert.match(card.summary, /^Nothing named `openSoket` is defined in this workspace\. Did you mean `openSocket` in `src\/net\/socket\.ts:2` \[1\]/);
  });

  it("says that nothing supports an answer", async () => {
    const { card } = await ask("where is the payroll tax computed for contractors?");
    assert.equal(card.supported, false);
    assert.match(card.summary, /^Nothing in this workspace supports an answer to this question\./);
  });

  it("says so when a named file does not exist", async () => {
    const { card } = await ask("what is in src/missing.ts?");
    assert.equal(card.supported, false);
    assert.match(card.summary, /There is no file `src\/missing\.ts` in the index/);
  });

  it("says that the index is empty", async () => {
    const { card, citations } = await ask("where is openSocket?", { workspace: memoryWorkspace({}) });
    assert.match(card.summary, /index of this workspace is empty/);
    assert.deepEqual([card.supported, citations], [false, []]);
  });

  it("explains the selection by the symbols it uses", async () => {
    const selection: Attachment = { kind: "selection", path: "src/chat/session.ts", startLine: 5, endLine: 7 };
    const { card } = await ask("", { command: "explain", attachments: [selection] });
    assert.match(card.summary, /The selection at `src\/chat\/session\.ts:5` is in a class `ChatSession`: “Keeps one conversation with the server\.” \[1\]/);
    assert.match(card.summary, /It uses `openSocket` \(“Opens a web socket, with retries\.”\) \[2\]/);
  });

  it("finds the tests of a symbol", async () => {
    const { card } = await ask("/tests openSocket");
    assert.match(card.summary, /test\/socket\.test\.ts:2/);
    assert.doesNotMatch(card.summary, /session\.ts:6/);
    assert.match((await ask("/tests writeCsv")).card.summary, /No test in the workspace mentions `writeCsv`/);
  });

  it("takes a selection that begins on a line too early for what follows", async () => {
    const selection: Attachment = { kind: "selection", path: "src/net/socket.ts", startLine: 5, endLine: 9 };
    assert.match((await ask("", { command: "tests", attachments: [selection] })).card.summary, /`retryDelay`/);
  });

  it("answers who calls two names, one sentence for each", async () => {
    const { card } = await ask("who calls openSocket and retryDelay?");
    assert.match(card.summary, /^`openSocket` is used on .*\. `retryDelay` is used on /);
  });

  it("says first what nothing mentions", async () => {
    const { card } = await ask("which file writes parchment separated values");
    assert.match(card.summary, /^Nothing that was found mentions “parchment”; the closest match is `src\/report\/csv\.ts/);
  });

  it("says that a file asked for was left out of the index", async () => {
    const workspace = Object.assign(memoryWorkspace(CHAT_WORKSPACE), { skipped: () => [{ path: "src/huge.ts", reason: "larger than 1024 KB" }] });
    assert.match((await ask("what is in src/huge.ts", { workspace })).card.summary, /`src\/huge\.ts` was left out of the index: larger than 1024 KB\./);
    assert.doesNotMatch((await ask("where is openSocket", { workspace })).card.summary, /left out/);
  });

  it("asks back when nothing was asked", async () => {
    for (const text of ["hi", "thanks!", "????"]) {
      const { card } = await ask(text);
      assert.deepEqual([card.supported, card.items.length], [false, 0]);
      assert.match(card.summary, /^Ask something about this workspace/);
    }
  });

  it("keeps its summary to three sentences", async () => {
    for (const question of ["where is openSocket", "what is this project", "who calls retryDelay", "how do i call openSocket in the chat session file", "what is in src/net/socket.ts"]) {
      const { card } = await ask(question);
      const sentences = card.summary.replace(/“[^”]*”|`[^`]*`/g, "x").match(/[.?](?:\s|$)/g)?.length ?? 0;
      assert.ok(sentences <= 3, card.summary);
    }
  });

  it("lists the hits of a search", async () => {
    const { card } = await ask("/search comma separated");
    assert.equal(card.items[0]?.location.path, "src/report/csv.ts");
    assert.equal(card.items[0]?.kind, "passage");
  });

  it("finds quoted text verbatim", async () => {
    const composed = await ask("where does it say \"No address for socket\"?");
    assert.deepEqual([paths(composed)[0], composed.citations[0]?.startLine], ["src/net/socket.ts", 3]);
  });

  it("never cites a definition that moved or left since it was indexed", async () => {
    const moved = memoryWorkspace(CHAT_WORKSPACE);
    moved.disk.set("src/report/csv.ts", `// one\n// two\n// three\n${CHAT_WORKSPACE["src/report/csv.ts"]}`);
    assert.match((await ask("where is writeCsv", { workspace: moved })).card.summary, /`src\/report\/csv\.ts:5`/);
    const gone = memoryWorkspace(CHAT_WORKSPACE);
    gone.disk.delete("src/report/csv.ts");
    assert.equal((await ask("where is writeCsv", { workspace: gone })).card.supported, false);
  });

  it("reads each file once", async () => {
    const workspace = memoryWorkspace(CHAT_WORKSPACE);
    await ask("who calls retryDelay and openSocket?", { workspace });
    assert.ok(workspace.reads <= 2 * workspace.disk.size, `${workspace.reads} reads`);
  });

  it("escapes brackets of quoted documentation, which are no citations", async () => {
    const workspace = memoryWorkspace({ "a.ts": "// Sorts as described in [12].\nexport function sortThings() {\n  return 1;\n}" });
    assert.match((await ask("what does sortThings do", { workspace })).card.summary, /in \\\[12\\\]\.” \[1\]/);
  });
});
