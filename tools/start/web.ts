// Opens KaLactica in VS Code for the browser: code-server on loopback until Ctrl+C.
import { spawn } from "node:child_process";
import path from "node:path";
import { InstallError, installVSCodeWeb } from "../../test/e2e/install.ts";
import { startServer } from "../../test/e2e/server.ts";
import type { StartContext } from "./context.ts";

/** Serves until Ctrl+C and returns true, or says why it cannot and returns false. */
export async function openWeb(context: StartContext): Promise<boolean> {
  let vscode;
  try {
    vscode = await installVSCodeWeb((line) => console.log(line));
  } catch (error) {
    if (!(error instanceof InstallError)) throw error;
    console.log(error.message);
    return false;
  }
  const server = await startServer(vscode, { root: path.join(context.cache, "web-profile"), extensions: [context.repository] });
  const url = `http://localhost:${server.port}/?folder=${encodeURIComponent(context.workspace)}`;
  console.log(`\nVS Code with KaLactica: ${url}\nIts chat is in the activity bar. Ctrl+C ends the server.`);
  if (context.hasDisplay) showInBrowser(url);
  await new Promise<void>((resolve) => {
    process.once("SIGINT", () => resolve());
    process.once("SIGTERM", () => resolve());
  });
  await server.stop();
  return true;
}

/** Opens the default browser; where there is none, the address printed above has to do. */
function showInBrowser(url: string): void {
  const [command, ...args] = process.platform === "darwin" ? ["open", url] : process.platform === "win32" ? ["cmd", "/c", "start", "", url] : ["xdg-open", url];
  const child = spawn(command, args, { stdio: "ignore", detached: true });
  child.once("error", () => undefined);
  child.unref();
}
