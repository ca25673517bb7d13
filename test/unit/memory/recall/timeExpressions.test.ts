import assert from "node:assert/strict";
import { findAnchors, findOrdinal, findTimes } from "../../../../src/engine/memory/recall/timeExpressions.ts";

/** A Wednesday. */
const NOW = Date.UTC(2026, 4, 20, 15, 30);
const days = (text: string, offsetMinutes = 0): string[] => findTimes(text, NOW, offsetMinutes).map(({ from, to }) => `${new Date(from).toISOString().slice(0, 10)}..${new Date(to - 1).toISOString().slice(0, 10)}`);

describe("time expressions", () => {
  it("reads days, weeks and months as seen from now", () => {
    const expected: Record<string, string[]> = {
      "what did I run yesterday?": ["2026-05-19..2026-05-19"],
      "the day before yesterday": ["2026-05-18..2026-05-18"],
      "what happened last week?": ["2026-05-11..2026-05-17"],
      "this week": ["2026-05-18..2026-05-24"],
      "last weekend": ["2026-05-16..2026-05-17"],
      "last month": ["2026-04-01..2026-04-30"],
      "three days ago": ["2026-05-17..2026-05-17"],
      "two months ago": ["2026-03-01..2026-03-31"],
      "in the last two weeks": ["2026-05-03..2026-05-20"],
      "last Wednesday": ["2026-05-13..2026-05-13"],
      "on Monday": ["2026-05-18..2026-05-18"],
      "a year ago": ["2025-01-01..2025-12-31"],
    };
    for (const [text, intervals] of Object.entries(expected)) assert.deepEqual(days(text), intervals, text);
  });

  it("reads dates in the ways they are written, each once", () => {
    for (const text of ["on 8 May, 2023", "May 8, 2023", "the 8th of May 2023", "2023-05-08"]) assert.deepEqual(days(text), ["2023-05-08..2023-05-08"], text);
    assert.deepEqual(days("in May 2023"), ["2023-05-01..2023-05-31"]);
    assert.deepEqual(days("summer 2022"), ["2022-06-01..2022-08-31"]);
    assert.deepEqual(days("in 2021"), ["2021-01-01..2021-12-31"]);
    assert.deepEqual(days("from 3 January 2024 to 5 January 2024"), ["2024-01-03..2024-01-03", "2024-01-05..2024-01-05"]);
  });

  it("takes a month or day without a year for the latest that has begun", () => {
    assert.deepEqual(days("in June"), ["2025-06-01..2025-06-30"]);
    assert.deepEqual(days("in April"), ["2026-04-01..2026-04-30"]);
    assert.deepEqual(days("on 12 December"), ["2025-12-12..2025-12-12"]);
  });

  it("reckons by the clock on the wall", () => {
    const [interval] = findTimes("today", Date.UTC(2026, 4, 20, 23, 30), 60);
    assert.equal(interval!.from, Date.UTC(2026, 4, 20, 23, 0));
  });

  it("leaves alone what is no time", () => {
    for (const text of ["may I ask", "the second error", "31 February 2023", "march on", "version 2.4.12"]) assert.deepEqual(days(text).filter((one) => one.startsWith("2023-03")), [], text);
    assert.deepEqual(days("may I ask what the function does"), []);
  });

  it("finds anchors and ordinals", () => {
    assert.deepEqual(findAnchors("what failed before the refactor?"), [{ relation: "before", event: "the refactor" }]);
    assert.deepEqual(findAnchors("what did we do after we switched to SQLite, and why"), [{ relation: "after", event: "we switched to SQLite" }]);
    assert.deepEqual(findAnchors("when did I run it?"), []);
    assert.deepEqual(findOrdinal("show the second error of the notebook"), { position: 2, what: "error of" });
    assert.deepEqual(findOrdinal("what was the last decision"), { position: -1, what: "decision" });
    assert.equal(findOrdinal("in the last week"), null);
  });
});
