// kalactica models add-endpoint and remove-endpoint: models on a server. Keys come from the environment and are written nowhere.
import { parseEndpointAddress } from "../endpoints/address.ts";
import { UsageError } from "./command.ts";
import type { Command } from "./command.ts";
import { withEngine } from "./openEngine.ts";

export const CONSENT_OPTION = { consent: { type: "flag", description: "Agree that what the command says is sent to that host, now and from now on. Not needed for this machine." } } as const;

export const ENDPOINT_COMMANDS: readonly Command[] = [
  {
    words: ["models", "add-endpoint"], usage: "URL [--name NAME] [--model ID]",
    summary: "Let a model on a server (llama.cpp, vLLM, Ollama, any OpenAI-compatible one) write answers.",
    options: {
      name: { type: "value", placeholder: "NAME", description: "What to call it. Default: the host. Its key is read from KALACTICA_KEY_NAME (in capitals)." },
      "server-model": { type: "value", placeholder: "ID", description: "The model on the server (--model works too). Default: its only one." },
      completions: { type: "flag", description: "Let it write inline completions too, where it can. Default: the local model goes on doing that." },
      ...CONSENT_OPTION,
    },
    run: (context) => {
      const [url, ...more] = context.positionals;
      if (url === undefined || more.length > 0) throw new UsageError(`Expected one URL, got ${context.positionals.length}.`);
      const address = parseEndpointAddress(url);
      const name = context.values.get("name");
      const model = context.values.get("server-model") ?? context.values.get("model");
      return withEngine({ ...context, values: new Map([...context.values].filter(([key]) => key !== "model")) }, { workspace: false }, async (engine) => {
        if (context.flags.has("consent")) await engine.endpoints.consent(address.host, true);
        const added = await engine.endpoints.add({ url, completions: context.flags.has("completions"), ...name === undefined ? {} : { name }, ...model === undefined ? {} : { model } }, context.signal);
        const info = engine.endpoints.list().find(({ active }) => active)!;
        const lines = [
          `Now using ${added.name} at ${info.host}.`,
          `context        ${info.contextSize} tokens (${{ server: "the server says so", probe: "found by trying", refusal: "by what it refused", assumed: "assumed: the server does not say" }[info.contextFrom]})`,
          `completions    ${info.completions ? "by this endpoint" : context.flags.has("completions") ? "stay with the local model: this server writes no middle, or does not say how sure it is" : "stay with the local model"}`,
          info.leavesMachine ? `leaves         questions and the passages found for them are sent to ${info.host}, without secrets${address.inClear ? ", UNENCRYPTED" : ""}` : "leaves         nothing leaves this machine",
        ];
        return { json: { model: added, endpoint: info }, text: lines.join("\n") };
      });
    },
  },
  {
    words: ["models", "remove-endpoint"], usage: "NAME", summary: "Forget an endpoint; the local model writes again.", options: {},
    run: (context) => withEngine(context, { workspace: false }, async (engine) => {
      const [name, ...more] = context.positionals;
      if (name === undefined || more.length > 0) throw new UsageError(`Expected the name of one endpoint, got ${context.positionals.length}.`);
      const bare = name.replace(/^endpoint:/, "");
      await engine.endpoints.remove(bare);
      return { json: { removed: bare }, text: `Removed ${bare}.` };
    }),
  },
];
