// Commands that talk to other machines: what they bring in, what they send out, which doors they open.
import type { CommandCall, Rule } from "./call.ts";
import { hasOption, operands, optionValues, shownText } from "./call.ts";
import { writing } from "./fileRules.ts";
import { ask, block } from "./findings.ts";
import type { Concern } from "./findings.ts";
import { UNKNOWN, holdsKeys } from "./places.ts";

/** The machine that `url` names, "" for this one, null where it names none. */
export function hostOf(url: string): string | null {
  const match = /^(?:(?:[a-z][a-z0-9+.-]*):\/\/)?(?:[^/@\s]*@)?(\[[0-9a-f:]+\]|[^/:\s?#]+)/i.exec(url);
  const host = match?.[1];
  if (host === undefined) return null;
  return /^(?:localhost|127(?:\.\d+){3}|0\.0\.0\.0|\[::1?\]|::1|host\.docker\.internal|[\w-]+\.localhost)$/.test(host) ? "" : host;
}

/** The host in words. */
function named(host: string | null): string {
  return host === null || host.includes(UNKNOWN) ? "another machine" : shownText(host);
}

/** The file that curl or wget writes, null where it writes to its output. */
export function downloadTarget(call: Pick<CommandCall, "name" | "args">): string | null {
  const explicit = optionValues(call, ...(call.name === "curl" ? ["-o", "--output"] : ["-O", "--output-document"]))[0]?.text;
  if (explicit !== undefined && !(call.name === "wget" && explicit.startsWith("-"))) return explicit === "-" || explicit === "/dev/stdout" ? null : explicit;
  // A group of short options that ends in the one that takes a file: "-qO-", "-sSLo x".
  const letter = call.name === "curl" ? "o" : "O";
  for (let i = 0; i < call.args.length; i++) {
    const match = new RegExp(`^-[A-Za-z]*${letter}(.*)$`).exec(call.args[i]?.text ?? "");
    if (match && !(call.args[i]?.text ?? "").startsWith("--")) {
      const target = match[1] !== "" ? match[1] ?? "" : call.args[i + 1]?.text ?? "";
      return target === "-" ? null : target;
    }
  }
  if (call.name === "wget" || hasOption(call, call.name === "curl" ? "OJ" : "", "--remote-name")) {
    const url = urlOf(call);
    return url === null ? null : url.replace(/[?#].*$/, "").split("/").at(-1) || "index.html";
  }
  return null;
}

const VALUED = ["-o", "-O", "-H", "-X", "-d", "-F", "-T", "-u", "-A", "-e", "-b", "-c", "-m", "-w", "-x", "-P", "-U", "-t", "-Q", "-C", "--output", "--header", "--request", "--data", "--retry", "--max-time", "--user", "--form", "--cacert", "--cert", "--key", "--connect-timeout", "--user-agent", "--data-raw", "--data-binary", "--url-query", "--retry-delay", "--timeout", "--tries", "--write-out", "--proxy", "--resolve"];

export function urlOf(call: Pick<CommandCall, "args">): string | null {
  const url = optionValues(call, "--url")[0]?.text ?? operands(call, VALUED).find((each) => /:\/\/|\.|localhost|\uE000/.test(each.text))?.text;
  return url ?? null;
}

const transfer: Rule = (call) => {
  if (hasOption(call, "V", "--version", "--help") && call.args.length === 1) return [];
  const url = urlOf(call);
  const host = url === null ? null : hostOf(url);
  const concerns: Concern[] = [];
  const carried = carriedKeys(call);
  if (host !== "") {
    const bodies = optionValues(call, "-d", "--data", "--data-raw", "--data-binary", "--data-urlencode", "-F", "--form", "-T", "--upload-file", "--post-file", "--post-data", "--body-data", "--body-file", "--json");
    if (carried !== null) concerns.push(block("send-keys", `sends ${carried} to ${named(host)}`));
    else if (bodies.length > 0 || /^(?:POST|PUT|PATCH|DELETE)$/.test(optionValues(call, "-X", "--request", "--method")[0]?.text ?? "")) concerns.push(ask("send-data", `sends data to ${named(host)}`));
    else concerns.push(ask("download", `fetches from ${named(host)}`));
  }
  const target = downloadTarget(call);
  const folder = optionValues(call, "-P", "--directory-prefix", "--output-dir")[0]?.text;
  const place = folder ?? target;
  const written = place === null || place === undefined ? null : writing(place, call);
  if (written) concerns.push(written);
  return concerns;
};

/** What with keys a command would carry, or null: a file argument, a substituted text, or its input. */
function carriedKeys(call: CommandCall): string | null {
  for (const arg of call.args) {
    if (arg.keys !== null) return arg.keys;
    const file = /(?:^|=)[@<]?([^=@<]+)$/.exec(arg.text)?.[1] ?? "";
    if ((arg.text.includes("@") || call.name !== "curl" || /^[~/.]/.test(arg.text)) && holdsKeys(file)) {
      const previous = call.args[call.args.indexOf(arg) - 1]?.text ?? "";
      // What proves who is asking is not what is sent.
      if (/^(?:-i|--key|--cert|--cacert|-E|--identity|--private-key|--ca-certificate|--certificate|-o|-O)$/.test(previous)) continue;
      return shownText(file);
    }
  }
  return call.input?.keys ?? null;
}

const netcat: Rule = (call) => {
  const text = call.args.map((arg) => arg.text).join(" ");
  if (hasOption(call, "ec", "--exec", "--sh-exec") && /(?:^|\/|\s)(?:ba|z|da|k)?sh\b|cmd(?:\.exe)?\b|powershell/i.test(text) || /EXEC:|SYSTEM:/i.test(text)) return [block("reverse-shell", "gives another machine a terminal on this one")];
  const keys = carriedKeys(call);
  if (keys !== null) return [block("send-keys", `sends ${keys} to another machine`)];
  if (hasOption(call, "z")) return [];
  return [ask("connection", hasOption(call, "l") ? "opens a port of this machine to others" : "opens a connection to another machine")];
};

const remoteShell: Rule = (call) => {
  const words = operands(call, ["-i", "-p", "-l", "-o", "-L", "-R", "-D", "-F", "-J", "-P", "-b", "-c", "-e", "-m"]);
  if (hasOption(call, "V") || words.length === 0) return [];
  return [ask("remote", call.name === "ssh" || call.name === "mosh" ? `works on another machine (${shownText((words[0]?.text ?? "").replace(/^[^@]*@/, ""))})` : "exchanges files with another machine")];
};

const copyAway: Rule = (call) => {
  const keys = carriedKeys(call);
  return keys !== null && call.name !== "sftp" ? [block("send-keys", `sends ${keys} to another machine`)] : remoteShell(call);
};

const lookup: Rule = (call) => {
  const keys = carriedKeys(call);
  if (keys !== null) return [block("send-keys", `sends ${keys} to another machine, hidden in the name that is looked up`)];
  const hidden = call.args.some((arg) => arg.text.includes(UNKNOWN) && arg.text.includes("."));
  return hidden ? [ask("send-data", "sends text to another machine, hidden in the name that is looked up")] : [];
};

const serve: Rule = (call) => {
  const first = call.args[0]?.text ?? "";
  return call.name === "ngrok" || call.name === "cloudflared" || call.name === "localtunnel" || call.name === "lt" || call.name === "bore" ? (/^(?:version|help|config|--version|--help)$/.test(first) ? [] : [ask("expose", "lets the whole internet reach this machine")]) : [];
};

const scan: Rule = () => [ask("scan", "probes other machines")];

export const NETWORK_RULES: ReadonlyMap<string, Rule> = new Map<string, Rule>([
  ...["curl", "wget", "aria2c", "axel", "http", "https", "xh", "httpie", "lynx", "fetch"].map((name) => [name, transfer] as const),
  ...["nc", "ncat", "netcat", "socat", "telnet", "websocat"].map((name) => [name, netcat] as const),
  ...["ssh", "mosh", "ftp", "tftp", "rsh", "rlogin", "lftp"].map((name) => [name, remoteShell] as const),
  ...["scp", "sftp", "rcp", "croc", "rclone", "magic-wormhole", "wormhole"].map((name) => [name, copyAway] as const),
  ...["dig", "nslookup", "host", "drill", "whois"].map((name) => [name, lookup] as const),
  ["ping", lookup],
  ...["ngrok", "cloudflared", "localtunnel", "lt", "bore"].map((name) => [name, serve] as const),
  ...["nmap", "masscan", "hydra", "sqlmap", "nikto", "hashcat", "john", "aircrack-ng", "tcpdump", "tshark", "arpspoof", "ettercap", "msfconsole", "msfvenom", "gobuster", "ffuf"].map((name) => [name, scan] as const),
  ["ssh-copy-id", () => [ask("remote", "lets this machine log in to another")]],
  ["ssh-add", (call) => (hasOption(call, "lL") ? [] : [ask("use-keys", "changes which keys are used for logging in")])],
  ["mail", (call) => [ask("send-data", call.input?.keys ? "mails your keys to someone" : "sends mail")]], ["sendmail", () => [ask("send-data", "sends mail")]], ["mailx", () => [ask("send-data", "sends mail")]],
]);
