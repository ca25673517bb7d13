// Writes the wire protocol as two pages: messages and types. Where it comes from is protocolSource.ts.
import type { Direction, Message, Protocol, ProtocolType } from "./protocolSource.ts";

const GENERATED = "<!-- Generated from the sources by `npm run docs`. Change the comments there, not this page. -->";
const DIRECTIONS: Readonly<Record<Direction, string>> = { request: "request", toEngine: "notification to the engine", toClient: "notification to the client" };
/** What a family of methods is about, for those whose name does not say it. */
const FAMILIES: Readonly<Record<string, string>> = {
  adapters: "What training made, and which of it is live.", answer: "Answers.", chat: "The loaded model by itself.", completion: "Inline completions.",
  data: "Training data.", endpoint: "Model servers elsewhere.", engine: "The engine itself.", evaluate: "Measurements.", index: "The index of the workspace.", memory: "What is remembered.",
  metrics: "Figures of use, kept on this machine.", model: "Model files.", notebook: "The state of notebooks.", retrieval: "Search.", safety: "Checks of code and commands.", session: "What is open in the editor.", tool: "Tools for other assistants.", train: "Training runs.",
};

export function messagesPage(protocol: Protocol): string {
  const families = [...new Set(protocol.messages.map(({ method }) => familyOf(method)))];
  return `${[
    GENERATED,
    "# The engine's protocol", "",
    `JSON-RPC 2.0 between a client (the extension) and the engine process, protocol version ${protocol.version}. It travels over the IPC channel of Node's \`child_process.fork\` (src/engine/main.ts), never over standard output. The first message is [\`engine/hello\`](#enginehello). The types are on [their own page](types.md).`, "",
    "**Failures.** A request that fails is answered with code −32001, a sentence for people (what was found, what was expected, what to do) and `data: { reason, details }`; branch on the [reason](#reasons-for-failure), never on the text. A request that was cancelled (`$/cancelRequest`) is answered with code −32800. Any request may fail with `badRequest` (before the handshake, or wrong parameters), `internal`, and, where it writes, `diskFull` or `unreadable`; what else is to be expected stands with each.", "",
    ...families.flatMap((family) => {
      const messages = protocol.messages.filter(({ method }) => familyOf(method) === family);
      return [`## ${family}`, "", ...(FAMILIES[family] ? [FAMILIES[family], ""] : []), ...messages.flatMap((message) => messageLines(message, protocol))];
    }),
    "## Reasons for failure", "",
    "| reason | when |", "|---|---|",
    ...protocol.reasons.map(({ name, documentation }) => `| \`${name}\` | ${documentation} |`),
  ].join("\n")}\n`;
}

function messageLines(message: Message, protocol: Protocol): string[] {
  return [
    `### ${message.method}${message.direction === "toClient" && protocol.messages.some((other) => other.method === message.method && other.direction === "request") ? " (notification)" : ""}`, "",
    ...(message.documentation === "" ? [] : [message.documentation, ""]),
    `- ${DIRECTIONS[message.direction]}`,
    ...(message.params === "null" ? ["- parameters: none (`null`)"] : [`- parameters: ${linked(message.params, protocol)}`]),
    ...(message.result === null ? [] : [`- result: ${linked(message.result, protocol)}`]),
    ...(message.errors.length > 0 ? [`- fails with: ${message.errors.map((name) => `\`${name}\``).join(", ")}`] : []),
    "",
  ];
}

export function typesPage(protocol: Protocol): string {
  return `${[
    GENERATED,
    "# The types of the protocol", "",
    "What the [messages](protocol.md) carry. `?` marks what may be absent.", "",
    ...protocol.types.flatMap((type) => typeLines(type, protocol)),
  ].join("\n").trimEnd()}\n`;
}

function typeLines(type: ProtocolType, protocol: Protocol): string[] {
  return [
    `## ${type.name}`, "",
    ...(type.documentation === "" ? [] : [type.documentation, ""]),
    ...(type.extends.length > 0 ? [`Has also what ${type.extends.map((one) => linked(one, protocol)).join(" and ")} has.`, ""] : []),
    ...(type.members === null ? [linked(type.text, protocol), ""] : []),
    ...(type.members === null || type.members.length === 0 ? [] : [
      "| field | type | |", "|---|---|---|",
      ...type.members.map((member) => `| \`${member.name}${member.optional ? "?" : ""}\` | ${linked(member.type, protocol)} | ${cell(member.documentation)} |`), "",
    ]),
  ];
}

/** A type as code, followed by links to those that it names. */
function linked(text: string, protocol: Protocol): string {
  const names = [...new Set(text.match(/\b[A-Z]\w+/g) ?? [])].filter((name) => protocol.types.some((type) => type.name === name));
  if (names.length === 1 && names[0] === text) return `[\`${text}\`](types.md#${text.toLowerCase()})`;
  return `\`${cell(text)}\`${names.length > 0 ? ` (${names.map((name) => `[${name}](types.md#${name.toLowerCase()})`).join(", ")})` : ""}`;
}

function cell(text: string): string {
  return text.replaceAll("|", "\\|");
}

function familyOf(method: string): string {
  return method.split("/")[0]!;
}
