// Insecure code by language and weakness, each beside the safe way to write it; and what cannot be judged.
import assert from "node:assert/strict";
import { before, describe, it } from "mocha";
import { findInsecureCode, prepareLanguage } from "../../../src/engine/safety/code/findInsecureCode.ts";
import { guessLanguage } from "../../../src/engine/safety/code/guessLanguage.ts";

const LANGUAGES = ["python", "javascript", "typescript", "go", "java", "c", "csharp", "php", "rust"];

/** language, weakness, code that has it, code that does not. */
const PAIRS: readonly (readonly [string, string, string, string])[] = [
  ["python", "CWE-89", "def f(c, n):\n    q = 'SELECT * FROM t WHERE n = %s' % n\n    c.execute(q)", "def f(c, n):\n    c.execute('SELECT * FROM t WHERE n = %s', (n,))"],
  ["python", "CWE-78", "import subprocess\nsubprocess.run('ls ' + request.args['x'], shell=True)", "def run(x):\n    return x + 1\nrun('ls')"],
  ["python", "CWE-502", "import yaml\nyaml.load(f)", "import yaml\nyaml.load(f, Loader=yaml.SafeLoader)"],
  ["python", "CWE-22", "def f():\n    p = request.args['p']\n    return open(p)", "def f():\n    return open('config.json')"],
  ["python", "CWE-328", "import hashlib\npassword_hash = hashlib.md5(p).hexdigest()", "import hashlib\netag = hashlib.md5(p, usedforsecurity=False)"],
  ["python", "CWE-798", "db_password = 'hunter2-Ab9'", "db_password = os.environ['DB_PASSWORD']"],
  ["javascript", "CWE-78", "const { execSync } = require('child_process');\nexecSync(`git log ${name}`);", "execFileSync('git', ['log', name]);"],
  ["javascript", "CWE-79", "el.innerHTML = '<b>' + location.hash;", "el.textContent = location.hash;"],
  ["javascript", "CWE-345", "w.postMessage(data, '*');", "w.postMessage(data, 'https://example.com');"],
  ["typescript", "CWE-95", "export function f(code: string): unknown { return eval(code); }", "export function f(code: string): unknown { return JSON.parse(code); }"],
  ["typescript", "CWE-89", "async function f(id: string) { return db.query(`SELECT * FROM t WHERE id = ${id}`); }", "async function f(id: string) { return db.query('SELECT * FROM t WHERE id = $1', [id]); }"],
  ["typescript", "CWE-918", "app.get('/', async (req, res) => { const u = req.query.url; await fetch(u); });", "async function f() { await fetch('https://api.example.com'); }"],
  ["go", "CWE-89", "package m\nfunc f(n string) { db.Query(fmt.Sprintf(\"SELECT * FROM t WHERE n = '%s'\", n)) }", "package m\nfunc f(n string) { db.Query(\"SELECT * FROM t WHERE n = ?\", n) }"],
  ["go", "CWE-295", "package m\nvar c = &tls.Config{InsecureSkipVerify: true}", "package m\nvar c = &tls.Config{MinVersion: tls.VersionTLS12}"],
  ["java", "CWE-327", "class A { void f() { Cipher c = Cipher.getInstance(\"DES\"); } }", "class A { void f() { Cipher c = Cipher.getInstance(\"AES/GCM/NoPadding\"); } }"],
  ["java", "CWE-89", "class A { void f(String n) { st.executeQuery(\"SELECT * FROM t WHERE n = '\" + n + \"'\"); } }", "class A { void f() { st.executeQuery(\"SELECT * FROM t\"); } }"],
  ["java", "CWE-502", "class A { Object f() { return new ObjectInputStream(in).readObject(); } }", "class A { Object f() { return mapper.readValue(in, B.class); } }"],
  ["c", "CWE-120", "void f(char *a) { char b[8]; strcpy(b, a); }", "void f(char *a) { char b[8]; snprintf(b, sizeof b, \"%s\", a); }"],
  ["c", "CWE-242", "void f() { char b[8]; gets(b); }", "void f() { char b[8]; fgets(b, sizeof b, stdin); }"],
  ["c", "CWE-134", "void f(char *s) { printf(s); }", "void f(char *s) { printf(\"%s\", s); }"],
  ["csharp", "CWE-89", "class A { void F(string n) { cmd.CommandText = $\"SELECT * FROM t WHERE n = '{n}'\"; } }", "class A { void F(string n) { cmd.CommandText = \"SELECT * FROM t WHERE n = @n\"; } }"],
  ["php", "CWE-79", "echo $_GET['x'];", "echo htmlspecialchars($_GET['x']);"],
  ["rust", "CWE-295", "fn f() { let c = Client::builder().danger_accept_invalid_certs(true).build(); }", "fn f() { let c = Client::builder().build(); }"],
];

function likely(code: string, language: string): string[] {
  const judged = findInsecureCode(code, language, 2_000);
  assert.ok("findings" in judged, `${language}: ${"notChecked" in judged ? judged.notChecked : ""}`);
  return judged.findings.filter(({ confidence }) => confidence === "likely").map(({ cwe }) => cwe);
}

describe("insecure code", () => {
  before(async function () {
    this.timeout(60_000);
    for (const language of LANGUAGES) await prepareLanguage(language);
  });

  for (const language of LANGUAGES) {
    it(`finds weaknesses of ${language}, and leaves the safe way alone`, () => {
      for (const [, cwe, bad, good] of PAIRS.filter(([of]) => of === language)) {
        assert.ok(likely(bad, language).includes(cwe), `${cwe} in: ${bad}\n  ${likely(bad, language).join()}`);
        assert.ok(!likely(good, language).includes(cwe), `${cwe} not in: ${good}`);
      }
    });
  }

  it("tells the place and what to do instead", () => {
    const code = "import os\nos.system('rm ' + name)\n";
    const judged = findInsecureCode(code, "python", 2_000);
    assert.ok("findings" in judged);
    const [found] = judged.findings;
    assert.equal(code.slice(found!.start, found!.end), "os.system('rm ' + name)");
    assert.match(found!.fix, /list of arguments/);
  });

  it("calls randomness a weakness where it protects something, and a possibility elsewhere", () => {
    assert.deepEqual(likely("import random\ntoken = random.choice(letters)", "python"), ["CWE-338"]);
    assert.deepEqual(likely("import random\nrow = random.choice(rows)", "python"), []);
  });

  it("reads half a file", () => {
    assert.ok(likely("        cursor.execute('SELECT * FROM t WHERE a = ' + a)\n    def g(self", "python").includes("CWE-89"));
  });

  it("says of what it cannot judge that it was not checked", () => {
    const why = (code: string, language: string, budget = 2_000): string | undefined => {
      const judged = findInsecureCode(code, language, budget);
      return "notChecked" in judged ? judged.notChecked : undefined;
    };
    assert.match(why("x", "cobol") ?? "", /no rules for cobol/);
    assert.match(why(`a=${"1+".repeat(4_000)}1`, "javascript") ?? "", /minified/);
    assert.match(why("x\n".repeat(200_000), "javascript") ?? "", /too long/);
    assert.match(why("f(x)\n".repeat(30_000), "javascript", 5) ?? "", /could not be read within 5 ms/);
  });

  it("takes bounded time for deeply nested code", () => {
    const begun = performance.now();
    findInsecureCode(`${"(\n".repeat(3_000)}x${")".repeat(3_000)}`, "javascript", 60);
    findInsecureCode(`x = ${"[\n".repeat(3_000)}`, "python", 60);
    assert.ok(performance.now() - begun < 2_000, `${performance.now() - begun} ms`);
  });

  it("guesses a language where it is plain", () => {
    assert.deepEqual(["def f(x):\n    return x", "package m\nfunc f() {}", "const a = 1;", "#include <stdio.h>\nint main() {}", "fn main() { println!(\"a\"); }", "hello there"].map(guessLanguage), ["python", "go", "javascript", "cpp", "rust", null]);
  });
});
