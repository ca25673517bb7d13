// The gallery without a page: groups, filter, what can be done with a model, the words for it.
import assert from "node:assert/strict";
import type { Gallery, GalleryModel } from "../../../src/engine/protocol/machine.ts";
import { abilitiesOf, chosenModel, groupsOf, initialState, licenceOf, parametersOf, reduce, rowLine, speedOf } from "../../../src/webview/gallery/galleryState.ts";
import { actionsOf, NO_WORK } from "../../../src/webview/galleryProtocol.ts";

function model(changes: Partial<GalleryModel>): GalleryModel {
  return {
    id: "m", name: "Model", file: "/m.gguf", uri: null, sha256: null, sizeBytes: 491_400_064, licence: "mit", architecture: "qwen2", parameters: 494e6, quantisation: "Q4_K_M", contextSize: 4096, fimTokens: true,
    chatTemplate: false, capabilities: { infill: true, answer: false, embed: false }, fit: null, installed: true, active: false, origin: "downloaded", recommended: false, speed: null, part: null, ...changes,
  };
}
const fits = { fits: true, ramBytes: 1, vramBytes: 0, contextSize: 1, explanation: "" };
const offered = (id: string, changes: Partial<GalleryModel> = {}): GalleryModel => model({ id, name: id, uri: `hf:${id}`, file: null, installed: false, origin: "catalogue", fit: fits, ...changes });

describe("the gallery's state", () => {
  const gallery = {
    machine: {}, defaults: [], models: [
      model({ id: "embedded", origin: "embedded", active: true }), model({ id: "endpoint:e", origin: "endpoint" }),
      offered("large", { fit: { ...fits, fits: false } }), offered("plain"), offered("recommended", { recommended: true }), offered("begun", { part: { receivedBytes: 5, totalBytes: 10 } }),
    ],
  } as unknown as Gallery;

  it("groups models, what was begun and what is recommended first, what is too large last", () => {
    assert.deepEqual(groupsOf({ gallery, words: "" }).map(({ name, models }) => [name, models.map(({ id }) => id)]), [
      ["On this machine", ["embedded"]], ["On servers", ["endpoint:e"]], ["To download", ["begun", "recommended", "plain", "large"]],
    ]);
  });

  it("narrows by words, all of them, in any order", () => {
    assert.deepEqual(groupsOf({ gallery, words: "q4_k_m PLAIN" }).flatMap(({ models }) => models.map(({ id }) => id)), ["plain"]);
    assert.deepEqual(groupsOf({ gallery, words: "nothing like it" }), []);
  });

  it("shows what is in use until something is chosen, and follows a download to its file", () => {
    assert.equal(chosenModel({ gallery, chosen: null })?.id, "embedded");
    assert.equal(chosenModel({ gallery, chosen: "plain" })?.id, "plain");
    assert.equal(chosenModel({ gallery, chosen: "hf:plain" })?.id, "plain");
    assert.equal(chosenModel({ gallery, chosen: "gone" })?.id, "embedded");
  });

  it("keeps what it knows while the engine starts anew", () => {
    const known = reduce(initialState({ chosen: null, words: "" }), { type: "snapshot", gallery, work: NO_WORK, status: { engine: "ready", engineFailure: null, trusted: true } });
    assert.equal(reduce(known, { type: "snapshot", gallery: null, work: NO_WORK, status: { engine: "starting", engineFailure: null, trusted: true } }).gallery, gallery);
  });

  it("offers what can be done, and deletes only what was downloaded here", () => {
    const download = { uri: "hf:plain", receivedBytes: 1, totalBytes: 2, bytesPerSecond: 1 };
    assert.deepEqual(actionsOf(model({}), NO_WORK), ["use", "measure", "inspect", "showFile", "remove"]);
    assert.deepEqual(actionsOf(model({ origin: "embedded", active: true }), NO_WORK), ["measure", "inspect", "showFile"]);
    assert.deepEqual(actionsOf(model({}), { ...NO_WORK, measuring: "m" })[1], "cancelMeasure");
    assert.deepEqual(actionsOf(model({ capabilities: { infill: false, answer: false, embed: true } }), NO_WORK).includes("use"), false);
    assert.deepEqual(actionsOf(offered("plain"), NO_WORK), ["download"]);
    assert.deepEqual(actionsOf(offered("begun", { part: { receivedBytes: 5, totalBytes: 10 } }), NO_WORK), ["download", "discard"]);
    assert.deepEqual(actionsOf(offered("plain"), { ...NO_WORK, downloads: [download] }), ["cancelDownload"]);
  });

  it("says things in few words", () => {
    const speed = { promptPerSecond: 900, generatedPerSecond: 42.26, nPrompt: 1, nGenerated: 1, device: "cpu", at: "" };
    assert.equal(rowLine(model({ licence: "mnpl-0.1 (Not for commercial use.)" })), "Q4_K_M · 491 MB · mnpl-0.1");
    assert.deepEqual(licenceOf(model({ licence: "mnpl-0.1 (Not for commercial use.)" })), { name: "mnpl-0.1", note: "Not for commercial use." });
    assert.equal(licenceOf(model({ licence: "unknown" })).name, "Not stated in the file");
    assert.equal(parametersOf(model({ parameters: 7.62e9 })), "7.62 B");
    assert.equal(abilitiesOf(model({ capabilities: { infill: true, answer: true, embed: false } })), "Completion, answers");
    assert.equal(speedOf(model({ speed })), "42.3 tokens/s");
    assert.equal(speedOf(model({ speed: { ...speed, generatedPerSecond: null }, capabilities: { infill: false, answer: false, embed: true } })), "900 tokens/s");
    assert.equal(speedOf(model({})), null);
  });
});
