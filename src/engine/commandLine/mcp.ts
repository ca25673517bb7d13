// kalactica mcp: offers the tools of protocol/assistantTools.ts to any client of the Model Context Protocol, over standard input and
// output. The protocol itself is the library's; nothing but the protocol is written to standard output.
import { EngineError } from "../base/errors.ts";
import { engineVersion } from "../base/paths.ts";
import { ASSISTANT_TOOLS } from "../protocol/assistantTools.ts";
import { runTool } from "../tasks/runTool.ts";
import { refreshIndex } from "./askAndSearch.ts";
import type { Command } from "./command.ts";
import { withEngine } from "./openEngine.ts";

export const mcpCommand: Command = {
  words: ["mcp"],
  usage: "[--workspace DIR]",
  summary: "Serve search, answers, memory and checks to other assistants (Model Context Protocol, stdio).",
  options: { "no-update": { type: "flag", description: "Use the index as it is, without looking for changed files first." } },
  run: (context) => withEngine(context, { workspace: true }, async (engine) => {
    // Loaded here, so that no other command waits for it.
    const { ProtocolError, ProtocolErrorCode, Server } = await import("@modelcontextprotocol/server");
    const { StdioServerTransport } = await import("@modelcontextprotocol/server/stdio");
    // Answers come from the index as far as it is; a client waits for the handshake seconds at most.
    const ready = refreshIndex(engine, context).then(() => engine.loadModel());
    ready.catch((error: unknown) => context.progress.say(error instanceof Error ? error.message : String(error)));
    const server = new Server({ name: "kalactica", title: "KaLactica", version: engineVersion() }, {
      capabilities: { tools: {} },
      instructions: "Local tools about the open workspace: search and cited answers from its index, recall from its memory, and safety checks. Everything runs on this machine.",
    });
    server.setRequestHandler("tools/list", () => ({
      tools: ASSISTANT_TOOLS.map(({ name, title, description, input }) => ({
        name, title, description, inputSchema: { type: input.type, properties: Object.fromEntries(Object.entries(input.properties).map(([property, { enum: values, ...spec }]) => [property, { ...spec, ...(values ? { enum: [...values] } : {}) }])), required: [...input.required] }, annotations: { readOnlyHint: true, openWorldHint: false },
      })),
    }));
    server.setRequestHandler("tools/call", async ({ params }, { mcpReq }) => {
      if (!ASSISTANT_TOOLS.some(({ name }) => name === params.name)) throw new ProtocolError(ProtocolErrorCode.InvalidParams, `There is no tool "${params.name}".`);
      try {
        await ready;
        return { content: [{ type: "text" as const, text: await runTool(engine, params.name, params.arguments ?? {}, mcpReq.signal) }] };
      } catch (error) {
        // What a tool cannot do is for the model to read, not an error of the protocol.
        if (error instanceof EngineError) return { isError: true, content: [{ type: "text" as const, text: error.message }] };
        throw error;
      }
    });
    const closed = new Promise<void>((resolve) => {
      server.onclose = resolve;
      process.stdin.once("end", resolve);
      context.signal.addEventListener("abort", () => resolve(), { once: true });
    });
    await server.connect(new StdioServerTransport());
    await closed;
    await server.close();
    return { json: { served: true }, text: "" };
  }),
};
