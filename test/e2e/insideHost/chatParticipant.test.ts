// @kalactica as VS Code's own chat asks it: the real engine answers, the stream is written down. What the chat view itself
// draws of it is looked at in ../installed/question.test.ts.
import assert from "node:assert/strict";
import * as vscode from "vscode";
import type { AskParams, AskResult } from "../../../src/engine/protocol/types.ts";
import { answerInChat, questionOf, takeFeedback } from "../../../src/extension/chatParticipant.ts";
import type { ParticipantRequest, ParticipantStream } from "../../../src/extension/chatParticipant.ts";
import type { ChatEngine } from "../../../src/extension/chatSession.ts";
import { fileUri, indexed, product } from "./product.ts";

class Written implements ParticipantStream {
  text = "";
  readonly anchors: { file: string; line: number }[] = [];
  readonly references: string[] = [];
  readonly progressed: string[] = [];
  readonly buttons: string[] = [];
  markdown(value: string | vscode.MarkdownString): void { this.text += typeof value === "string" ? value : value.value; }
  anchor(value: vscode.Uri | vscode.Location, title?: string): void {
    assert.ok(value instanceof vscode.Location);
    this.anchors.push({ file: vscode.workspace.asRelativePath(value.uri), line: value.range.start.line + 1 });
    this.text += `<${title ?? ""}>`;
  }
  reference(value: vscode.Uri | vscode.Location): void { this.references.push(vscode.workspace.asRelativePath((value as vscode.Location).uri)); }
  progress(value: string): void { this.progressed.push(value); }
  button({ command }: vscode.Command): void { this.buttons.push(command); }
}

const request = (prompt: string, more: Partial<ParticipantRequest> = {}): ParticipantRequest => ({ prompt, command: undefined, references: [], toolReferences: [], ...more });

/** A turn of VS Code's history, as far as it is read. */
function turnOf(result: vscode.ChatResult): vscode.ChatResponseTurn {
  const turn: Partial<vscode.ChatResponseTurn> = { result };
  return turn as vscode.ChatResponseTurn;
}

describe("@kalactica", () => {
  let engine: ChatEngine;
  const never = new vscode.CancellationTokenSource().token;
  before(async () => {
    await indexed();
    engine = (await product()).engine as unknown as ChatEngine;
  });
  after(() => vscode.commands.executeCommand("workbench.action.closeAllEditors"));

  /** The engine with what it is asked written down, and `answer/ask` answered by `instead` where given. */
  function watched(instead?: (params: AskParams, emit: (text: string) => void) => AskResult | Promise<AskResult>): { engine: ChatEngine; asked: AskParams[]; told: unknown[] } {
    const asked: AskParams[] = [];
    const told: unknown[] = [];
    const listeners = new Set<(value: { askId: string; event: { type: "prose"; text: string } }) => void>();
    return {
      asked, told,
      engine: {
        request: (async (method: "answer/ask", params: AskParams, token: vscode.CancellationToken) => {
          if (method !== "answer/ask") return engine.request(method, params as never, token);
          asked.push(params);
          return instead ? instead(params, (text) => { for (const listener of listeners) listener({ askId: params.askId, event: { type: "prose", text } }); }) : engine.request(method, params, token);
        }) as ChatEngine["request"],
        notify: (method, params) => { told.push([method, params]); },
        onNotification: (method, listener) => {
          if (!instead) return engine.onNotification(method, listener);
          listeners.add(listener as never);
          return { dispose: () => { listeners.delete(listener as never); } };
        },
      },
    };
  }

  it("is one of VS Code's participants, with its commands", () => {
    const { contributes } = vscode.extensions.getExtension("kalactica.kalactica")?.packageJSON as { contributes: { chatParticipants: { name: string; isSticky: boolean; commands: { name: string }[] }[] } };
    const [participant] = contributes.chatParticipants;
    assert.deepEqual([participant?.name, participant?.isSticky, participant?.commands.map(({ name }) => name).join()], ["kalactica", true, "explain,fix,tests,doc,search,memory"]);
  });

  it("answers with a card whose places open at their lines", async () => {
    const written = new Written();
    const { metadata, errorDetails } = await answerInChat(engine, request("Where is backoffDelayMs defined?"), [], written, never);
    assert.equal(errorDetails, undefined);
    assert.match(written.text, /^`backoffDelayMs` is a function defined in `src\/retryPolicy\.ts:19` <retryPolicy\.ts:15>\./);
    assert.match(written.text, /\*\d+ sources? verified · \d+ checks passed\*$/);
    assert.deepEqual(written.anchors[0], { file: "src/retryPolicy.ts", line: 15 });
    assert.ok(written.references.includes("src/retryPolicy.ts"));
    assert.ok(written.progressed.length > 0, "it says what it is doing");
    assert.ok((metadata?.["followUps"] as vscode.ChatFollowup[]).some(({ prompt }) => /backoffDelayMs/.test(prompt)));
  });

  it("reads references as attachments: a file, lines of one, and what the user merely looks at", async () => {
    const uri = fileUri("src/queue.ts");
    const { question, attachments, activePath, command } = await questionOf(request("what about #file:queue.ts and #selection here", {
      command: "explain",
      references: [
        { id: "vscode.selection", range: [30, 40], value: new vscode.Location(uri, new vscode.Range(23, 0, 30, 0)) },
        { id: "vscode.file", range: [11, 25], value: uri },
        { id: "vscode.implicit.viewport", value: new vscode.Location(fileUri("src/worker.ts"), new vscode.Range(0, 0, 9, 0)) },
      ],
    }));
    assert.equal(question, "what about queue.ts and the selected code here");
    assert.deepEqual(attachments.map(({ kind, path, startLine, endLine }) => [kind, path, startLine, endLine]), [["selection", "src/queue.ts", 24, 30], ["file", "src/queue.ts", 1, (await vscode.workspace.openTextDocument(uri)).lineCount]]);
    assert.deepEqual([activePath, command], ["src/worker.ts", "explain"]);
  });

  it("takes what stands around the caret where a command comes alone", async () => {
    const editor = await vscode.window.showTextDocument(fileUri("src/retryPolicy.ts"));
    editor.selection = new vscode.Selection(20, 2, 20, 2);
    const { question, attachments } = await questionOf(request("", { command: "tests" }));
    assert.equal(question, "Write tests for this code.");
    assert.equal(attachments[0]?.path, "src/retryPolicy.ts");
    assert.ok((attachments[0]?.startLine ?? 0) <= 21 && (attachments[0]?.endLine ?? 0) >= 21);
  });

  it("goes on with a talk, as one thread", async () => {
    const { engine: spy, asked } = watched();
    const first = await answerInChat(spy, request("Where is RateLimiter?"), [], new Written(), never);
    const written = new Written();
    await answerInChat(spy, request("Who uses it?"), [turnOf(first)], written, never);
    assert.equal(asked[1]?.session, asked[0]?.session);
    assert.match(asked[1]?.history[1]?.text ?? "", /RateLimiter/);
    assert.match(written.text, /RateLimiter/);
  });

  it("asks memory where that is wanted, and lists what is newest where nothing is asked", async () => {
    await engine.request("memory/remember", { text: "Decision: the retry policy stays at five attempts.", kind: "decision" });
    const { engine: spy, asked } = watched();
    await answerInChat(spy, request("what did we decide about retries?", { command: "memory" }), [], new Written(), never);
    assert.deepEqual([asked[0]?.memory, asked[0]?.command], ["wanted", undefined]);
    const written = new Written();
    await answerInChat(spy, request("", { command: "memory" }), [], written, never);
    assert.match(written.text, /the retry policy stays at five attempts/);
    assert.deepEqual(written.buttons, ["kalactica.showMemory"]);
  });

  it("writes a command that the checks refuse with the reason and without a block that can be run", async () => {
    const real = await engine.request("answer/ask", { askId: "for-its-shape", question: "Where is RateLimiter?", history: [], attachments: [] });
    const prose = "Free some space:\n\n```sh\nrm -rf /\n```\n\nThen build:\n\n```sh\nnpm run build\n```\n";
    const { engine: spy } = watched((_, emit) => {
      for (const piece of prose.match(/[^]{1,7}/g) ?? []) emit(piece);
      return { ...real, card: null, prose: prose.trim(), proseOmitted: null };
    });
    const written = new Written();
    await answerInChat(spy, request("how do I free space?"), [], written, never);
    assert.match(written.text, /\*\*Not to be run: .+\*\*\n\n> `rm -rf \/`/);
    assert.ok(!/```sh\nrm/.test(written.text));
    assert.match(written.text, /```sh\nnpm run build\n```/);
  });

  it("says what stands where the checks took something out of what was written", async () => {
    const real = await engine.request("answer/ask", { askId: "for-its-shape-2", question: "Where is RateLimiter?", history: [], attachments: [] });
    const { engine: spy } = watched((_, emit) => {
      emit("The key is abc.");
      return { ...real, card: null, prose: "The key is [hidden].", proseOmitted: null };
    });
    const written = new Written();
    await answerInChat(spy, request("what is the key?"), [], written, never);
    assert.match(written.text, /^The key is abc\.[^]*The checks took something out[^]*The key is \[hidden\]\./);
  });

  it("is quiet when it is cancelled, and says what to do when it fails", async () => {
    const source = new vscode.CancellationTokenSource();
    source.cancel();
    assert.deepEqual(Object.keys(await answerInChat(engine, request("How is a dead letter revived?"), [], new Written(), source.token)).filter((key) => key === "errorDetails"), []);
    const { engine: broken } = watched(() => { throw new Error("The engine stopped."); });
    const written = new Written();
    assert.deepEqual(await answerInChat(broken, request("Where?"), [], written, never), { errorDetails: { message: "The engine stopped." } });
    assert.deepEqual(written.buttons, ["kalactica.showLog"]);
  });

  it("passes thumbs on to the engine under the answer's id", () => {
    const { engine: spy, told } = watched();
    takeFeedback(spy, { result: { metadata: { askId: "a1" } }, kind: vscode.ChatResultFeedbackKind.Unhelpful });
    takeFeedback(spy, { result: {}, kind: vscode.ChatResultFeedbackKind.Helpful });
    assert.deepEqual(told, [["answer/feedback", { askId: "a1", rating: "down" }]]);
  });
});
