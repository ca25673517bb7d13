// The three files that make a ZIP archive an extension's package: package.json without what only development needs, the
// manifest of the package, and the table of content types. The latter two follow what `vsce package` 4.1 writes.
import path from "node:path";

/** What package.json says, as far as the package's manifest repeats it. */
export interface ExtensionManifest {
  readonly name: string;
  readonly displayName: string;
  readonly description: string;
  readonly version: string;
  readonly publisher: string;
  readonly categories: readonly string[];
  readonly keywords: readonly string[];
  readonly engines: { readonly vscode: string };
  readonly extensionKind?: readonly string[];
  readonly icon: string;
  readonly scripts: Readonly<Record<string, string>>;
  readonly contributes: { readonly languageModelChatProviders?: unknown; readonly chatParticipants?: unknown; readonly languageModelTools?: unknown; readonly walkthroughs?: unknown; readonly [key: string]: unknown };
}

/** Keys of package.json that mean nothing to an installed extension. */
const DEVELOPMENT_KEYS = new Set(["private", "bin", "devDependencies", "dependencies", "optionalDependencies", "overrides", "allowScripts", "files", "workspaces"]);

/** package.json as it is shipped. */
export function shippedManifest(manifest: ExtensionManifest): Record<string, unknown> {
  const kept = Object.fromEntries(Object.entries(manifest).filter(([key]) => !DEVELOPMENT_KEYS.has(key)));
  const scripts = Object.fromEntries(Object.entries(manifest.scripts).filter(([name]) => name === "vscode:uninstall"));
  return { ...kept, engines: { vscode: manifest.engines.vscode }, scripts };
}

/** The text of `extension.vsixmanifest`. `languages` are those that the extension is translated to. */
export function packageManifest(manifest: ExtensionManifest, target: string, languages: readonly string[]): string {
  const properties: [string, string][] = [
    ["Microsoft.VisualStudio.Code.Engine", manifest.engines.vscode],
    ["Microsoft.VisualStudio.Code.ExtensionDependencies", ""],
    ["Microsoft.VisualStudio.Code.ExtensionPack", ""],
    ["Microsoft.VisualStudio.Code.ExtensionKind", (manifest.extensionKind ?? ["workspace"]).join(",")],
    ["Microsoft.VisualStudio.Code.LocalizedLanguages", languages.join(",")],
    ["Microsoft.VisualStudio.Code.ExecutesCode", "true"],
    ["Microsoft.VisualStudio.Services.GitHubFlavoredMarkdown", "true"],
    ["Microsoft.VisualStudio.Services.Content.Pricing", "Free"],
  ];
  const assets: [string, string][] = [
    ["Microsoft.VisualStudio.Code.Manifest", "extension/package.json"],
    ["Microsoft.VisualStudio.Services.Content.Details", "extension/README.md"],
    ["Microsoft.VisualStudio.Services.Content.Changelog", "extension/CHANGELOG.md"],
    ["Microsoft.VisualStudio.Services.Content.License", "extension/LICENSE.txt"],
    ["Microsoft.VisualStudio.Services.Icons.Default", `extension/${manifest.icon}`],
  ];
  return `<?xml version="1.0" encoding="utf-8"?>
<PackageManifest Version="2.0.0" xmlns="http://schemas.microsoft.com/developer/vsx-schema/2011" xmlns:d="http://schemas.microsoft.com/developer/vsx-schema-design/2011">
  <Metadata>
    <Identity Language="en-US" Id="${xml(manifest.name)}" Version="${xml(manifest.version)}" Publisher="${xml(manifest.publisher)}" TargetPlatform="${xml(target)}"/>
    <DisplayName>${xml(manifest.displayName)}</DisplayName>
    <Description xml:space="preserve">${xml(manifest.description)}</Description>
    <Tags>${xml(manifest.keywords.join(","))}</Tags>
    <Categories>${xml(manifest.categories.join(","))}</Categories>
    <GalleryFlags>Public</GalleryFlags>
    <Properties>
${properties.map(([id, value]) => `      <Property Id="${id}" Value="${xml(value)}"/>`).join("\n")}
    </Properties>
    <License>extension/LICENSE.txt</License>
    <Icon>extension/${xml(manifest.icon)}</Icon>
  </Metadata>
  <Installation>
    <InstallationTarget Id="Microsoft.VisualStudio.Code"/>
  </Installation>
  <Dependencies/>
  <Assets>
${assets.map(([type, file]) => `    <Asset Type="${type}" Path="${xml(file)}" Addressable="true"/>`).join("\n")}
  </Assets>
</PackageManifest>
`;
}

const KNOWN_TYPES: Readonly<Record<string, string>> = {
  ".json": "application/json", ".vsixmanifest": "text/xml", ".md": "text/markdown", ".txt": "text/plain", ".js": "application/javascript", ".mjs": "application/javascript",
  ".cjs": "application/javascript", ".css": "text/css", ".png": "image/png", ".svg": "image/svg+xml", ".wasm": "application/wasm", ".ttf": "font/ttf", ".py": "text/plain",
};

/** The text of `[Content_Types].xml`: every extension of a file's name must be in it. */
export function contentTypes(names: readonly string[]): string {
  const extensions = [...new Set(names.map((name) => path.posix.extname(name).toLowerCase()).filter((extension) => extension !== ""))].sort();
  const lines = extensions.map((extension) => `  <Default Extension="${xml(extension)}" ContentType="${KNOWN_TYPES[extension] ?? "application/octet-stream"}"/>`);
  return `<?xml version="1.0" encoding="utf-8"?>\n<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">\n${lines.join("\n")}\n</Types>\n`;
}

function xml(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}
