import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { SchemaTracker } from "../../../src/engine/dialogue/schemaTracker.ts";
import type { ServiceSchema } from "../../../src/engine/dialogue/schema.ts";

const slot = (name: string, description: string, possibleValues: string[] = []) => ({ name, description, isCategorical: possibleValues.length > 0, possibleValues });

/** Services that stand in no public set, so that nothing here can rest on a rule for one of those. */
const FERRIES: ServiceSchema = {
  name: "Ferries_9", description: "Cross the water",
  slots: [
    slot("from_harbour", "City that the ferry leaves from"), slot("to_harbour", "City that the ferry goes to"), slot("sailing_date", "Date of departure"), slot("sailing_time", "Time of departure"), slot("back_date", "Date of return"),
    slot("cabins", "Number of cabins to book", ["1", "2", "3"]), slot("travellers", "Number of people travelling", ["1", "2", "3", "4"]),
    slot("vessel_name", "Name of the ship"), slot("dogs_allowed", "Whether dogs may come along", ["True", "False"]), slot("deck", "Where to sit", ["Inside lounge", "Sun deck"]), slot("fare", "Price of the crossing"),
  ],
  intents: [
    { name: "FindFerry", description: "Find a crossing", requiredSlots: ["from_harbour", "to_harbour", "sailing_date"], optionalSlots: { dogs_allowed: "dontcare", deck: "dontcare" } },
    { name: "BookFerry", description: "Book a crossing", requiredSlots: ["vessel_name", "sailing_time", "travellers"], optionalSlots: { cabins: "1", back_date: "dontcare" } },
  ],
};
const INNS: ServiceSchema = {
  name: "Inns_9", description: "Sleep somewhere",
  slots: [slot("inn_name", "Name of the inn"), slot("town", "City where the inn stands"), slot("arrival_date", "Date of arrival")],
  intents: [{ name: "FindInn", description: "Find an inn", requiredSlots: ["town", "arrival_date"], optionalSlots: { inn_name: "dontcare" } }],
};

/** Turns alternate, the user first; the state after the last one. */
function talk(turns: readonly string[], service = FERRIES): Record<string, string> {
  const tracker = new SchemaTracker([service]);
  turns.forEach((text, at) => (at % 2 === 0 ? tracker.userTurn(text, [service.name]) : tracker.systemTurn(text, [service.name])));
  return Object.fromEntries([...tracker.state(service.name)].map(([name, { value }]) => [name, value]));
}

describe("SchemaTracker", () => {
  it("fills slots from one sentence, by preposition, form and words nearby", () => {
    assert.deepEqual(talk(["I need a ferry from Ystad to Bornholm on March 5th at half past 7 in the morning for two people with 2 cabins."]), {
      from_harbour: "Ystad", to_harbour: "Bornholm", sailing_date: "March 5th", sailing_time: "half past 7 in the morning", travellers: "2", cabins: "2",
    });
  });

  it("gives an answer to the slot that was asked for", () => {
    assert.deepEqual(talk(["I want a ferry.", "What city does it leave from?", "Ystad", "And how many people are travelling?", "Just me."]), { from_harbour: "Ystad", travellers: "1" });
  });

  it("tells the two dates of a journey apart by what stands before them", () => {
    const state = talk(["A crossing leaving tomorrow and returning on March 9th, please."]);
    assert.deepEqual([state["sailing_date"], state["back_date"]], ["tomorrow", "March 9th"]);
  });

  it("takes what was offered once the user takes it, and not before", () => {
    const before = ["I want to sail to Bornholm.", "How about the ferry Leonora Christina at 6:30 am? The fare is $20."];
    assert.equal(talk([...before, "What else is there?"])["sailing_time"], undefined);
    assert.equal(talk([...before, "How much is it?"])["sailing_time"], undefined);
    assert.equal(talk([...before, "That sounds great."])["sailing_time"], "6:30 am");
  });

  it("lets go of what the user refuses, and keeps what was set", () => {
    const state = talk(["For 2 people at 7 pm please.", "Sorry, I could not book that. Should I try 9 pm?", "No, thank you."]);
    assert.deepEqual([state["sailing_time"], state["travellers"]], ["7 pm", "2"]);
    assert.equal(talk(["For 2 people at 7 pm please.", "Sorry, I could not book that. Should I try 9 pm?", "Yes, try that."])["sailing_time"], "9 pm");
  });

  it("replaces a value that is corrected, and keeps the user's words for one that is confirmed", () => {
    assert.equal(talk(["To Bornholm for 2 people.", "Please confirm: 2 people to Bornholm.", "No, make it 3 people."])["travellers"], "3");
    assert.equal(talk(["At half past 7 in the morning.", "Please confirm: departure at 7:30 am.", "Yes, that's right."])["sailing_time"], "half past 7 in the morning");
  });

  it("reads truth values from statements, answers and negations, not from questions about the offer", () => {
    assert.equal(talk(["I need one where dogs may come along."])["dogs_allowed"], "True");
    assert.equal(talk(["A ferry.", "Should dogs be allowed?", "No."])["dogs_allowed"], "False");
    assert.equal(talk(["A ferry to Bornholm.", "There is one at 7 pm.", "Are dogs allowed there?"])["dogs_allowed"], undefined);
  });

  it("knows a choice by a word that only it has, and that any will do", () => {
    assert.equal(talk(["We would like to sit in the lounge."])["deck"], "Inside lounge");
    assert.equal(talk(["A ferry.", "Which deck would you like?", "I don't care."])["deck"], "dontcare");
  });

  it("fills a slot of another service from what was settled before: there, the same day", () => {
    const tracker = new SchemaTracker([INNS, FERRIES]);
    tracker.userTurn("I need an inn in Bornholm on March 5th.", ["Inns_9"]);
    tracker.systemTurn("How about the Green Heron?", ["Inns_9"]);
    tracker.userTurn("Great. I also need a ferry to get there on the same day.", ["Ferries_9"]);
    const state = tracker.state("Ferries_9");
    assert.equal(state.get("sailing_date")?.value, "March 5th");
    assert.equal(state.get("to_harbour")?.value, "Bornholm");
    assert.equal(state.get("to_harbour")?.turn, 0, "its evidence is the turn that said it");
  });

  it("goes to the address that was told, where one was", () => {
    const cabs: ServiceSchema = { name: "Cabs_9", description: "Be driven", slots: [slot("destination", "Place to be driven to")], intents: [{ name: "Ride", description: "Call a ride", requiredSlots: ["destination"], optionalSlots: {} }] };
    const tracker = new SchemaTracker([INNS, cabs]);
    tracker.userTurn("I need an inn in Bornholm on March 5th.", ["Inns_9"]);
    tracker.systemTurn("How about the Green Heron? It is at 12 Harbour Street.", ["Inns_9"]);
    tracker.userTurn("Great. Please call me a ride to get there.", ["Cabs_9"]);
    assert.equal(tracker.state("Cabs_9").get("destination")?.value, "12 Harbour Street");
  });

  it("believes a system that tells its own acts", () => {
    const tracker = new SchemaTracker([FERRIES]);
    tracker.systemTurn("Shall I?", ["Ferries_9"], { Ferries_9: { requests: [], proposals: [{ slot: "vessel_name", value: "Leonora", isOffer: true }, { slot: "no_such_slot", value: "x", isOffer: true }] } });
    tracker.userTurn("Yes please.", ["Ferries_9"]);
    assert.deepEqual([...tracker.state("Ferries_9").keys()], ["vessel_name"]);
  });

  it("stands long and hostile turns", () => {
    const began = performance.now();
    talk([`${"from to at in on ".repeat(4_000)}${"A ".repeat(4_000)}${"12:".repeat(3_000)}`, "?".repeat(5_000), "\0 ’’ #$%&"]);
    assert.ok(performance.now() - began < 2_000);
  });
});
