// Code in the arguments of an interpreter (`python -c`, `node -e`, `perl -e`): what it hands to a shell, deletes, fetches or
// decodes. Reads calls and the literals in them; it is no analysis of the program.
import type { CommandCall } from "./call.ts";
import { deletion } from "./fileRules.ts";
import { ask, block } from "./findings.ts";
import type { Concern } from "./findings.ts";
import { holdsKeys } from "./places.ts";
import { fromBase64 } from "./values.ts";

export interface InlineFindings {
  concerns: Concern[];
  /** Texts that the code hands to a shell. */
  shell: string[];
}

const SHELL_CALL = /(?:\b(?:os\.(?:system|popen\w*|exec\w*|spawn\w*)|subprocess\.\w+|commands\.getoutput|pty\.spawn|(?:child_process\.|\)\.|cp\.)?exec(?:Sync|File|FileSync)?|spawn(?:Sync)?|system|popen|proc_open|shell_exec|passthru|Kernel\.\w+|IO\.popen|Open3\.\w+|Runtime\.getRuntime\(\)\.exec|Deno\.Command|Bun\.spawn\w*|execvp?e?|qx)\s*\(?|`|%x[{(])/g;
const DELETE_CALL = /\b(?:shutil\.rmtree|os\.(?:remove|unlink|rmdir|removedirs)|(?:fs\.|\)\.|fsp\.)?(?:rmSync|rm|rmdirSync|rmdir|unlinkSync|unlink)|rimraf(?:\.sync)?|FileUtils\.rm\w*|File\.delete|Dir\.(?:delete|rmdir)|unlink|rmtree|remove_tree|Path\([^()]*\)\.(?:unlink|rmdir))\s*\(?\s*(?:r|b|f|u)?(["'`])((?:\\.|(?!\1).)*)\1/g;
const STRING = /(["'`])((?:\\.|(?!\1)[\s\S])*?)\1/g;

/** What `code` does beyond computing. */
export function readInlineCode(code: string, call: Pick<CommandCall, "folder">, depth = 0): InlineFindings {
  const found: InlineFindings = { concerns: [], shell: [] };
  const text = code.length > 20_000 ? code.slice(0, 20_000) : code;
  for (const match of text.matchAll(SHELL_CALL)) {
    if (match[0] === "`") {
      const end = text.indexOf("`", match.index + 1);
      // A template literal is not a command; in Perl and Ruby backticks are.
      if (end > match.index && /\b(?:print|puts|=~|qw|my \$)/.test(text)) found.shell.push(text.slice(match.index + 1, end));
      continue;
    }
    const end = endOfCall(text, match.index + match[0].length - 1);
    const literals = [...text.slice(match.index, end).matchAll(STRING)].map((literal) => unescapeLiteral(literal[2] ?? ""));
    // A list of words is one command: ["rm", "-rf", "/"].
    const list = literals.length > 1 && literals.every((literal) => !/\s/.test(literal.trim()) || literals.indexOf(literal) > 1);
    if (literals.length === 0) found.concerns.push(ask("run-hidden", "hands a text to a shell that is only known when it runs"));
    else if (list) found.shell.push(literals.map((literal) => `'${literal.replace(/'/g, "'\\''")}'`).join(" "));
    else found.shell.push(literals[0] ?? "");
  }
  for (const match of text.matchAll(DELETE_CALL)) {
    const concern = deletion(unescapeLiteral(match[2] ?? ""), call, /rmtree|rimraf|recursive|rm_r|rmSync|remove_tree/.test(text));
    if (concern) found.concerns.push(concern);
  }
  if (/\bsocket\b[\s\S]*\bconnect\b[\s\S]*(?:dup2|\/bin\/(?:ba)?sh|pty\.spawn|subprocess|exec)|fsockopen[\s\S]*(?:exec|proc_open|sh\b)|TCPSocket[\s\S]*(?:exec|sh\b|IO\.popen)|net\.(?:connect|Socket)[\s\S]*(?:spawn|\/bin\/sh)/i.test(text)) found.concerns.push(block("reverse-shell", "gives another machine a terminal on this one"));
  const fetches = /urlopen|urlretrieve|requests\.(?:get|post)|https?\.get|\bfetch\(|LWP|open-uri|URI\.open|Net::HTTP|file_get_contents\(\s*["']https?/i.test(text);
  const evaluates = /\b(?:exec|eval|Function|compile|vm\.run\w+|assert|instance_eval|create_function|loads)\s*\(|\.then\(\s*eval\b/.test(text);
  if (fetches && evaluates) found.concerns.push(ask("run-downloaded", "runs a program downloaded from the internet unseen"));
  if (evaluates && /b64decode|fromhex|unhexlify|atob\(|Buffer\.from\([^)]*["'](?:base64|hex)["']|decode64|base64_decode|unpack\(|codecs\.decode|zlib\.decompress|marshal\.loads|pickle\.loads/.test(text)) {
    const inner = depth < 4 ? [...text.matchAll(STRING)].map((literal) => fromBase64(literal[2] ?? "")).find((decoded) => decoded !== null && /^[\t\n\r\x20-\x7e]+$/.test(decoded)) : undefined;
    if (inner !== undefined && inner !== null) {
      const deeper = readInlineCode(inner, call, depth + 1);
      found.concerns.push(...deeper.concerns);
      found.shell.push(...deeper.shell);
    }
    found.concerns.push(ask("run-decoded", "runs a program that is hidden in encoded text"));
  }
  const opened = [...text.matchAll(/(?:open|readFileSync|readFile|read_text|File\.read|file_get_contents|Path)\s*\(\s*(["'`])((?:\\.|(?!\1).)*)\1/g)].map((match) => match[2] ?? "");
  const keys = opened.find((path) => holdsKeys(path.replace(/^.*expanduser\(/, "")));
  if (keys !== undefined) found.concerns.push(fetches || /https?:\/\/|socket/.test(text) ? block("send-keys", `sends ${keys}, which holds keys, to another machine`) : ask("show-keys", `reads ${keys}, which holds keys or passwords`));
  return found;
}

/** From an opening bracket to its closing one, or to the end of the statement where there is none. */
function endOfCall(text: string, from: number): number {
  if (text.charAt(from) !== "(" && text.charAt(from) !== "{") {
    const end = text.slice(from).search(/[;\n]/);
    return end < 0 ? text.length : from + end;
  }
  let depth = 0;
  for (let i = from; i < text.length; i++) {
    const character = text.charAt(i);
    if (character === '"' || character === "'") {
      let end = i + 1;
      while (end < text.length && text.charAt(end) !== character) end += text.charAt(end) === "\\" ? 2 : 1;
      i = end;
    } else if ("([{".includes(character)) depth++;
    else if (")]}".includes(character) && --depth <= 0) return i + 1;
  }
  return text.length;
}

function unescapeLiteral(text: string): string {
  return text.replace(/\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|([\\"'`nt]))/g, (_, hex: string | undefined, unicode: string | undefined, letter: string | undefined) => (letter !== undefined ? (letter === "n" ? "\n" : letter === "t" ? "\t" : letter) : String.fromCharCode(Number.parseInt(hex ?? unicode ?? "20", 16))));
}
