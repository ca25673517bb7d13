import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import path from "node:path";
import { CancellationTokenSource } from "vscode";
import { folder, indexed, product } from "./product.ts";

const question = (text: string) => ({ askId: text, question: text, history: [], attachments: [] });

describe("an answer", () => {
  before(() => indexed());

  it("cites lines that stand in the files as it says", async () => {
    const { engine } = await product();
    const result = await engine.request("answer/ask", question("Where is RateLimiter defined and used?"));
    assert.ok(result.citations.length > 0, "there is no citation");
    assert.ok(result.citations.some((citation) => citation.path === "src/rateLimiter.ts"), "src/rateLimiter.ts is not cited");
    for (const citation of result.citations) {
      const lines = readFileSync(path.join(folder(), citation.path), "utf8").split("\n").slice(citation.startLine - 1, citation.endLine).join("\n");
      assert.equal(citation.text, lines, `[${citation.n}] ${citation.path}:${citation.startLine}`);
      assert.equal(citation.sha256, createHash("sha256").update(lines).digest("hex"));
      assert.equal(citation.verified, true);
    }
  });

  it("has its card within 300 ms", async () => {
    const { engine } = await product();
    const times: number[] = [];
    for (const name of ["JobQueue.revive", "parseConfig", "percentile"]) {
      const { timings } = await engine.request("answer/ask", question(`What does ${name} do?`));
      assert.notEqual(timings.cardMs, null);
      times.push(timings.cardMs ?? 0);
    }
    // The quickest of three, as other processes share the machine with this test; the p95 is measured by the bench.
    assert.ok(Math.min(...times) <= 300, `the cards took ${times.map(Math.round).join(", ")} ms`);
  });

  it("ends at once when it is cancelled, without an error to show", async () => {
    const { engine } = await product();
    const source = new CancellationTokenSource();
    const asked = engine.request("answer/ask", question("How is a dead letter revived?"), source.token);
    source.cancel();
    const begun = Date.now();
    // A card can be complete before the word of the cancellation arrives; nothing else may come of it.
    await asked.catch((error: unknown) => assert.equal((error as Error).name, "RequestCancelled"));
    assert.ok(Date.now() - begun < 1_000, `it took ${Date.now() - begun} ms to end`);
  });
});
