// Finds code that stands word for word in a file of the workspace that is under somebody else's licence. Holds fingerprints only,
// never text. Which files there are is the caller's.
import { pause } from "../../base/pause.ts";
import { throwIfCancelled } from "../../base/errors.ts";
import { fingerprintsOf } from "./fingerprints.ts";
import { folderLicence, headerLicence, isLicenceFile, licenceNamedIn } from "./licences.ts";

export interface LicensedCopy {
  path: string;
  licence: string;
  /** UTF-16 offsets into the code that was given: from the first shared fingerprint to the last. */
  start: number;
  end: number;
  /** Fingerprints shared, of those that the code has. */
  shared: number;
  of: number;
}

export interface CopySource {
  path: string;
  text: string;
}

/** Fingerprints kept; about 100 bytes each. A vendored tree beyond this is indexed in part, which `complete` tells. */
const MOST_FINGERPRINTS = 400_000;
/** One shared fingerprint may be an idiom; two in a row are a copy of some lines. Our choice. */
const FEWEST_SHARED = 2;

export class CopyIndex {
  readonly #files: { path: string; licence: string }[] = [];
  readonly #byHash = new Map<number, number>();
  complete = true;

  /** Reads all files twice (licence files first), giving the event loop back between them. */
  static async build(files: () => Iterable<CopySource>, signal?: AbortSignal): Promise<CopyIndex> {
    const index = new CopyIndex();
    const byFolder = new Map<string, string>();
    let own: string | null = null;
    for (const { path, text } of files()) {
      if (!isLicenceFile(path)) continue;
      const slash = path.lastIndexOf("/");
      const licence = licenceNamedIn(text) ?? "its own licence";
      if (slash < 0) own = licence;
      else byFolder.set(path.slice(0, slash), licence);
    }
    let started = performance.now();
    for (const { path, text } of files()) {
      throwIfCancelled(signal);
      const header = headerLicence(text);
      const licence = folderLicence(path, byFolder) ?? (header !== null && !sameLicence(header, own) ? header : null);
      if (licence === null || isLicenceFile(path) || /\.(?:md|txt|json|ya?ml|lock|csv|svg|html?)$/.test(path)) continue;
      index.#add(path, licence, text);
      started = await pause(started);
    }
    return index;
  }

  #add(path: string, licence: string, text: string): void {
    if (this.#byHash.size >= MOST_FINGERPRINTS) {
      this.complete = false;
      return;
    }
    const id = this.#files.push({ path, licence }) - 1;
    for (const { hash } of fingerprintsOf(text)) if (!this.#byHash.has(hash)) this.#byHash.set(hash, id);
  }

  /** Files under somebody else's licence. */
  get files(): number {
    return this.#files.length;
  }

  /** The file that `code` shares most with, or null where it shares too little. */
  find(code: string): LicensedCopy | null {
    if (this.#byHash.size === 0) return null;
    const own = fingerprintsOf(code);
    const shared = new Map<number, { n: number; start: number; end: number }>();
    for (const { hash, start, end } of own) {
      const id = this.#byHash.get(hash);
      if (id === undefined) continue;
      const seen = shared.get(id);
      if (seen) {
        seen.n++;
        seen.end = end;
      } else shared.set(id, { n: 1, start, end });
    }
    const most = [...shared].sort(([, a], [, b]) => b.n - a.n)[0];
    const file = most && this.#files[most[0]];
    if (!most || !file || most[1].n < FEWEST_SHARED) return null;
    return { ...file, start: most[1].start, end: most[1].end, shared: most[1].n, of: own.length };
  }
}

/** Whether two names are of one family: "MIT" and "MIT OR Apache-2.0". */
function sameLicence(a: string, b: string | null): boolean {
  return b !== null && (a === b || a.split(/\s+OR\s+/).includes(b) || b.split(/\s+OR\s+/).includes(a));
}
