import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, it } from "mocha";
import type { AskParams, AskResult, ChatTurn } from "../../../src/engine/protocol/types.ts";
import { dialogueStateAfter, understandInDialogue } from "../../../src/engine/tasks/trackDialogue.ts";
import { rememberDecisions } from "../../../src/engine/tasks/trackDialogueDecisions.ts";
import { UserMemory } from "../../../src/engine/tasks/userMemory.ts";

describe("decisions of a conversation", () => {
  let folder: string;
  let memory: UserMemory;
  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), "kalactica-decisions-"));
    memory = new UserMemory(folder, () => assert.fail("damaged"));
  });
  afterEach(() => {
    memory.close();
    rmSync(folder, { recursive: true, force: true });
  });

  function say(text: string, history: ChatTurn[]): string[] {
    const { graph } = memory;
    const turn = graph.store({ kind: "turn", text, session: "chat c", provenance: { by: "user" } });
    const { state } = understandInDialogue(text, undefined, history);
    const dialogue = dialogueStateAfter(text, "", history, state, (words) => words);
    return rememberDecisions(graph, { askId: "a", question: text, history, attachments: [], session: "c" } satisfies AskParams, { dialogue } as AskResult, turn.key);
  }

  it("are remembered with the turn that says so, and replaced when made anew", () => {
    const first = "Let's use sqlite for the index.";
    const [old] = say(first, []);
    assert.ok(old);
    assert.deepEqual(memory.graph.neighbours(old, { types: ["summarises"] }).map(({ episode }) => episode.text), [first]);
    const history: ChatTurn[] = [{ role: "user", text: first }, { role: "assistant", text: "Fine." }];
    assert.deepEqual(say("Where is it opened?", history), []);
    const [anew] = say("Actually, let's use leveldb for the index instead.", history);
    assert.equal(memory.graph.get(old)?.supersededBy, anew);
    assert.deepEqual(memory.graph.retrieve({ kinds: ["decision"] }).map(({ key }) => key), [anew]);
  });
});
