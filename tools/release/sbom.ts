// A software bill of materials in CycloneDX 1.6 (ECMA-424), as JSON, for one package: what is in the `.vsix`, not what a checkout
// installs. No time and no random number goes in, so that the same package gives the same bill.
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import type { PackageContents } from "../package/contents.ts";

/** The bill for a package; `file` is the `.vsix`. */
export function billOfMaterials({ components, files, manifest }: PackageContents, version: string, file: string): string {
  const own = `pkg:generic/${manifest.publisher}.${manifest.name}@${version}`;
  const libraries = components.map(({ name, version: of, licence, homepage, npm }) => {
    const purl = npm === false ? `pkg:generic/${encodeURIComponent(name)}@${of}` : `pkg:npm/${name.replace(/^@/, "%40")}@${of}`;
    return {
      type: "library", "bom-ref": purl, name, version: of, purl,
      licenses: [/ (?:AND|OR) /.test(licence) ? { expression: licence } : { license: { id: licence } }],
      ...(homepage === undefined ? {} : { externalReferences: [{ type: "website", url: homepage }] }),
    };
  });
  const models = files.filter(({ part }) => part === "embedded models").map(({ name, content }) => {
    const base = name.split("/").at(-1)!;
    return {
      type: "machine-learning-model", "bom-ref": `model:${base}`, name: base, version,
      hashes: [{ alg: "SHA-256", content: createHash("sha256").update(Buffer.isBuffer(content) ? content : readFileSync(content.file)).digest("hex") }],
      licenses: [{ license: { id: "MIT" } }],
    };
  });
  const bill = {
    bomFormat: "CycloneDX",
    specVersion: "1.6",
    version: 1,
    metadata: {
      component: {
        type: "application", "bom-ref": own, name: manifest.name, version, publisher: manifest.publisher, description: manifest.description, licenses: [{ license: { id: "MIT" } }],
        hashes: [{ alg: "SHA-256", content: createHash("sha256").update(readFileSync(file)).digest("hex") }],
      },
    },
    components: [...libraries, ...models].sort((a, b) => (a["bom-ref"] < b["bom-ref"] ? -1 : 1)),
    dependencies: [{ ref: own, dependsOn: [...libraries, ...models].map((component) => component["bom-ref"]).sort() }],
  };
  return `${JSON.stringify(bill, null, 2)}\n`;
}
