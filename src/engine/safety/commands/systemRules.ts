// Commands that change the machine itself: rights, users, services, processes, kernel, firewall, start-up, traces.
import type { Rule } from "./call.ts";
import { hasOption, listed, operands, shownText } from "./call.ts";
import { ask, block } from "./findings.ts";
import type { Concern } from "./findings.ts";
import { placeOf, UNKNOWN } from "./places.ts";

const always = (concern: Concern): Rule => (call) => (call.args.some((arg) => arg.text === "--help" || arg.text === "--version") && call.args.length === 1 ? [] : [concern]);

const kill: Rule = (call) => {
  const targets = operands(call, ["-s", "-n", "-u", "-U", "-g", "-t"]).map((target) => target.text);
  if (hasOption(call, "l", "--list", "-L")) return [];
  if (call.args.some((arg) => arg.text === "-1") && call.args.at(-1)?.text === "-1") return [block("kill-all", "ends every process that you may end, this editor too")];
  if (targets.includes("1") && call.name === "kill") return [block("kill-all", "ends the process that all others stand on")];
  if (targets.length > 0 && targets.every((target) => target.startsWith("%"))) return [];
  return [ask("end-process", call.name === "kill" ? `ends ${targets.length === 1 && !targets[0]?.includes(UNKNOWN) ? `process ${targets[0] ?? ""}` : "processes that are only known when it runs"}` : `ends every process that matches ${listed(targets.map(shownText))}`)];
};

const service: Rule = (call) => {
  const words = operands(call, ["-t", "-p", "--type", "-u"]).map((word) => word.text);
  const verb = call.name === "service" ? words[1] ?? "" : words[0] ?? "";
  const unit = call.name === "service" ? words[0] ?? "" : words.slice(1).map(shownText).join(" ");
  if (/^(?:poweroff|reboot|halt|kexec|rescue|emergency|suspend|hibernate|exit)$/.test(verb)) return [block("power", "takes this machine down; unsaved work is lost")];
  if (/^(?:start|stop|restart|reload|enable|disable|mask|unmask|kill|edit|set-default|isolate|daemon-reload|load|unload|bootstrap|bootout|kickstart|remove|submit|reload-or-restart|try-restart|revert|link|set-property|set-environment|reset-failed|asuser)$/.test(verb)) return [ask("service", `${verb === "stop" || verb === "disable" || verb === "mask" ? "stops" : "changes"} the service ${unit || "manager"} of this machine`)];
  return [];
};

const crontab: Rule = (call) => {
  if (hasOption(call, "l")) return [];
  return [ask("schedule", hasOption(call, "r") ? "deletes every command that you have scheduled" : "schedules commands that run by themselves")];
};

const sysctl: Rule = (call) => (call.args.some((arg) => arg.text.includes("=") || arg.text === "-w" || arg.text === "-p") ? [block("kernel", "changes settings of the kernel")] : []);

const firewall: Rule = (call) => {
  const text = call.args.map((arg) => arg.text).join(" ");
  return /^(?:-L|-S|--list\S*|list\b|status|show|-n?v?L|-nvL|--state|--get)/.test(text.trim()) ? [] : [block("firewall", "changes or removes the firewall of this machine")];
};

const mount: Rule = (call) => (call.args.length === 0 || hasOption(call, "l") ? [] : [ask("mount", `${call.name === "umount" ? "takes off" : "adds"} a file system`)]);

const usermod: Rule = (call) => {
  const text = call.args.map((arg) => arg.text).join(" ");
  if (/\b(?:sudo|wheel|admin|root|docker)\b/.test(text) && /-a?G|-aG|--groups|-a\b/.test(text) || /-o\b.*-u\s*0|-u\s*0\b|--uid[ =]0/.test(text)) return [block("give-rights", "gives an account administrator rights")];
  return [ask("accounts", "changes the accounts of this machine")];
};

const history: Rule = (call) => (hasOption(call, "c") || hasOption(call, "d") || hasOption(call, "w") ? [ask("erase-traces", "erases the record of what was run in this terminal")] : []);

const power: Rule = (call) => (hasOption(call, "c") ? [] : [block("power", "takes this machine down; unsaved work is lost")]);

const init: Rule = (call) => (/^[016s]$/i.test(call.args[0]?.text ?? "") ? [block("power", "takes this machine down; unsaved work is lost")] : []);

const setting: Rule = (call) => {
  const verb = call.args[0]?.text ?? "";
  return /^(?:read|list|get|query|-g|status|show|find|domains|export)$/.test(verb) || call.args.length === 0 ? [] : [ask("settings", "changes settings of this machine")];
};

const assignments: Rule = (call) => call.args.flatMap((arg) => {
  const match = /^([A-Za-z_]\w*)=([\s\S]*)$/.exec(arg.text);
  const name = match?.[1] ?? "";
  const value = match?.[2] ?? "";
  return match ? environment(name, value) : [];
});

/** What setting a variable of the environment means for the commands that follow. */
export function environment(name: string, value: string): Concern[] {
  if (name === "PATH") {
    const foreign = value.split(":").filter((part) => part !== "" && !part.includes(UNKNOWN) && ["outside", "temporary"].includes(placeOf(part)) && !part.startsWith(".."));
    return foreign.length > 0 ? [ask("search-path", `lets programs in ${listed(foreign.map(shownText))} take the place of usual ones`)] : [];
  }
  if (/^(?:LD_PRELOAD|LD_LIBRARY_PATH|LD_AUDIT|DYLD_INSERT_LIBRARIES|BASH_ENV|PROMPT_COMMAND)$/.test(name) && value !== "") {
    return placeOf(value) === "workspace" || placeOf(value) === "generated" || /LIBRARY_PATH/.test(name) ? [] : [ask("inject-code", `makes every program load code through ${name}`)];
  }
  if (/^(?:HISTFILE|HISTSIZE|HISTFILESIZE)$/.test(name) && /^(?:\/dev\/null|0|)$/.test(value)) return [ask("erase-traces", "keeps what is run out of the terminal's record")];
  if (/^(?:NODE_TLS_REJECT_UNAUTHORIZED|GIT_SSL_NO_VERIFY|PYTHONHTTPSVERIFY)$/.test(name) && /^(?:0|1|true)$/.test(value) && (name === "GIT_SSL_NO_VERIFY" ? value !== "0" : value === "0")) return [ask("no-certificates", "stops checking whom it talks to on the network")];
  return [];
}

const KEYWORD_FUNCTION = /^(?:cd|ls|sudo|rm|git|cat|echo|ssh|mv|cp|npm|node|python3?|bash|sh|which|command|alias|kill|ps|grep|find|curl|wget|docker|kubectl|make|pwd|exit|source|test|su|passwd)$/;

/** What giving a usual command another meaning is; null for names of one's own. */
export function redefinition(name: string, value: string | null): Concern | null {
  if (!KEYWORD_FUNCTION.test(name)) return null;
  const harmless = value !== null && new RegExp(`^\\s*(?:command\\s+)?${name}(?:\\s+-|\\s*$)`).test(value);
  return harmless ? null : ask("redefine", `gives ${name} another meaning in this terminal`);
}

export const SYSTEM_RULES: ReadonlyMap<string, Rule> = new Map<string, Rule>([
  ...["kill", "pkill", "killall", "xkill", "fkill", "kill-port"].map((name) => [name, kill] as const),
  ...["systemctl", "service", "launchctl", "rc-service", "initctl", "brew-services"].map((name) => [name, service] as const),
  ["crontab", crontab], ["sysctl", sysctl], ["history", history],
  ...["iptables", "ip6tables", "nft", "ufw", "firewall-cmd", "pfctl", "ipfw", "nftables", "ebtables", "iptables-restore"].map((name) => [name, firewall] as const),
  ...["mount", "umount", "losetup", "swapoff", "swapon"].map((name) => [name, mount] as const),
  ...["usermod", "useradd", "adduser", "userdel", "deluser", "groupadd", "groupdel", "gpasswd", "dscl", "newusers", "addgroup", "groupmod"].map((name) => [name, usermod] as const),
  ...["shutdown", "reboot", "halt", "poweroff"].map((name) => [name, power] as const),
  ["init", init], ["telinit", init],
  ...["insmod", "rmmod", "modprobe", "kextload", "kextunload", "depmod", "kmod", "dkms"].map((name) => [name, always(block("kernel", "loads or removes code of the kernel"))] as const),
  ...["visudo", "vipw", "vigr", "chpasswd"].map((name) => [name, always(block("give-rights", "changes who has administrator rights or which passwords"))] as const),
  ...["setenforce", "aa-disable", "aa-teardown", "csrutil", "spctl", "auditctl"].map((name) => [name, always(block("protection-off", "changes or switches off a protection of this machine"))] as const),
  ["setcap", always(block("give-rights", "gives a program rights of the administrator"))],
  ["passwd", always(ask("accounts", "changes a password of this machine"))],
  ["chsh", always(ask("accounts", "changes the shell of an account"))],
  ...["update-grub", "grub-install", "efibootmgr", "grub2-mkconfig", "bootctl", "nvram", "bless", "flashrom", "fwupdmgr"].map((name) => [name, always(block("start-up", "changes how this machine starts"))] as const),
  ...["pmset", "defaults", "gsettings", "dconf", "networksetup", "scutil", "hostnamectl", "timedatectl", "localectl", "nmcli", "xattr", "tccutil", "update-alternatives", "systemsetup", "powercfg", "snapctl"].map((name) => [name, setting] as const),
  ...["at", "batch"].map((name) => [name, always(ask("schedule", "schedules commands that run by themselves"))] as const),
  ["export", assignments], ["declare", assignments], ["typeset", assignments], ["readonly", assignments], ["local", assignments],
  ["ulimit", () => []],
  ["journalctl", (call) => (call.args.some((arg) => /^--(?:vacuum|rotate|flush)/.test(arg.text)) ? [ask("erase-traces", "erases logs of this machine")] : [])],
  ["logrotate", always(ask("erase-traces", "moves or erases logs of this machine"))],
  ["chkconfig", always(ask("service", "changes which services this machine starts"))],
  ["security", (call) => (/^(?:find|dump|export)/.test(call.args[0]?.text ?? "") ? [ask("show-keys", "shows passwords or keys of your keychain")] : [ask("settings", "changes your keychain")])],
  ["open", (call) => (hasOption(call, "a") || call.args.some((arg) => /\.(?:app|command|dmg|pkg)$/.test(arg.text)) ? [ask("open-program", "opens another program")] : [])],
  ["ptrace", always(ask("debug", "reads or changes another process"))], ["gcore", always(ask("debug", "writes the memory of another process to a file"))],
  ["ip", (call) => (call.args.some((arg) => /^(?:add|del|delete|set|flush|change|replace)$/.test(arg.text)) ? [ask("network", "changes the network of this machine")] : [])],
  ["ifconfig", (call) => (call.args.some((arg) => /^(?:up|down|netmask|add|del)$/.test(arg.text)) ? [ask("network", "changes the network of this machine")] : [])],
  ["route", (call) => (call.args.some((arg) => /^(?:add|del|delete|flush)$/.test(arg.text)) ? [ask("network", "changes the network of this machine")] : [])],
]);
