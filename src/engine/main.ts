// Entry of the engine process: serves the parent over the IPC channel and ends with it. Nothing else.
import { createMessageConnection, IPCMessageReader, IPCMessageWriter, Message } from "vscode-jsonrpc/node";
import { correlated, Log, relayTo } from "./base/log.ts";
import type { LogEntry } from "./base/log.ts";
import { Engine } from "./engine.ts";
import { serve } from "./server.ts";
import { engineVersion } from "./base/paths.ts";
import { startCounting } from "./base/socketCount.ts";
import { reportSockets } from "./base/socketReport.ts";

startCounting({ by: "engine" });
reportSockets();

if (!process.connected) {
  process.stderr.write("The engine is started by the editor, not by hand. Use the command line instead: kalactica --help\n");
  process.exit(2);
}

const connection = createMessageConnection(new IPCMessageReader(process), new IPCMessageWriter(process), undefined, {
  // The client numbers its requests alike (engineClient.ts), so that its lines and ours are found by the same id.
  messageStrategy: { handleMessage: (message, next) => (Message.isRequest(message) ? correlated(`r${String(message.id)}`, () => next(message)) : next(message)) },
});
const sink = ({ at, level, room, message, fields, id }: LogEntry): void => {
  const suffix = Object.keys(fields).length > 0 ? ` ${JSON.stringify(fields)}` : "";
  connection.sendNotification("engine/log", { at, level, room, message: message + suffix, ...(id === undefined ? {} : { id }) }).catch(() => undefined);
};
const log = new Log("engine", sink, "debug");
relayTo(sink);

process.on("unhandledRejection", (error) => log.error("Unhandled rejection", { error: error instanceof Error ? error.stack : String(error) }));
// The editor's death closes the channel; an engine without a client has no reason to live.
process.on("disconnect", () => setTimeout(() => process.exit(0), 2_000).unref());

serve(connection, { version: engineVersion(), open: (hello, notify) => Engine.open({ ...hello, log, notify }) }, log, () => process.exit(0));
