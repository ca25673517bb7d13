// Entry of the engine process: serves the parent over the IPC channel and ends with it. Nothing else.
import { createMessageConnection, IPCMessageReader, IPCMessageWriter } from "vscode-jsonrpc/node";
import { Log } from "./base/log.ts";
import type { LogEntry } from "./base/log.ts";
import { Engine } from "./engine.ts";
import { serve } from "./server.ts";
import { engineVersion } from "./base/paths.ts";
import { startCounting } from "./base/socketCount.ts";

startCounting({ by: "engine" });

if (!process.connected) {
  process.stderr.write("The engine is started by the editor, not by hand. Use the command line instead: kalactica --help\n");
  process.exit(2);
}

const connection = createMessageConnection(new IPCMessageReader(process), new IPCMessageWriter(process));
const sink = ({ at, level, room, message, fields }: LogEntry): void => {
  const suffix = Object.keys(fields).length > 0 ? ` ${JSON.stringify(fields)}` : "";
  connection.sendNotification("engine/log", { at, level, room, message: message + suffix }).catch(() => undefined);
};
const log = new Log("engine", sink, "debug");

process.on("unhandledRejection", (error) => log.error("Unhandled rejection", { error: error instanceof Error ? error.stack : String(error) }));
// The editor's death closes the channel; an engine without a client has no reason to live.
process.on("disconnect", () => setTimeout(() => process.exit(0), 2_000).unref());

serve(connection, { version: engineVersion(), open: (hello, notify) => Engine.open({ ...hello, log, notify }) }, log, () => process.exit(0));
