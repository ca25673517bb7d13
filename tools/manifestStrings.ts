// Takes the texts for people out of the generated manifest: "%key%" stands in package.json, the text in package.nls.json, and its
// translation in package.nls.de.json. Keys follow from what a text belongs to, so that they last.

/** Properties whose text is shown to people. */
const SHOWN = new Set(["title", "shortTitle", "label", "contents", "description", "markdownDescription", "displayName", "fullName", "userDescription", "enumDescriptions", "markdownEnumDescriptions", "altText", "deprecationMessage", "markdownDeprecationMessage"]);
/** Parts that are read by models or by VS Code, not by people. */
const NOT_SHOWN = new Set(["disambiguation", "inputSchema", "menus"]);
/** Names that are the same in every language. */
const BRAND = "KaLactica";

/** `manifest` with keys in place of its texts, and the texts by key, in the manifest's order. Errors: a key that would stand for two texts. */
export function takeOutStrings<M extends object>(manifest: M): { manifest: M; strings: Record<string, string> } {
  const strings: Record<string, string> = {};
  const put = (path: readonly string[], text: string): string => {
    if (text === BRAND || text === "") return text;
    const key = path.join(".").replace("contributes.", "").replace("configuration.properties.", "settings.").replaceAll("kalactica.", "");
    if (key in strings) throw new Error(`Two texts of the manifest have the key "${key}".`);
    strings[key] = text;
    return `%${key}%`;
  };
  const walk = (value: unknown, path: readonly string[]): unknown => {
    if (Array.isArray(value)) return value.map((entry: unknown, i) => walk(entry, [...path, nameOf(entry) ?? String(i + 1)]));
    if (typeof value !== "object" || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([property, inner]: [string, unknown]) => {
      if (NOT_SHOWN.has(property)) return [property, inner];
      const here = [...path, property];
      // The name of a view is its title; other names are identifiers.
      const shown = SHOWN.has(property) || (property === "name" && path[1] === "views");
      if (shown && typeof inner === "string") return [property, put(here, inner)];
      if (shown && Array.isArray(inner)) return [property, inner.map((text: unknown, i) => (typeof text === "string" ? put([...here, String(i + 1)], text) : text))];
      return [property, walk(inner, here)];
    }));
  };
  return { manifest: walk(manifest, []) as M, strings };
}

/** What tells an entry of a list from the others. */
function nameOf(entry: unknown): string | undefined {
  const { command, id, name, vendor } = (typeof entry === "object" && entry !== null ? entry : {}) as Record<string, unknown>;
  return [command, id, name, vendor].find((value): value is string => typeof value === "string");
}
