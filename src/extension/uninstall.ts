// What VS Code runs once, with Node alone, after the extension was uninstalled ("vscode:uninstall" in package.json). It removes
// what the extension stored, by the note that activation left beside it. It asks nobody and deletes no model (installedData.ts).
import path from "node:path";
import { otherVersionInstalled, recordedPlaces, removeData } from "./installedData.ts";

// dist/uninstall.cjs in the extension's folder.
const extensionDir = path.dirname(path.dirname(path.resolve(process.argv[1] ?? "")));
if (otherVersionInstalled(extensionDir)) {
  console.log("Another version of KaLactica is installed; its data stay.");
} else {
  for (const problem of recordedPlaces(extensionDir).flatMap(removeData)) console.error(problem);
}
