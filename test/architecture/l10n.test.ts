import assert from "node:assert/strict";
import { contentSecurityPolicy, webviewHtml } from "../../src/extension/webviewHtml.ts";
import { t, translated, useBundle } from "../../src/webview/shared/l10n.ts";
import { germanProblems, placeholders, problemsOf, spokenSentences } from "../../tools/l10n.ts";

describe("the translation", () => {
  afterEach(() => useBundle(null));

  it("has German for every sentence of the extension, its webviews and its manifest, none in vain, with the same places", () => {
    // `node tools/node24.mjs tools/l10n.ts` lists the same.
    assert.deepEqual(germanProblems(), []);
  });

  it("finds the sentences at all", () => {
    const { sentences } = spokenSentences();
    for (const folder of ["src/extension", "src/webview/chat", "src/webview/monitor", "src/webview/evaluation"]) assert.ok(sentences.filter(({ place }) => place.startsWith(folder)).length > 20, folder);
  });

  it("notices what is missing, in vain or has other places", () => {
    assert.deepEqual(problemsOf(["a {0}", "b", "c"], { "a {0}": "ä {1}", b: "be", d: "de" }), ['missing: "c"', 'in vain: "d"', 'places differ: "a {0}" and "ä {1}"']);
    assert.equal(placeholders("{1} of {0}, {1}"), "{0}{1}");
  });

  it("fills places, in the order that the language needs, and stays English where there is no translation", () => {
    useBundle({ "{0} of {1}": "von {1} sind {0} da", Close: "Schließen" });
    assert.deepEqual([t("{0} of {1}", 2, 3), translated("Close"), t("Open {0}", "a.ts"), t("{0}"), t("{0} {2}", 1)], ["von 3 sind 2 da", "Schließen", "Open a.ts", "{0}", "1 {2}"]);
  });

  it("travels into the page as data that can neither run nor end its element", () => {
    const page = { title: "t", cspSource: "s", scriptUri: "a", styleUri: "b", nonce: "n", language: "de" };
    const html = webviewHtml({ ...page, bundle: { "</script><script>alert(1)</script>": "x" } });
    assert.equal(html.match(/<script/g)?.length, 2);
    assert.match(html, /<script type="application\/json" id="l10n">/);
    assert.doesNotMatch(webviewHtml(page), /application\/json/);
    assert.match(contentSecurityPolicy(page), /script-src 'nonce-n'/);
  });
});
