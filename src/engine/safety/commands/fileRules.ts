// Commands that delete, overwrite, move or hand out files and disks.
import type { CommandCall, Rule } from "./call.ts";
import { hasOption, listed, operands, optionValues, shownText } from "./call.ts";
import { ask, block } from "./findings.ts";
import type { Concern } from "./findings.ts";
import { UNKNOWN, holdsKeys, normalPath, placeOf } from "./places.ts";

const RIGHTS_FILE = /^\/(?:etc\/(?:passwd|shadow|group|gshadow|sudoers|pam\.d|ssh|crontab|cron\.|ld\.so|profile|rc\.local|systemd|init\.d|fstab|selinux)|boot|bin|sbin|lib|lib64|usr\/(?:s?bin|lib|local\/s?bin)|System|proc\/sys(?:rq|\/kernel)|Windows)(?:[/.\w-]|$)/;

/** What deleting `path` means; null where it can be made again. */
export function deletion(path: string, call: Pick<CommandCall, "folder">, recursive: boolean): Concern | null {
  const shown = shownText(path);
  const drive = /^[a-zA-Z]:[\\/]?\*?$/.test(path);
  switch (drive ? "root" : placeOf(path, call.folder)) {
    case "root":
      return recursive || /[*]/.test(path) || drive ? block("delete-system", "deletes every file on this machine") : ask("delete", `deletes ${shown}`);
    case "system":
      return block("delete-system", `deletes ${recursive ? "the system folder " : ""}${shown}, which this machine needs`);
    case "device":
      return block("overwrite-disk", `destroys what is on ${shown}`);
    case "home":
      return block("delete-home", "deletes every file under your home folder");
    case "keys":
      return block("delete-keys", `deletes your keys in ${shown}`);
    case "unknownOrRoot":
      return recursive ? block("delete-unknown", "deletes every file on this machine if the variable is empty") : ask("delete", "deletes files whose folder is only known when it runs");
    case "parent":
      return recursive ? block("delete-parent", "deletes the folder above this one with everything in it") : ask("delete", `deletes ${shown}`);
    case "workspaceRoot":
      return ask("delete-workspace", recursive ? "deletes every file of this folder" : "deletes the files of this folder");
    case "repository":
      return ask("delete-history", "deletes the repository's history");
    case "generated":
      return null;
    case "temporary":
      return /^\/(?:tmp|var\/tmp|dev\/shm)\/?\*?$/.test(normalPath(path, call.folder)) ? ask("delete", "deletes every temporary file of this machine") : null;
    case "unknown":
      return ask("delete", "deletes files that are only known when it runs");
    default:
      return ask("delete", `deletes ${shown}${recursive ? " with everything in it" : ""}`);
  }
}

/** What writing to `path` means; null within the workspace and temporary folders. */
export function writing(path: string, call: Pick<CommandCall, "folder">, appends = false): Concern | null {
  const normal = normalPath(path, call.folder);
  const shown = shownText(path);
  const verb = appends ? "adds to" : "overwrites";
  switch (placeOf(path, call.folder)) {
    case "device":
      return block("overwrite-disk", `overwrites the disk or device ${shown}`);
    case "root": case "system":
      return RIGHTS_FILE.test(normal) && !normal.endsWith("/") ? block("write-system", `${verb} ${shown}, which decides over rights or start-up of this machine`) : ask("write-system", `${verb} ${shown}, a file of the system`);
    case "keys":
      return /authorized_keys/.test(normal) ? block("write-keys", "lets others log in to your account") : ask("write-keys", `${verb} ${shown}, where your keys are`);
    case "startup":
      return ask("write-startup", `${verb} ${shown}, which runs whenever you open a terminal`);
    case "home": case "homeInside":
      return /(?:^|\/)\.(?:cache|local\/share|local\/bin|npm|cargo|rustup|m2|gradle|nvm|pyenv|ccache|config)(?:\/|$)/.test(normal) ? null : ask("write-outside", `${verb} ${shown}, outside this folder`);
    case "outside":
      return normal.startsWith("..") ? null : ask("write-outside", `${verb} ${shown}, outside this folder`);
    case "repository":
      return ask("write-repository", `${verb} ${shown}, inside the repository's own data`);
    default:
      return /^\.git\/hooks\//.test(normal) ? ask("write-hook", `${verb} ${shown}, which git runs by itself`) : null;
  }
}

const rm: Rule = (call) => {
  const recursive = hasOption(call, "rR", "--recursive") || call.name === "rimraf" || call.name === "srm" && hasOption(call, "r");
  const paths = operands(call);
  if (hasOption(call, "", "--no-preserve-root")) return [block("delete-system", "deletes every file on this machine")];
  if (hasOption(call, "", "--help", "--version")) return [];
  const concerns = paths.flatMap((path) => deletion(path.text, call, recursive) ?? []);
  const plain = concerns.filter((concern) => concern.rule === "delete" && concern.action === "ask");
  if (plain.length > 1 && plain.length === concerns.length) return [ask("delete", `deletes ${listed(paths.map((path) => shownText(path.text)))}`)];
  // xargs and the like hand over paths that nobody sees.
  return paths.length === 0 && call.input !== null ? [ask("delete", "deletes files that are only known when it runs")] : concerns;
};

const shred: Rule = (call) => {
  const targets = operands(call, ["-n", "-s"]);
  return targets.flatMap((target) => {
    const concern = deletion(target.text, call, false);
    if (concern?.action === "block") return /^\/var\/log/.test(target.text) ? [ask("erase-traces", `erases the log ${shownText(target.text)} for good`)] : [concern];
    return [ask("delete", `erases ${shownText(target.text)} for good`)];
  });
};

const dd: Rule = (call) => {
  const out = call.args.find((arg) => arg.text.startsWith("of="))?.text.slice(3);
  if (out === undefined) return [];
  return [writing(out, call) ?? []].flat();
};

const chmod: Rule = (call) => {
  const [mode, ...targets] = operands({ args: call.args.filter((arg) => !/^-[rwxXst]+$/.test(arg.text)) });
  const text = mode?.text ?? "";
  const recursive = hasOption(call, "R", "--recursive");
  const names = listed(targets.map((target) => shownText(target.text)));
  const places = targets.map((target) => placeOf(target.text, call.folder));
  if (/^[0-7]*[4-7][0-7]{3}$/.test(text) && text.length >= 4 && !/^0+[0-7]{3}$/.test(text) && /^0*[4-7]/.test(text) || /(?:^|,)[ugoa]*[+=][rwxX]*s/.test(text)) return [block("give-rights", `lets whoever runs ${names} act with its owner's rights`)];
  if (places.some((place) => place === "keys")) return /^[0-7]*[0-7]00$|go-|og-|g-rwx|o-rwx|u[=+]/.test(text) ? [] : [block("open-keys", `lets other users read your keys in ${names}`)];
  if (places.some((place) => place === "root" || place === "system")) return [block("system-rights", `changes who may use ${names}`)];
  if (/^0*[0-7]?[0-7][2367]$/.test(text) && !/^0*[0-7]?[0-7][0145]$/.test(text) || /(?:^|,)(?:[ug]*[oa][ugoa]*|)[+=][rxX]*w/.test(text) && !/^\+w|(?:^|,)\+/.test(text)) return [block("world-writable", `lets every user of this machine change ${names}`)];
  if (places.some((place) => place === "home")) return recursive ? [block("home-rights", "changes who may use every file of your home folder")] : [ask("home-rights", "changes who may use your home folder")];
  return text === "000" || text === "0" ? [ask("lock-out", `locks everyone out of ${names}`)] : [];
};

const chown: Rule = (call) => {
  const [owner, ...targets] = operands(call);
  const names = listed(targets.map((target) => shownText(target.text)));
  if (targets.some((target) => ["root", "system", "device", "keys"].includes(placeOf(target.text, call.folder)))) return [block("system-rights", `changes who owns ${names}`)];
  if (/^root(?::|$)|^0(?::|$)/.test(owner?.text ?? "")) return [block("give-rights", `gives ${names} to the administrator`)];
  return [ask("change-owner", `changes who owns ${names}`)];
};

const move: Rule = (call) => {
  const paths = operands(call, ["-t", "-S", "-m", "-o", "-g"]);
  const target = optionValues(call, "-t", "--target-directory")[0] ?? paths.at(-1);
  const sources = paths.filter((path) => path !== target);
  const concerns: Concern[] = [];
  if (target) {
    const concern = writing(target.text, call);
    // Into a folder of the system: the file's name decides, which is not told.
    if (concern) concerns.push(/\/$/.test(target.text) && concern.action === "block" && placeOf(target.text) === "system" ? ask("write-system", `puts files into ${shownText(target.text)}, a folder of the system`) : concern);
  }
  if (call.name === "mv") {
    for (const source of sources) {
      const place = placeOf(source.text, call.folder);
      if (place === "root" || place === "home" || place === "system" || place === "keys") concerns.push(block("move-system", `moves away ${shownText(source.text)}, which this machine or your account needs`));
      if (target?.text === "/dev/null") concerns.push(place === "generated" ? ask("delete", `deletes ${shownText(source.text)}`) : ask("delete", `deletes ${shownText(source.text)}`));
    }
  }
  if (call.name === "ln" && sources.some((source) => holdsKeys(source.text))) concerns.push(ask("show-keys", `makes ${listed(sources.map((source) => shownText(source.text)))}, which holds keys, reachable from elsewhere`));
  return concerns;
};

const writesOperands: Rule = (call) => operands(call, ["-s", "-d", "-r", "-t", "-m"]).flatMap((path) => writing(path.text, call, call.name === "tee" && hasOption(call, "a", "--append")) ?? []);

const truncate: Rule = (call) => operands(call, ["-s", "-r", "--size"]).flatMap((path) => {
  const place = placeOf(path.text, call.folder);
  return place === "generated" || place === "temporary" ? [] : [writing(path.text, call) ?? ask("empty-file", `empties ${shownText(path.text)}`)];
});

const archive: Rule = (call) => {
  const into = [...optionValues(call, "-C", "--directory", "-d"), ...call.args.filter((arg) => /^-o./.test(arg.text) && call.name.startsWith("7z")).map((arg) => ({ ...arg, text: arg.text.slice(2) }))];
  const extracts = call.name !== "tar" || hasOption(call, "x", "--extract", "--get") || /^[a-zA-Z]*x/.test(call.args[0]?.text ?? "");
  const concerns: Concern[] = extracts ? into.flatMap((folder) => (/^(?:\/|[A-Z]:\\)?$/.test(folder.text) ? [ask("write-system", "unpacks files over those of the system")] : [writing(folder.text, call) ?? []].flat().map((concern) => ask(concern.rule, `unpacks files into ${shownText(folder.text)}`)))) : [];
  const run = [...optionValues(call, "--to-command", "--use-compress-program", "-I"), ...optionValues(call, "--checkpoint-action")];
  if (run.some((value) => /exec=|\s|sh$/.test(value.text))) concerns.push(ask("run-hidden", "runs a program while unpacking"));
  if (hasOption(call, "", "--remove-files")) concerns.push(ask("delete", "deletes the files that it packs"));
  return concerns;
};

const readers: Rule = (call) => {
  const keys = operands(call).filter((path) => holdsKeys(path.text));
  return keys.length === 0 || call.name === "head" && /\.env/.test(keys[0]?.text ?? "") ? [] : [ask("show-keys", `shows the content of ${listed(keys.map((path) => shownText(path.text)))}, which holds keys or passwords`)];
};

const format: Rule = (call) => [block("format-disk", `erases everything on ${listed(operands(call, ["-t", "-L", "-U", "-F", "-b"]).map((device) => shownText(device.text))) || "a disk"}`)];

const disk: Rule = (call) => (hasOption(call, "l", "--list", "--help") && !hasOption(call, "oz") ? [] : [block("format-disk", "changes or erases the partitions of a disk")]);

const findRule: Rule = (call) => {
  if (!call.args.some((arg) => arg.text === "-delete")) return [];
  const tests = call.args.some((arg) => /^-(?:i?name|i?regex|path|mtime|type|size|empty|newer|mmin|atime)/.test(arg.text) && arg.text !== "-type");
  const roots: string[] = [];
  for (const arg of call.args) {
    if (/^[-(!]/.test(arg.text)) break;
    roots.push(arg.text);
  }
  const patterns = call.args.flatMap((arg, i) => (/^-i?name$/.test(call.args[i - 1]?.text ?? "") ? [arg.text] : []));
  if (patterns.length > 0 && patterns.every((pattern) => placeOf(pattern) === "generated") && roots.every((root) => ["workspaceRoot", "workspace", "generated", "unknown", "unknownOrRoot"].includes(placeOf(root, call.folder)))) return [];
  return (roots.length > 0 ? roots : ["."]).flatMap((root) => {
    const concern = deletion(root, call, true) ?? ask("delete", `deletes the files that it finds under ${shownText(root)}`);
    const grave = ["root", "system", "home", "keys"].includes(placeOf(root, call.folder));
    return tests && !grave ? [ask("delete", `deletes the files that it finds under ${shownText(root)}`)] : [concern];
  });
};

const rsync: Rule = (call) => {
  const [...paths] = operands(call, ["-e", "--rsh", "--exclude", "--include", "--filter"]);
  const target = paths.at(-1);
  if (!target) return [];
  const remote = paths.find((path) => /^(?:[\w.-]+@)?[\w.-]+::?[^\\]/.test(path.text) || path.text.startsWith("rsync://"));
  if (remote) {
    const keys = paths.find((path) => path !== remote && holdsKeys(path.text));
    if (remote === target) return [keys ? block("send-keys", `sends ${shownText(keys.text)}, which holds keys, to another machine`) : ask("send-files", `copies files to another machine (${shownText(target.text.split(":")[0] ?? "")})`)];
    return [ask("fetch-files", `copies files from another machine (${shownText(remote.text.split(":")[0] ?? "")})`)];
  }
  const concern = writing(target.text, call);
  if (hasOption(call, "", "--delete", "--delete-after", "--delete-before", "--delete-excluded", "--del") && placeOf(target.text, call.folder) !== "generated") {
    const grave = deletion(target.text, call, true);
    return [grave?.action === "block" ? grave : ask("delete", `deletes what ${shownText(target.text)} has more than the source`)];
  }
  return concern ? [concern] : [];
};

const sed: Rule = (call) => {
  if (!hasOption(call, "i", "--in-place")) return [];
  return operands(call, ["-e", "-f"]).slice(optionValues(call, "-e", "-f").length > 0 ? 0 : 1).flatMap((path) => (path.text.includes(UNKNOWN) ? [] : [writing(path.text, call) ?? []].flat()));
};

export const FILE_RULES: ReadonlyMap<string, Rule> = new Map<string, Rule>([
  ...["rm", "unlink", "rimraf", "srm", "trash", "del-cli"].map((name) => [name, rm] as const),
  ["shred", shred], ["wipe", shred], ["dd", dd], ["chmod", chmod], ["chown", chown], ["chgrp", chown],
  ...["mv", "cp", "ln", "install", "ditto"].map((name) => [name, move] as const),
  ...["tee", "touch", "mkdir", "mkfifo"].map((name) => [name, writesOperands] as const),
  ["truncate", truncate],
  ...["tar", "unzip", "7z", "7za", "7zr", "bsdtar", "unrar"].map((name) => [name, archive] as const),
  ...["cat", "less", "more", "head", "tail", "strings", "xxd", "hexdump", "od", "bat", "nl", "tac", "grep", "base64"].map((name) => [name, readers] as const),
  ...["mkfs", "mkswap", "mke2fs", "newfs", "wipefs", "blkdiscard", "mkdosfs", "cryptsetup", "badblocks", "hdparm", "nvme"].map((name) => [name, format] as const),
  ...["fdisk", "sfdisk", "cfdisk", "gdisk", "sgdisk", "parted", "diskpart", "zpool", "vgremove", "lvremove", "pvremove", "mdadm"].map((name) => [name, disk] as const),
  ["find", findRule], ["rsync", rsync], ["sed", sed], ["perl", sed],
  ["rmdir", () => []],
  ["setfacl", () => [block("give-rights", "changes who may use files")]],
  ["chattr", () => [ask("file-attributes", "changes how files may be changed")]],
]);
