// Links between documents lead somewhere: the file is there, and so is the heading. Pictures are there and small.
import assert from "node:assert/strict";
import { existsSync, globSync, statSync } from "node:fs";
import path from "node:path";
import { allDocuments } from "../../../tools/docs/documents.ts";
import { readDocument, slugOf } from "../../../tools/docs/markdown.ts";
import { repository } from "../../../tools/docs/sampleClone.ts";

const MOST_PICTURE_BYTES = 150_000;
const MOST_RECORDING_BYTES = 2_000_000;
const documents = allDocuments();
const byPath = new Map(documents.map((document) => [document.path, document]));

describe("the documents", () => {
  it("link to files and headings that are there", () => {
    const broken: string[] = [];
    for (const document of documents) {
      for (const { target, line } of document.links) {
        if (/^[a-z]+:/.test(target)) continue;
        const [file, anchor] = target.split("#");
        const to = file === "" ? document.path : path.posix.normalize(path.posix.join(path.posix.dirname(document.path), decodeURI(file!)));
        const found = to.startsWith("..") ? false : existsSync(path.join(repository, to));
        if (!found) broken.push(`${document.path}:${line}: there is no ${to}`);
        else if (anchor !== undefined && byPath.has(to) && !byPath.get(to)!.headings.some((heading) => heading.anchor === anchor)) broken.push(`${document.path}:${line}: ${to} has no heading #${anchor}`);
      }
    }
    assert.deepEqual(broken, []);
  });

  it("can all be reached from the README", () => {
    const reached = new Set<string>();
    const open = ["README.md"];
    for (let file = open.pop(); file !== undefined; file = open.pop()) {
      if (reached.has(file)) continue;
      reached.add(file);
      for (const { target } of byPath.get(file)?.links ?? []) if (!/^[a-z]+:/.test(target) && !target.startsWith("#")) open.push(path.posix.normalize(path.posix.join(path.posix.dirname(file), target.split("#")[0]!)));
    }
    assert.deepEqual(documents.map((document) => document.path).filter((file) => !reached.has(file)), []);
  });

  it("show pictures that are small", () => {
    for (const document of documents) {
      for (const { target } of document.links.filter((link) => /\.(?:png|gif|webp|svg)$/.test(link.target))) {
        const { size } = statSync(path.join(repository, path.dirname(document.path), target));
        assert.ok(size <= (/\.(?:gif|webp)$|recording/.test(target) ? MOST_RECORDING_BYTES : MOST_PICTURE_BYTES), `${target} has ${size} bytes`);
      }
    }
  });
});

describe("reading a document", () => {
  it("gives headings the anchors that GitHub gives them", () => {
    assert.equal(slugOf("“No model”: what now?"), "no-model-what-now");
    assert.equal(slugOf("How to add …"), "how-to-add-");
    assert.deepEqual(readDocument("# A b\n\n## A b\n").headings.map(({ anchor }) => anchor), ["a-b", "a-b-1"]);
  });

  it("finds links in text and in tables, blocks with the note before them, and code", () => {
    const { links, blocks, code } = readDocument("See [x](a.md#b).\n\n|a|\n|-|\n|[y](c.md) `d e`|\n\n<!-- not run: it takes minutes -->\n```sh\nnpm ci\n```\n");
    assert.deepEqual(links.map(({ target }) => target), ["a.md#b", "c.md"]);
    assert.deepEqual(blocks, [{ language: "sh", text: "npm ci\n", line: 9, note: "not run: it takes minutes" }]);
    assert.deepEqual(code.map(({ text }) => text), ["d e"]);
  });
});

describe("ARCHITECTURE.md, CONTRIBUTING.md and SECURITY.md", () => {
  const paths = globSync("{src,test,tools,docs,media,bin}/**/*", { cwd: repository }).map((file) => `/${file.replaceAll(path.sep, "/")}`);

  it("name files and folders that are there", () => {
    const gone: string[] = [];
    for (const name of ["ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md"]) {
      for (const { text, line } of byPath.get(name)?.code ?? []) {
        const file = text.replace(/^… /, "").replace(/\/$/, "");
        const isPath = /^[\w.-]+(?:\/[\w.-]+)+$/.test(file) && (text.endsWith("/") || /^(?:src|test|tools|docs|media|bin)\//.test(file));
        if (!isPath && !/^[\w./-]+\.(?:tsx?|mjs)$/.test(file)) continue;
        if (!paths.some((known) => known.endsWith(`/${file}`)) && !existsSync(path.join(repository, file))) gone.push(`${name}:${line}: ${text}`);
      }
    }
    assert.deepEqual(gone, []);
  });
});
