import assert from "node:assert/strict";
import { openDatabase } from "../../../src/engine/base/database.ts";
import { AnswerFeedback, FEEDBACK_SCHEMA } from "../../../src/engine/memory/answerFeedback.ts";

const open = () => new AnswerFeedback(openDatabase(":memory:", [FEEDBACK_SCHEMA], () => assert.fail("damaged")), (text) => text.replaceAll("hunter2", "[secret]"));

describe("AnswerFeedback", () => {
  it("keeps a rating with question and answer, without secrets", () => {
    const feedback = open();
    feedback.given({ askId: "1", question: "why hunter2?", answer: "Because.", model: "m" });
    assert.equal(feedback.rate("1", "down"), true);
    assert.deepEqual(feedback.all().map(({ askId, rating, question, answer, model }) => ({ askId, rating, question, answer, model })), [{ askId: "1", rating: "down", question: "why [secret]?", answer: "Because.", model: "m" }]);
  });

  it("lets the user change and take back a rating", () => {
    const feedback = open();
    feedback.given({ askId: "1", question: "q", answer: "a", model: null });
    feedback.rate("1", "down");
    feedback.rate("1", "up");
    assert.equal(feedback.all()[0]!.rating, "up");
    assert.equal(feedback.rate("1", null), true);
    assert.deepEqual(feedback.all(), []);
  });

  it("says when an answer is not known, and forgets the oldest", () => {
    const feedback = open();
    assert.equal(feedback.rate("nowhere", "up"), false);
    for (let i = 0; i < 201; i++) feedback.given({ askId: String(i), question: "q", answer: "a", model: null });
    assert.equal(feedback.rate("0", "up"), false);
    assert.equal(feedback.rate("200", "up"), true);
  });
});
