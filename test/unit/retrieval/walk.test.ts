import assert from "node:assert/strict";
import path from "node:path";
import { isCancelled } from "../../../src/engine/base/errors.ts";
import { decodeText, readContents, reasonBeforeReading } from "../../../src/engine/retrieval/walk/contents.ts";
import { findSecret, isSecretFile } from "../../../src/engine/retrieval/walk/secrets.ts";
import { walk, walkPath } from "../../../src/engine/retrieval/walk/walk.ts";
import { readSettings } from "../../../src/engine/settings.ts";
import { removeTemporaryFolders, workspaceOf } from "./support.ts";

async function walked(folder: string, settings: Record<string, unknown> = {}, only?: string): Promise<string[]> {
  const paths: string[] = [];
  const read = readSettings(settings).settings;
  for await (const file of only === undefined ? walk(folder, read) : walkPath(folder, only, read)) paths.push(file.path);
  return paths;
}

describe("walking the workspace", () => {
  afterEach(removeTemporaryFolders);

  it("honours nested .gitignore files, negation, and their order", async () => {
    const folder = workspaceOf({
      ".gitignore": "*.log\n/only-here.txt\nlib/\n", "a.log": "", "only-here.txt": "", "sub/only-here.txt": "", "lib/x.txt": "",
      "sub/.gitignore": "!keep.log\ntemp*\n", "sub/keep.log": "", "sub/other.log": "", "sub/temp1.txt": "", "temp2.txt": "", "sub/deep/temp3.txt": "",
    });
    assert.deepEqual(await walked(folder), [".gitignore", "sub/.gitignore", "sub/keep.log", "sub/only-here.txt", "temp2.txt"]);
  });

  it("honours .kalacticaignore and index.exclude over .gitignore, and always leaves out dependencies", async () => {
    const folder = workspaceOf({
      ".gitignore": "dist/\n", "dist/out.txt": "", ".kalacticaignore": "!dist/\nnotes/\n", "notes/a.txt": "", "node_modules/x/index.js": "", ".git/config": "", "docs/a.txt": "", "a.txt": "",
    });
    assert.deepEqual(await walked(folder), [".gitignore", ".kalacticaignore", "a.txt", "dist/out.txt", "docs/a.txt"]);
    assert.deepEqual(await walked(folder, { "index.exclude": ["docs/**", ".*ignore"] }), ["a.txt", "dist/out.txt"]);
    const vendored = workspaceOf({ ".kalacticaignore": "!node_modules/\n", "node_modules/x/index.js": "" });
    assert.deepEqual(await walked(vendored), [".kalacticaignore", "node_modules/x/index.js"]);
  });

  it("indexes ignored files where the user wants that", async () => {
    const folder = workspaceOf({ ".gitignore": "gen/\n", "gen/a.txt": "", "b.txt": "" });
    assert.deepEqual(await walked(folder, { "index.includeIgnored": true }), [".gitignore", "b.txt", "gen/a.txt"]);
  });

  it("honours the rules of the repository above a workspace that is one of its folders", async () => {
    const repository = workspaceOf({ ".git/info/exclude": "scratch/\n", ".gitignore": "*.tmp\n/packages/a/build/\n", "packages/a/x.tmp": "", "packages/a/build/y.txt": "", "packages/a/scratch/z.txt": "", "packages/a/main.txt": "" });
    assert.deepEqual(await walked(path.join(repository, "packages/a")), ["main.txt"]);
  });

  it("walks a single path under the same rules", async () => {
    const folder = workspaceOf({ ".gitignore": "gen/\n", "gen/a.txt": "", "src/b.txt": "", "src/c/d.txt": "" });
    assert.deepEqual(await walked(folder, {}, "src"), ["src/b.txt", "src/c/d.txt"]);
    assert.deepEqual(await walked(folder, {}, "src/c/d.txt"), ["src/c/d.txt"]);
    assert.deepEqual(await walked(folder, {}, "gen/a.txt"), []);
    assert.deepEqual(await walked(folder, {}, "absent/file"), []);
    assert.deepEqual(await walked(folder, {}, "src/b.txt/below"), []);
  });

  it("copes with odd names, and with a workspace that is gone", async () => {
    const folder = workspaceOf({ "a b.txt": "", "new\nline.txt": "", "😀/ü.txt": "", "-rf": "", "#hash!.txt": "", "[x].txt": "" });
    assert.equal((await walked(folder)).length, 6);
    assert.deepEqual(await walked(path.join(folder, "no such folder")), []);
  });

  it("stops when cancelled", async () => {
    const folder = workspaceOf({ "a.txt": "" });
    await assert.rejects(async () => { for await (const file of walk(folder, readSettings({}).settings, AbortSignal.abort())) assert.fail(file.path); }, isCancelled);
  });
});

describe("judging files", () => {
  it("names the reason before reading, or none", () => {
    assert.match(reasonBeforeReading("a/.env.production", 10, 1024) ?? "", /secrets/);
    assert.match(reasonBeforeReading("server.pem", 10, 1024) ?? "", /secrets/);
    assert.equal(reasonBeforeReading(".env.example", 10, 1024), null);
    assert.equal(reasonBeforeReading("a/package-lock.json", 10, 1024), "generated file");
    assert.equal(reasonBeforeReading("x/app.min.js", 10, 1024), "minified");
    assert.equal(reasonBeforeReading("a.PNG", 10, 1024), "binary file");
    assert.equal(reasonBeforeReading("a.ts", 1024 * 1024, 1024), null);
    assert.match(reasonBeforeReading("a.ts", 1024 * 1024 + 1, 1024) ?? "", /^too large/);
  });

  it("decodes UTF-8 and UTF-16, drops byte order marks, and refuses the rest", () => {
    assert.deepEqual(decodeText(Buffer.from("\ufeffgrün 😀")), { text: "grün 😀" });
    assert.deepEqual(decodeText(Buffer.from("\ufeffgrün", "utf16le")), { text: "grün" });
    assert.deepEqual(decodeText(Buffer.from([0xc3, 0x28])), { reason: "not valid UTF-8 text" });
    assert.deepEqual(decodeText(Buffer.from("a\0b")), { reason: "binary file" });
    assert.deepEqual(decodeText(new Uint8Array()), { text: "" });
  });

  it("tells generated and minified files from those that only speak of it", () => {
    const reason = (file: string, text: string) => { const read = readContents(file, Buffer.from(text)); return "reason" in read ? read.reason : null; };
    assert.equal(reason("a.go", "// Code generated by protoc-gen-go. DO NOT EDIT.\npackage a\n"), "generated file");
    assert.equal(reason("a.ts", "const message = \"code generated by us, do not edit\";\n"), null);
    assert.equal(reason("a.ts", `${"const a = 1;\n".repeat(20)}// @generated\n`), null);
    assert.equal(reason("a.js", `${"a=1;".repeat(3_000)}\n`), "minified");
    assert.equal(reason("prose.md", `${"long line ".repeat(1_000)}\n`), null);
  });

  it("finds secrets by form, and no examples, placeholders or mere mentions", () => {
    const key = (prefix: string, body: string) => `token = "${prefix}${body}"`;
    assert.deepEqual(findSecret(`a\nb\n${key("ghp_", "x7Kd92LmQp0Rt5Vw8Yz1Bc4Ef6Gh3JkNsTuA")}`), { kind: "GitHub token", line: 3 });
    assert.equal(findSecret(key("AKIA", "Z7QX5JWP3NVB2KTM"))?.kind, "AWS access key");
    // Put together here, so that this file does not look like one that holds a key.
    const pem = ["-----BEGIN RSA ", "PRIVATE KEY-----\n", "MIIEpAIBAAKCAQEA7bq3Kx9vTz2LwPnYcD5RsGf8HjUm1QoXe6Wi4Zt0\n"].join("");
    assert.equal(findSecret(pem)?.kind, "private key");
    assert.equal(findSecret(key("AKIA", "IOSFODNN7EXAMPLE")), null);
    assert.equal(findSecret(key("ghp_", "x".repeat(36))), null);
    assert.equal(findSecret("if (line.startsWith(\"-----BEGIN PRIVATE KEY-----\")) throw"), null);
    assert.equal(findSecret("const apiKey = process.env.API_KEY;"), null);
  });

  it("knows secret-bearing files by name", () => {
    for (const file of [".env", "a/.env.local", "id_ed25519", "x.p12", ".npmrc", "aws/credentials", "secrets.yaml", "my-service-account.json", "terraform.tfstate"]) assert.ok(isSecretFile(file), file);
    for (const file of [".env.example", "environment.ts", "keyboard.ts", "src/secrets.ts", "id_rsa.md", "monkey.py"]) assert.ok(!isSecretFile(file), file);
  });
});
