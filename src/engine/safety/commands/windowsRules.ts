// Commands of Windows: programs, built-ins of cmd.exe, and PowerShell cmdlets by their lower-case names.
import type { CommandCall, Rule } from "./call.ts";
import { listed, shownText } from "./call.ts";
import { deletion, writing } from "./fileRules.ts";
import { ask, block } from "./findings.ts";
import type { Concern } from "./findings.ts";
import { hostOf } from "./networkRules.ts";
import { holdsKeys } from "./places.ts";

const text = (call: CommandCall): string => call.args.map((arg) => arg.text).join(" ");
/** Gives an arrow its type inside of a list. */
const rule = (given: Rule): Rule => given;
const always = (concern: Concern): Rule => () => [concern];

/** Arguments that are neither "/x" switches nor "-Name" parameters. */
function paths(call: CommandCall): string[] {
  return call.args.filter((arg) => !/^\/[a-zA-Z?](?::.*)?$|^-[A-Za-z]/.test(arg.text)).flatMap((arg) => arg.text.split(",")).map(windowsPath);
}

/** A path with the folders that Windows names by variables. */
export function windowsPath(path: string): string {
  return path.replace(/^["']|["']$/g, "")
    .replace(/%(?:userprofile|homepath|home)%|\$env:(?:userprofile|homepath)|\$home|\$\{?HOME\}?/i, "~")
    .replace(/%(?:systemroot|windir)%|\$env:(?:systemroot|windir)/i, "/Windows")
    .replace(/%(?:systemdrive|homedrive)%|\$env:(?:systemdrive|homedrive)/i, "C:")
    .replace(/%(?:temp|tmp)%|\$env:te?mp/i, "/tmp").replace(/%(?:appdata|localappdata)%|\$env:(?:local)?appdata/i, "~/AppData/Roaming")
    .replace(/^[A-Za-z]:[\\/](?:Windows|Program Files(?: \(x86\))?|ProgramData)/i, "/Windows").replace(/^[A-Za-z]:[\\/]Users[\\/][^\\/]+$/i, "~").replace(/^[A-Za-z]:[\\/]Users[\\/][^\\/]+[\\/]/i, "~/");
}

const remove: Rule = (call) => {
  const recursive = /(?:^|\s)(?:\/s|-r(?:ecurse|ec|e|)\b)/i.test(text(call)) || call.name === "format";
  const named = paths(call);
  return named.flatMap((path) => deletion(path, call, recursive) ?? []);
};

const copy: Rule = (call) => {
  const target = paths(call).at(-1);
  if (target === undefined || paths(call).length < 2) return [];
  if (call.name === "robocopy" && /\/(?:mir|purge)\b/i.test(text(call))) return [ask("delete", `deletes what ${shownText(target)} has more than the source`)];
  return [writing(target, call) ?? []].flat();
};

const fetchWeb: Rule = (call) => {
  const url = call.args.find((arg) => /:\/\//.test(arg.text))?.text;
  const host = url === undefined ? null : hostOf(url);
  if (host === "") return [];
  const keys = call.args.find((arg) => holdsKeys(windowsPath(arg.text)) || arg.keys !== null);
  if (keys) return [block("send-keys", `sends ${shownText(keys.text)}, which holds keys, to ${shownText(host ?? "another machine")}`)];
  return [/-(?:body|infile|method\s+(?:post|put|delete))/i.test(text(call)) ? ask("send-data", `sends data to ${shownText(host ?? "another machine")}`) : ask("download", `fetches from ${shownText(host ?? "another machine")}`)];
};

const registry: Rule = (call) => {
  const verb = call.args[0]?.text.toLowerCase() ?? "";
  if (call.name === "reg" && !/^(?:add|delete|import|restore|load|unload|copy)$/.test(verb)) return /^(?:save|export)$/.test(verb) && /hklm\\(?:sam|security|system)/i.test(text(call)) ? [block("show-keys", "copies the stored passwords of this machine")] : [];
  if (/\\(?:Run|RunOnce|Winlogon|Image File Execution Options)\b/i.test(text(call))) return [ask("start-up", "makes a program start by itself")];
  return [ask("registry", verb === "delete" ? "deletes settings of this machine" : "changes settings of this machine")];
};

const service: Rule = (call) => (/^(?:query|qc|queryex|status)$/i.test(call.args[0]?.text ?? "") ? [] : [ask("service", "creates, changes or stops a service of this machine")]);

const net: Rule = (call) => {
  const all = text(call);
  if (/^localgroup\s+administrators\b.*\/add/i.test(all)) return [block("give-rights", "gives an account administrator rights")];
  if (/^(?:user|localgroup|group|accounts)\s+\S+\s+\S/i.test(all)) return [ask("accounts", "changes the accounts of this machine")];
  if (/^(?:stop|start|pause|continue)\b/i.test(all)) return [ask("service", "starts or stops a service of this machine")];
  if (/^share\s+\S+=/i.test(all)) return [ask("expose", "lets other machines read a folder of this one")];
  return /^use\s+\S/i.test(all) ? [ask("connection", "connects a folder of another machine")] : [];
};

const netsh: Rule = (call) => (/firewall|advfirewall/i.test(text(call)) && !/\bshow\b/i.test(text(call)) ? [block("firewall", "changes or switches off the firewall of this machine")] : /\bshow\b/i.test(text(call)) ? [] : [ask("network", "changes the network of this machine")]);

const permissions: Rule = (call) => {
  const all = text(call);
  if (/everyone|S-1-1-0|\bBUILTIN\\Users\b|authenticated users/i.test(all) || call.name === "takeown") return [block("give-rights", call.name === "takeown" ? "takes ownership of files" : "lets every user of this machine change files")];
  return /\/(?:grant|deny|reset|setowner|remove|inheritance)|-AclObject/i.test(all) || call.name === "set-acl" ? [block("give-rights", "changes who may use files")] : [];
};

const certutil: Rule = (call) => {
  const all = text(call);
  if (/-(?:urlcache|verifyctl)/i.test(all)) return [ask("download", "fetches a file with a tool made for certificates, as programs that hide do")];
  return /-(?:decode|decodehex)/i.test(all) ? [ask("run-decoded", "unpacks a program that is hidden in encoded text")] : [];
};

const hosting = (what: string): Rule => (call) => (/https?:|javascript:|vbscript:|\\\\|\.sct|scrobj|comsvcs/i.test(text(call)) ? [block("run-downloaded", `runs foreign code through ${what}, which hides what it is`)] : [ask("run-hidden", `runs code through ${what}`)]);

const shutdown: Rule = (call) => (/\/a\b/i.test(text(call)) ? [] : [block("power", "takes this machine down; unsaved work is lost")]);

const invoke: Rule = () => [];

const defender: Rule = (call) => (/-Disable|-Exclusion|-Remove|-MAPSReporting|-SubmitSamples/i.test(text(call)) || call.name.startsWith("remove") ? [block("protection-off", "changes or switches off the virus protection")] : []);

const startProcess: Rule = (call) => (/-verb\s+runas/i.test(text(call)) ? [block("administrator", "runs with administrator rights")] : []);

const policy: Rule = (call) => (/\bprocess\b/i.test(text(call)) && !/unrestricted|bypass/i.test(text(call)) ? [] : [ask("protection-off", "lets every script run")]);

export const WINDOWS_RULES: ReadonlyMap<string, Rule> = new Map<string, Rule>([
  ...["del", "erase", "rd", "remove-item", "ri", "clear-content", "clear-item"].map((name) => [name, remove] as const),
  ["format", (call) => (/^[a-zA-Z]:/.test(call.args.find((arg) => !arg.text.startsWith("/"))?.text ?? "") ? [block("format-disk", `erases everything on the drive ${shownText(call.args.find((arg) => /^[a-zA-Z]:/.test(arg.text))?.text ?? "")}`)] : [])],
  ...["format-volume", "clear-disk", "initialize-disk", "remove-partition", "reset-physicaldisk", "clear-volume"].map((name) => [name, always(block("format-disk", "erases a disk"))] as const),
  ["vssadmin", (call) => (/\b(?:delete|resize)\b/i.test(text(call)) ? [block("delete-backups", "deletes the backups of this machine")] : [])],
  ["wbadmin", (call) => (/\bdelete\b/i.test(text(call)) ? [block("delete-backups", "deletes the backups of this machine")] : [])],
  ["bcdedit", (call) => (call.args.some((arg) => /^\/(?:set|delete|create|import)/i.test(arg.text)) ? [block("start-up", "changes how this machine starts")] : [])],
  ["cipher", (call) => (/\/w/i.test(text(call)) ? [block("format-disk", "overwrites the free space of a drive")] : [])],
  ["fsutil", always(ask("settings", "changes a drive"))], ["attrib", (call) => (/[+-][rsh]/i.test(text(call)) && /C:\\(?:Windows|\*|$)/i.test(text(call)) ? [ask("file-attributes", "changes attributes of system files")] : [])],
  ...["icacls", "cacls", "takeown", "xcacls", "set-acl"].map((name) => [name, permissions] as const),
  ["reg", registry], ["regedit", registry], ...["set-itemproperty", "new-itemproperty", "remove-itemproperty", "sp"].map((name) => [name, rule((call) => (/hk(?:lm|cu|cr|u|ey_)|registry::/i.test(text(call)) ? registry(call) : []))] as const),
  ["sc", service], ["net", net], ["net1", net], ["netsh", netsh],
  ...["new-service", "stop-service", "set-service", "restart-service", "remove-service", "start-service"].map((name) => [name, always(ask("service", "creates, changes or stops a service of this machine"))] as const),
  ...["stop-process", "taskkill", "spps"].map((name) => [name, rule((call) => [ask("end-process", `ends ${listed(call.args.filter((arg) => !/^[-/]/.test(arg.text)).map((arg) => shownText(arg.text))) || "processes"}`)])] as const),
  ["schtasks", (call) => (/\/(?:create|change|delete|run)/i.test(text(call)) ? [ask("schedule", "schedules commands that run by themselves")] : [])],
  ...["register-scheduledtask", "register-scheduledjob"].map((name) => [name, always(ask("schedule", "schedules commands that run by themselves"))] as const),
  ["setx", (call) => [ask(/\bpath\b/i.test(text(call)) ? "search-path" : "settings", "changes an environment variable for good")]],
  ["certutil", certutil], ["bitsadmin", always(ask("download", "fetches a file in the background"))], ["start-bitstransfer", fetchWeb],
  ...["invoke-webrequest", "iwr", "invoke-restmethod", "irm"].map((name) => [name, fetchWeb] as const),
  ["mshta", hosting("mshta")], ["regsvr32", hosting("regsvr32")], ["rundll32", hosting("rundll32")], ["wscript", hosting("Windows Script Host")], ["cscript", hosting("Windows Script Host")], ["msiexec", hosting("the installer")], ["installutil", hosting("InstallUtil")], ["msbuild", invoke],
  ["wmic", (call) => (/shadowcopy\s+delete/i.test(text(call)) ? [block("delete-backups", "deletes the backups of this machine")] : /\b(?:call|delete|create)\b/i.test(text(call)) ? [ask("settings", "starts, ends or changes something of this machine")] : [])],
  ["wevtutil", (call) => (/^(?:cl|clear-log)/i.test(text(call)) ? [ask("erase-traces", "erases logs of this machine")] : [])], ["clear-eventlog", always(ask("erase-traces", "erases logs of this machine"))], ["clear-history", always(ask("erase-traces", "erases the record of what was run in this terminal"))],
  ["restart-computer", shutdown], ["stop-computer", shutdown],
  ["set-mppreference", defender], ["add-mppreference", defender], ["remove-mpthreat", defender], ["uninstall-windowsfeature", always(ask("settings", "removes a part of Windows"))],
  ["set-netfirewallprofile", always(block("firewall", "changes or switches off the firewall of this machine"))], ["new-netfirewallrule", always(ask("firewall", "opens the firewall of this machine"))], ["remove-netfirewallrule", always(block("firewall", "removes a rule of the firewall"))],
  ["set-executionpolicy", policy], ["start-process", startProcess], ["saps", startProcess],
  ["add-localgroupmember", (call) => [/administrators/i.test(text(call)) ? block("give-rights", "gives an account administrator rights") : ask("accounts", "changes the accounts of this machine")]],
  ...["new-localuser", "set-localuser", "remove-localuser", "disable-localuser"].map((name) => [name, always(ask("accounts", "changes the accounts of this machine"))] as const),
  ...["copy-item", "move-item", "copy", "move", "xcopy", "robocopy", "cpi", "mi"].map((name) => [name, copy] as const),
  ...["set-content", "out-file", "add-content"].map((name) => [name, rule((call) => paths(call).slice(0, 1).flatMap((path) => writing(path, call) ?? []))] as const),
  ...["get-content", "type", "gc"].map((name) => [name, rule((call) => (paths(call).some((path) => holdsKeys(path)) ? [ask("show-keys", "shows a file that holds keys or passwords")] : []))] as const),
  ...["install-module", "install-package", "install-script"].map((name) => [name, always(ask("install-package", "installs a package, whose code then runs here"))] as const),
  ["add-type", invoke], ["invoke-command", rule((call) => (/-computername/i.test(text(call)) ? [ask("remote", "works on another machine")] : []))], ["enter-pssession", always(ask("remote", "works on another machine"))], ["enable-psremoting", always(block("expose", "lets other machines give commands to this one"))],
  ["new-psdrive", invoke], ["psexec", always(block("administrator", "runs with administrator rights or on another machine"))], ["dism", always(ask("settings", "changes a part of Windows"))], ["sfc", invoke],
]);
