// Writes the tables that the engine already has as pages: settings, the command line, the tools for other assistants.
import { COMMANDS } from "../../src/engine/commandLine/commands.ts";
import { COMMON_OPTIONS } from "../../src/engine/commandLine/command.ts";
import type { OptionSpec } from "../../src/engine/commandLine/command.ts";
import { ASSISTANT_TOOLS } from "../../src/engine/protocol/assistantTools.ts";
import { SETTINGS } from "../../src/engine/settings.ts";
import type { Setting } from "../../src/engine/settings.ts";

const GENERATED = "<!-- Generated from the sources by `npm run docs`. Change the tables there, not this page. -->";

export function settingsPage(): string {
  const rows = Object.entries(SETTINGS as Record<string, Setting>).map(([key, setting]) => `| \`kalactica.${key}\` | ${rangeOf(setting)} | \`${cell(JSON.stringify(setting.default))}\` | ${cell(setting.description)}${setting.restricted ? " *Not taken from an untrusted workspace.*" : ""} |`);
  return `${[GENERATED, "# Settings", "", "The same names without `kalactica.` work on the command line: `kalactica ask … --set answer.sources=4`.", "", "| setting | values | default | |", "|---|---|---|---|", ...rows].join("\n")}\n`;
}

function rangeOf(setting: Setting): string {
  switch (setting.type) {
    case "boolean": return "true, false";
    case "number": return `${setting.minimum} to ${setting.maximum} ${setting.unit}`;
    case "string": return setting.values ? setting.values.map((value) => `\`${value}\``).join(", ") : "text";
    case "list": return "list of texts";
  }
}

export function commandLinePage(): string {
  const families = [...new Set(COMMANDS.map(({ words }) => words[0]!))];
  const options = (specs: Readonly<Record<string, OptionSpec>>): string[] => Object.entries(specs).map(([name, spec]) => `| \`${spec.short ? `-${spec.short}, ` : ""}--${name}${spec.placeholder ? ` ${cell(spec.placeholder)}` : ""}\` | ${cell(spec.description)} |`);
  return `${[
    GENERATED, "# The command line", "",
    "`kalactica <command> [options]`. Exit codes: 0 done, 1 failed, 2 wrong usage, 130 interrupted. Results go to standard output, progress and failures to standard error; with `--json` the result is one JSON object, a failure too: `{\"error\": {\"reason\", \"message\"}}` with a [reason](protocol.md#reasons-for-failure). `KALACTICA_HOME` says where models and evaluations are kept (`~/.kalactica`).", "",
    "Every command takes:", "", "| option | |", "|---|---|", ...options(COMMON_OPTIONS), "",
    ...families.flatMap((family) => [
      `## ${family}`, "",
      ...COMMANDS.filter(({ words }) => words[0] === family).flatMap((command) => [
        `### kalactica ${command.words.join(" ")}`, "",
        ...(command.usage === "" ? [] : [`\`kalactica ${command.words.join(" ")} ${command.usage}\``, ""]),
        command.summary, "",
        ...(Object.keys(command.options).length > 0 ? ["| option | |", "|---|---|", ...options(command.options), ""] : []),
      ]),
    ]),
  ].join("\n").trimEnd()}\n`;
}

export function toolsPage(): string {
  return `${[
    GENERATED, "# Tools for other assistants", "",
    "In VS Code's own chat by their reference, and to any client of the Model Context Protocol by their name, from `kalactica mcp --workspace DIR` over standard input and output. All of them only read, and nothing leaves the machine through them; what the other assistant does with the text is its own affair.", "",
    ...ASSISTANT_TOOLS.flatMap((tool) => [
      `## ${tool.name}`, "", `${tool.title}: \`#${tool.reference}\`. ${tool.description}`, "", "| input | type | |", "|---|---|---|",
      ...Object.entries(tool.input.properties).map(([name, spec]) => `| \`${name}${tool.input.required.includes(name) ? "" : "?"}\` | ${spec.enum ? spec.enum.map((value) => `\`${value}\``).join(", ") : spec.type}${spec.minimum === undefined ? "" : `, ${spec.minimum} to ${spec.maximum ?? "any"}`} | ${cell(spec.description)} |`), "",
    ]),
  ].join("\n").trimEnd()}\n`;
}

function cell(text: string): string {
  return text.replaceAll("|", "\\|").replaceAll("\n", " ");
}
