// Finds a Chromium on this machine and starts it so that it talks to loopback only. It installs none
// (.ci/run does, by apt-get) and downloads none.
import { accessSync, constants } from "node:fs";
import path from "node:path";
import { chromium } from "playwright-core";
import type { Browser } from "playwright-core";

const NAMES = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "microsoft-edge", "chrome"];
const OTHER_PLACES = [
  "/snap/bin/chromium",
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
  "/Applications/Chromium.app/Contents/MacOS/Chromium",
  "C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe",
  "C:\\Program Files (x86)\\Microsoft\\Edge\\Application\\msedge.exe",
];

/** What to say where {@link findChromium} finds nothing. */
export const NO_CHROMIUM =
  "No Chromium was found. Install one (on Debian: `apt-get install -y chromium`) or set CHROME_PATH to the browser's file.";

/** The browser's file: `CHROME_PATH`, the PATH, then the usual places; undefined where there is none. */
export function findChromium(): string | undefined {
  const own = process.env.CHROME_PATH;
  if (own !== undefined && own !== "") return isExecutable(own) ? own : undefined;
  for (const folder of ["/usr/bin", ...(process.env.PATH ?? "").split(path.delimiter)]) {
    for (const name of NAMES) {
      const file = path.join(folder, name);
      if (isExecutable(file)) return file;
    }
  }
  return OTHER_PLACES.find(isExecutable);
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Starts a headless Chromium that resolves no name but localhost. Throws where none is installed. */
export async function launchChromium(): Promise<Browser> {
  const executablePath = findChromium();
  if (executablePath === undefined) throw new Error(NO_CHROMIUM);
  return chromium.launch({
    executablePath,
    headless: true,
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-domain-reliability",
      "--disable-sync",
      "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1",
    ],
  });
}
