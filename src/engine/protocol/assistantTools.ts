// The tools that KaLactica offers to other assistants: in VS Code's own chat (language-model tools) and to any client of the Model
// Context Protocol. Names, descriptions and inputs stand here once; package.json is generated from them. What a tool does is in
// tasks/runTool.ts. Data only.

export interface AssistantTool {
  readonly name: ToolName;
  /** As it is referred to in a prompt: "#kalacticaSearch". */
  readonly reference: string;
  readonly title: string;
  /** For people. */
  readonly summary: string;
  /** For models: what it gives, and when to use it. */
  readonly description: string;
  /** JSON Schema of the input. */
  readonly input: { readonly type: "object"; readonly properties: Readonly<Record<string, { readonly type: "string" | "integer"; readonly description: string; readonly enum?: readonly string[]; readonly minimum?: number; readonly maximum?: number }>>; readonly required: readonly string[] };
  readonly icon: string;
}

export type ToolName = "kalactica_search" | "kalactica_ask" | "kalactica_recall" | "kalactica_check";

export const ASSISTANT_TOOLS: readonly AssistantTool[] = [
  {
    name: "kalactica_search", reference: "kalacticaSearch", title: "Search the workspace", icon: "$(search)",
    summary: "Passages of the workspace by words and meaning, from the local index",
    description: "Finds passages of the open workspace by words, names and meaning. Gives each with its path and lines. Use it to find where something is implemented, configured or documented. Works offline; secrets are removed from the passages.",
    input: { type: "object", properties: { query: { type: "string", description: "What to look for: a name, words, an error message or a description." }, count: { type: "integer", description: "How many passages; 8 where absent.", minimum: 1, maximum: 50 } }, required: ["query"] },
  },
  {
    name: "kalactica_ask", reference: "kalacticaAsk", title: "Ask about the workspace", icon: "$(comment-discussion)",
    summary: "A cited answer about the workspace, composed on this machine",
    description: "Answers a question about the open workspace from definitions, documentation and usages, with verified citations (path and lines). Use it for what something is, where it is defined, who uses it, or what the project's notebooks ran.",
    input: { type: "object", properties: { question: { type: "string", description: "The question, in words." } }, required: ["question"] },
  },
  {
    name: "kalactica_recall", reference: "kalacticaRecall", title: "Recall from memory", icon: "$(history)",
    summary: "What was said, decided and run in this workspace before",
    description: "Recalls from the workspace's memory what was said, decided, run or failed before, with when and where from. Use it for questions about earlier work, decisions, and what a notebook did.",
    input: { type: "object", properties: { query: { type: "string", description: "What to recall, in words; times such as \"last week\" are understood." }, count: { type: "integer", description: "How many items; 8 where absent.", minimum: 1, maximum: 50 } }, required: ["query"] },
  },
  {
    name: "kalactica_check", reference: "kalacticaCheck", title: "Check for safety", icon: "$(shield)",
    summary: "Secrets, injected instructions, insecure code and dangerous commands in a text",
    description: "Checks a text before it is used: a shell command (what it would do, and whether to allow, ask or block), code (known weaknesses), or text from elsewhere (secrets, injected instructions). Gives a verdict with reasons.",
    input: {
      type: "object", required: ["text", "kind"],
      properties: {
        text: { type: "string", description: "The text to check." },
        kind: { type: "string", description: "What it is: a command to run, code to insert, context that was read, a user's input, or an answer.", enum: ["command", "code", "context", "input", "output"] },
        language: { type: "string", description: "Of code: python, typescript, …" },
      },
    },
  },
];
