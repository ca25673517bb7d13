// What a model's URI means: where to fetch it from, under which file name, and the checksum it carries. Opens no sockets.
import path from "node:path";
import { EngineError } from "../base/errors.ts";
import { isLoopback } from "../base/socketCount.ts";

export interface DownloadSource {
  url: URL;
  /** A plain file name that ends in .gguf. */
  fileName: string;
  /** From `#sha256=…`, lower-case hex, or null. */
  sha256: string | null;
}

const FORMS = "Give hf:owner/repository/file.gguf, or an https address of a .gguf file, with #sha256=… at its end if you know its checksum.";

/**
 * Reads `hf:owner/repository/path/file.gguf[@revision]` or an http(s) address, either with `#sha256=<64 hex digits>`.
 * Plain http is accepted from this machine, or with a checksum: anyone on the way could change the file.
 * Errors: `badRequest`.
 */
export function parseModelUri(uri: string): DownloadSource {
  const hash = uri.indexOf("#");
  const address = hash === -1 ? uri : uri.slice(0, hash);
  const fragment = hash === -1 ? "" : uri.slice(hash + 1);
  const sha256 = /^sha256=([0-9a-f]{64})$/i.exec(fragment)?.[1]?.toLowerCase() ?? null;
  if (fragment !== "" && sha256 === null) throw refused(uri, "what follows # is not sha256= and 64 hexadecimal digits");

  const url = address.startsWith("hf:") ? huggingFaceUrl(uri, address.slice(3)) : webUrl(uri, address);
  if (url.protocol === "http:" && !isLoopback(url.hostname) && sha256 === null) {
    throw refused(uri, "it is plain http from another machine, where the file could be changed on its way");
  }
  const fileName = path.posix.basename(decodeURIComponent(url.pathname));
  if (!/^[^\\/:*?"<>|]+\.gguf$/i.test(fileName) || fileName.startsWith(".")) throw refused(uri, "it does not name a .gguf file");
  return { url, fileName, sha256 };
}

function huggingFaceUrl(uri: string, rest: string): URL {
  const [place = "", revision = "main"] = rest.split("@");
  const [owner, repository, ...file] = place.split("/");
  const whole = [owner, repository, ...file];
  if (file.length === 0 || whole.some((part) => part === undefined || !/^[\w][\w.-]*$/.test(part)) || !/^[\w.-]+$/.test(revision)) {
    throw refused(uri, "it is not of the form hf:owner/repository/file.gguf");
  }
  return new URL(`https://huggingface.co/${String(owner)}/${String(repository)}/resolve/${revision}/${file.join("/")}`);
}

function webUrl(uri: string, address: string): URL {
  const url = URL.parse(address);
  if (url === null || (url.protocol !== "https:" && url.protocol !== "http:")) throw refused(uri, "it is no address that a model can be fetched from");
  // The page of a file on Hugging Face is what people copy; the file itself is beside it.
  if (url.hostname === "huggingface.co") url.pathname = url.pathname.replace(/^(\/[^/]+\/[^/]+)\/blob\//, "$1/resolve/");
  return url;
}

function refused(uri: string, why: string): EngineError {
  return new EngineError("badRequest", `"${uri}" cannot be downloaded: ${why}. ${FORMS}`, { uri });
}
