import assert from "node:assert/strict";
import { licenceProblems, licencesText } from "../../../tools/package/licences.ts";
import type { Component } from "../../../tools/package/licences.ts";
import { shippedManifest } from "../../../tools/package/manifest.ts";
import type { ExtensionManifest } from "../../../tools/package/manifest.ts";
import { changelogSection, compareVersions } from "../../../tools/release/checks.ts";

const component = (name: string, licence: string, text = "the text"): Component => ({ name, version: "1.0.0", licence, texts: text === "" ? [] : [{ file: "LICENSE", text }] });

describe("what may be shipped", () => {
  it("is told by the licence: permissive ones pass, copyleft, unknown and missing ones are named", () => {
    assert.deepEqual(licenceProblems([component("a", "MIT"), component("b", "Apache-2.0 AND BSD-3-Clause")]), []);
    for (const licence of ["GPL-3.0-only", "AGPL-3.0-or-later", "LGPL-2.1-only", "", "UNLICENSED", "MIT AND GPL-2.0-only"]) {
      assert.match(licenceProblems([component("bad", licence)])[0] ?? "", /bad@1\.0\.0 has the licence/, licence);
    }
    assert.match(licenceProblems([component("mute", "MIT", "")])[0] ?? "", /brings no licence text/);
  });

  it("is passed on with every text", () => {
    const text = licencesText([component("b", "MIT", "text of b"), component("a", "ISC", "text of a")]);
    assert.ok(text.indexOf("a 1.0.0: ISC") < text.indexOf("b 1.0.0: MIT"));
    assert.match(text, /text of a[^]*text of b/);
  });

  it("has a manifest without what only development needs", () => {
    const manifest = shippedManifest({ name: "x", engines: { vscode: "^1.1.0", node: ">=20" }, scripts: { test: "t", prepare: "p", "vscode:uninstall": "node u" }, devDependencies: {}, private: true } as unknown as ExtensionManifest);
    assert.deepEqual(manifest, { name: "x", engines: { vscode: "^1.1.0" }, scripts: { "vscode:uninstall": "node u" } });
  });
});

describe("a release", () => {
  it("takes its notes from its own section, else from what is unreleased", () => {
    const log = "# Changelog\n\n## Unreleased\n\n- new\n\n## 0.1.0\n\n- old\n";
    assert.equal(changelogSection(log, "0.2.0"), "- new");
    assert.equal(changelogSection(log, "0.1.0"), "- old");
    assert.equal(changelogSection("# Changelog\n\n## Unreleased\n\n## 0.1.0\n\n- old\n", "0.2.0"), null);
  });

  it("compares versions by number, not by letter", () => {
    assert.ok(compareVersions("0.10.0", "0.9.9") > 0);
    assert.ok(compareVersions("1.0.0", "1.0.1") < 0);
    assert.equal(compareVersions("1.2.3", "1.2.3"), 0);
  });
});
