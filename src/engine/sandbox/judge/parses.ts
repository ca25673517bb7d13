// Whether code parses, asked of the interpreter itself in the sandbox. The code is not run.
import type { Parses } from "../rewards.ts";
import type { Sandbox } from "../sandbox.ts";

const PYTHON = "import ast\nwith open('code.txt', encoding='utf-8') as file: ast.parse(file.read())\n";
/** The parser behind Node's type stripping (swc); JavaScript is TypeScript without types. */
const NODE = "import fs from 'node:fs';\nimport module from 'node:module';\nmodule.stripTypeScriptTypes(fs.readFileSync('code.txt', 'utf8'));\n";

export function parsesIn(sandbox: Pick<Sandbox, "run">): Parses {
  return async (language, code, signal) => {
    const { outcome } = await sandbox.run({
      language: language === "python" ? "python" : "javascript", code: language === "python" ? PYTHON : NODE, files: { "code.txt": code },
      limits: { wallMs: 5000, memoryBytes: 256e6 }, ...(signal === undefined ? {} : { signal }),
    });
    return outcome === "passed";
  };
}
