// The generated pages under docs/api, by path: what `npm run docs` writes and a test compares with what is there.
import { messagesPage, typesPage } from "./protocolPages.ts";
import { readProtocol } from "./protocolSource.ts";
import { commandLinePage, settingsPage, toolsPage } from "./tablePages.ts";

export function generatedPages(): Map<string, string> {
  const protocol = readProtocol();
  return new Map([
    ["docs/api/protocol.md", messagesPage(protocol)],
    ["docs/api/types.md", typesPage(protocol)],
    ["docs/api/commandLine.md", commandLinePage()],
    ["docs/api/settings.md", settingsPage()],
    ["docs/api/tools.md", toolsPage()],
  ]);
}
