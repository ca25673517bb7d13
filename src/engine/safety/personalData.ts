// Finds what names a person in code and text - e-mail addresses, phone numbers, public IP addresses, bank and card numbers,
// names in author headers, home folders - and puts neutral values of the same form in its place, so that code stays parsable.
// It errs towards leaving things be: a version number taken for an address would spoil what is learnt. Secrets are secrets.ts's.
import { isIP } from "node:net";
import { CARD_CANDIDATE, IBAN_CANDIDATE, isCardNumber, isIban } from "./accountNumbers.ts";
import { eachMatch } from "./matches.ts";
import { MAXIMUM_SCANNED_CHARACTERS } from "./secrets.ts";

export type PersonalDataKind = "email" | "phone" | "ip-address" | "iban" | "card-number" | "author-name" | "home-path";

/** Where personal data stands, in UTF-16 offsets, and what is put there instead. */
export interface PersonalDataSpan {
  start: number;
  end: number;
  kind: PersonalDataKind;
  replacement: string;
}

/** The personal data of `text`, in order, not overlapping. `complete` is false where the text was too long to be looked at whole. */
export function findPersonalData(text: string): { spans: PersonalDataSpan[]; complete: boolean } {
  const complete = text.length <= MAXIMUM_SCANNED_CHARACTERS;
  const scanned = complete ? text : text.slice(0, MAXIMUM_SCANNED_CHARACTERS);
  const spans: PersonalDataSpan[] = [];
  const add = (kind: PersonalDataKind, start: number, found: string, replacement: string): void => {
    spans.push({ start, end: start + found.length, kind, replacement });
  };
  // What a pattern cannot do without is looked for first: most texts hold neither an "@" nor a digit nor a name of an author.
  if (scanned.includes("@")) eachMatch(EMAIL, scanned, ({ index, 0: found }) => isPersonalAddress(scanned, index, found) && add("email", index, found, "user@example.com"));
  if (/\d/.test(scanned)) {
    eachMatch(IBAN_CANDIDATE, scanned, ({ index, 0: found }) => isIban(found) && add("iban", index, found, found.slice(0, 2) + zeros(found.slice(2).replaceAll(/[A-Z]/g, "0"))));
    eachMatch(CARD_CANDIDATE, scanned, (match) => {
      const { index, 0: found } = match;
      // One long number in ten passes the checksum: without separators, the words before it must speak of a card.
      if (isCardNumber(found) && (match[1] ?? match[2] ?? CARD_WORD.exec(lineBefore(scanned, index))) != null) add("card-number", index, found, zeros(found));
    });
    eachMatch(IPV4, scanned, ({ index, 0: found }) => isPublicHost(scanned, index, found) && add("ip-address", index, found, "192.0.2.1"));
    eachMatch(IPV6, scanned, ({ index, 0: found }) => isGlobalIpv6(found) && add("ip-address", index, found, "2001:db8::1"));
    eachMatch(INTERNATIONAL_PHONE, scanned, ({ index, 0: found }) => isPhone(scanned, index, found) && add("phone", index, found, zeros(found)));
    eachMatch(AREA_CODE_PHONE, scanned, ({ index, 0: found }) => !isFictitious(found) && add("phone", index, found, zeros(found)));
    eachMatch(LABELLED_PHONE, scanned, (match) => {
      const value = match.groups?.["value"] ?? "";
      const nDigits = value.replaceAll(/\D/g, "").length;
      if (nDigits >= 7 && nDigits <= 15 && !isFictitious(value)) add("phone", match.index + match[0].lastIndexOf(value), value, zeros(value));
    });
  }
  for (const pattern of SPEAKS_OF_AUTHORS.test(scanned) ? AUTHOR_HEADERS : []) {
    eachMatch(pattern, scanned, (match) => {
      const name = match.groups?.["name"] ?? "";
      const start = match.index + match[0].indexOf(name, match.groups?.["before"]?.length ?? 0);
      // "…, Inc." may stand behind what looks like a person's name.
      const behind = /^,? [\w.]{2,12}/.exec(scanned.slice(start + name.length, start + name.length + 16))?.[0] ?? "";
      if (name !== "" && !ORGANISATION.test(name + behind) && !PLACEHOLDER_NAME.test(name)) add("author-name", start, name, "Author Name");
    });
  }
  if (/home\/|Users/.test(scanned)) eachMatch(HOME_PATH, scanned, (match) => {
    const { name = "", root = "", rest = "" } = match.groups ?? {};
    if (isHomeOfSomeone(root, name, rest)) add("home-path", match.index + root.length, name, "user");
  });
  return { spans: withoutOverlaps(spans), complete };
}

/** `text` with personal data replaced; the spans are those in the given text. What was not scanned is cut off. */
export function redactPersonalData(text: string): { text: string; spans: PersonalDataSpan[] } {
  const { spans, complete } = findPersonalData(text);
  if (spans.length === 0 && complete) return { text, spans };
  let out = "";
  let at = 0;
  for (const span of spans) {
    out += text.slice(at, span.start) + span.replacement;
    at = span.end;
  }
  // Unchecked text never passes for checked text.
  return { text: out + text.slice(at, MAXIMUM_SCANNED_CHARACTERS) + (complete ? "" : "…"), spans };
}

const EMAIL = /(?<![\w.%+-])[A-Za-z0-9](?:[\w.%+-]{0,62}[\w+-])?@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z]{2,24}(?![\w(\[-])/g;
/** Top-level domains of more than two letters that mail is read at; `x@w.shape` is a product of matrices. Our choice. */
const TLD = new Set((
  "com org net edu gov mil int info biz name pro dev app tech xyz online site cloud email blog company software systems solutions studio agency network digital world " +
  "life live group team tools space store shop science academy institute foundation engineering page social chat design media consulting ventures capital " +
  "health global today news club work works codes expert support services center email university school museum coop jobs mobi asia berlin london nyc paris wien hamburg"
).split(" "));
/** Two letters that are more often an attribute or a file than a country, where no mail host stands before them. */
const NO_COUNTRY = new Set(["py", "js", "ts", "md", "rs", "sh", "cc", "hs", "pl", "so", "rb", "cs", "mm", "vb", "gz", "xz", "bz", "db", "mT", "dt", "eq", "ne", "lt", "gt", "le", "ge"]);
const ROLE = /^(?:no-?_?reply|do-?not-?reply|git|hg|svn|info|support|contact|hello|security|admin|administrator|help|team|sales|webmaster|postmaster|hostmaster|abuse|press|legal|privacy|opensource|oss|dev|developers?|maintainers?|conduct|bugs?|issues|feedback|office|mail|bot|action|actions|root|announce|users|list|lists|github-actions|dependabot|support\+\w+)$/i;
const PLACEHOLDER_HOST = /(?:^|\.)(?:example\d*|test|foo|bar|baz|domain|company|yourdomain|mydomain|your-?company|some-?domain|host|hostname|server|acme|provider|localhost|invalid|email|xyz|abc|a|b|c|x|y)\.[a-z.]{2,12}$|\.(?:example|test|invalid|localhost|local|internal)$/i;

function isPersonalAddress(text: string, at: number, found: string): boolean {
  const [local = "", host = ""] = found.split("@");
  const tld = host.slice(host.lastIndexOf(".") + 1);
  if (tld !== tld.toLowerCase() && tld !== tld.toUpperCase()) return false;
  const known = tld.length === 2 ? !NO_COUNTRY.has(tld.toLowerCase()) : TLD.has(tld.toLowerCase());
  if (!known || host.includes("..") || /^\d+x\./.test(host)) return false;
  if (ROLE.test(local) || PLACEHOLDER_HOST.test(host)) return false;
  // ssh://name@host/ and https://user:password@host/ are addresses of machines; host:path after it is a clone URL.
  if (/:\/\/[^\s/@'"]{0,80}$/.test(text.slice(Math.max(0, at - 90), at))) return false;
  return !/^:[\w~./-]+\.git\b/.test(text.slice(at + found.length, at + found.length + 120));
}

const IPV4 = /(?<![\w.-])(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)\.){3}(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?![\w-]|\.\d)/g;
const IPV6 = /(?<![\w:.])[23][0-9a-fA-F]{3}:(?:[0-9a-fA-F]{0,4}:){1,6}[0-9a-fA-F]{0,4}(?![\w:])/g;
/** What begins with 1.3 is an object identifier far more often than a host. Private, loopback, link-local, shared, multicast, documentation and benchmark networks (RFC 6890), and public resolvers. */
const NOBODYS_NETWORK = /^(?:0|10|127|1\.3|22[4-9]|23\d|24\d|25\d)\.|^(?:192\.168|169\.254|198\.1[89]|192\.0\.[02]|198\.51\.100|203\.0\.113|192\.88\.99)\.|^172\.(?:1[6-9]|2\d|3[01])\.|^100\.(?:6[4-9]|[7-9]\d|1[01]\d|12[0-7])\.|^(?:8\.8\.8\.8|8\.8\.4\.4|1\.1\.1\.1|1\.0\.0\.1|9\.9\.9\.9|149\.112\.112\.112|208\.67\.22[02]\.22[02]|1\.2\.3\.4|4\.3\.2\.1|5\.6\.7\.8|4\.4\.4\.4|2\.2\.2\.2|3\.3\.3\.3)$/;
const VERSION_BEFORE = /(?:\bversion\w*|\bver|\bv|\brelease|\bbuild|[=~^!<>]=|\^|~|@|\bsection|\bsec\.|§|\bchapter|\boid|[A-Za-z]\/|\brfc\s?\d+,?)["'`\s:=(\][]{0,8}$/i;
const HOST_BEFORE = /(?:\bip(?:v4)?\b|ip_?addr\w*|address|host\w*|server\w*|remote\w*|client\w*|peer\w*|gateway|dns|ssh|ping|https?:\/\/|@)[^\n]{0,20}$/i;

function isPublicHost(text: string, at: number, found: string): boolean {
  if (NOBODYS_NETWORK.test(found) || found.endsWith(".0")) return false;
  const before = lineBefore(text, at);
  if (VERSION_BEFORE.test(before) && !/@$/.test(before)) return false;
  // A number beside numbers is one of a drawing's coordinates.
  if (/[\d.][ ,]$/.test(before) || /[a-z]-?[\d.]+ $/i.test(before)) return false;
  // Four small numbers are a version or a section far more often than a host.
  return found.split(".").some((octet) => Number(octet) >= 32) || HOST_BEFORE.test(before);
}

function isGlobalIpv6(found: string): boolean {
  return isIP(found) === 6 && !/^2001:0?db8:/i.test(found) && found.replaceAll(/[^0-9a-f]/gi, "").length >= 8;
}

const INTERNATIONAL_PHONE = /(?<![\w+.(-])\+[1-9]\d{0,2}[ .-]?(?:\(\d{1,4}\)[ .-]?)?\d{1,5}(?:[ .-]?\d{2,5}){1,5}(?![\w-]|\.\d)/g;
const AREA_CODE_PHONE = /(?<![\w)])\([2-9]\d{2}\) ?[2-9]\d{2}[-.]\d{4}(?!\w)/g;
const LABELLED_PHONE = /\b(?:tel|telephone|telefon|phone|mobile|mob|cell|fax|handy|whatsapp|sms)(?:[_ ]?(?:no|number|nr))?["'`]?\s{0,2}(?::|=|\.:?)\s{0,2}["'`]?(?<value>\(?(?:0|[2-9]\d{2}[)\s.-])[\d ()/.-]{5,18}\d)(?!\w)/gi;

function isPhone(text: string, at: number, found: string): boolean {
  const digits = found.replaceAll(/\D/g, "");
  if (digits.length < 8 || digits.length > 15 || isFictitious(found) || /^\+\d{4}-\d\d-\d\d/.test(found)) return false;
  if (/^\+\d{1,3}(?:\.\d{1,3}){3}$/.test(found)) return false;
  if (/[ ().-]/.test(found.slice(1))) return true;
  // A plain signed number is a phone number only where it is a whole string or something says so.
  const before = text.slice(Math.max(0, at - 24), at);
  return (digits.length >= 10 && /["'`]$/.test(before) && /^["'`]/.test(text.slice(at + found.length))) || /(?:tel:|phone\W{1,4}|mobile\W{1,4}|call |whatsapp\W{1,4}|wa\.me\/)$/i.test(before);
}

/** 555 exchanges, and digits counted up: set aside for fiction, or made up. */
function isFictitious(phone: string): boolean {
  const digits = phone.replaceAll(/\D/g, "");
  return /^1?555|555(?:01\d\d|1\d{3})$|12345|23456|34567|45678|98765|00000|(\d)\1{5}/.test(digits);
}

const LINE_LEAD = String.raw`(?<before>^[ \t]*(?:#|\/\/+!?|\/?\*+!?|--+|;+|%+|"""|'''|<!--|REM\b|@REM\b)?[ \t]*`;
const ONE_PERSON = String.raw`\p{Lu}[\p{L}'’-]*\.?(?: (?:(?:van|von|de|der|den|da|di|del|la|le|bin|al|el)\b ?)*\p{Lu}[\p{L}'’-]*\.?){1,3}`;
/** One of these words is in everything that the headers below can match. */
const SPEAKS_OF_AUTHORS = /author|written|created|coded|maintain|contributor|developed|credits|copyright|\(c\)|©/i;
const PERSON = String.raw`${ONE_PERSON}(?:(?:,? (?:and|&) |, )(?!All\b|Inc\b|LLC|Ltd)${ONE_PERSON}){0,8}`;
/** Each has the name in `name` and what stands before it in `before`. */
const AUTHOR_HEADERS: readonly RegExp[] = [
  new RegExp(String.raw`${LINE_LEAD}(?:(?:[Oo]riginal |[Ll]ead |[Mm]ain )?[Aa]uthors?|AUTHORS?|[Ww]ritten by|[Cc]reated by|[Cc]oded by|[Mm]aintainers?|[Mm]aintained by|[Cc]ontributors?|[Dd]eveloped by)[ \t]*:?[ \t]+)(?<name>${PERSON})`, "gmu"),
  new RegExp(String.raw`(?<before>(?:^|[\s*])[@\\]author[ \t]*:?[ \t]+)(?<name>${PERSON}|[\p{L}][\p{L}\d_.-]{2,30}(?=[ \t]*(?:<|\(|$)))`, "gmu"),
  new RegExp(String.raw`(?<before>^[ \t]*__(?:author|maintainer|credits)__[ \t]*=[ \t]*\[?["'])(?<name>[^"'<\n]{2,60}?)(?=[ \t]*(?:["'<]))`, "gmu"),
  new RegExp(String.raw`(?<before>(?:[Cc]opyright|COPYRIGHT|\([Cc]\)|©)[ \t,]*(?:\([Cc]\)|©)?[ \t]*(?:\d{4}(?:[ \t]*[-–,][ \t]*(?:\d{4}|present))*,?[ \t]+|(?=[^\n<]{3,60}<))(?:by[ \t]+)?)(?<name>${PERSON})(?=[ \t]*(?:<|\(|[.,;]|$|All rights|all rights|\*\/|-->))`, "gmu"),
  new RegExp(String.raw`(?<before>["']?(?:author|maintainer)["']?[ \t]*[:=][ \t]*["'])(?<name>${PERSON})(?=[ \t]*["'<(])`, "gu"),
  new RegExp(String.raw`(?<before>\b(?:authors|maintainers)["']?[ \t]*[:=][ \t]*\[[ \t\n]*(?:\{[ \t\n]*["']?name["']?[ \t]*[:=][ \t]*)?["'])(?<name>${PERSON})(?=[ \t]*["'<(])`, "gu"),
];
const ORGANISATION = /\b(?:inc|llc|ltd|gmbh|corp|corporation|co|ag|bv|plc|foundation|team|contributors?|authors?|project|developers?|community|group|university|institute|labs?|laborator\w+|software|technolog\w+|compan\w+|organi[sz]ation|committers|maintainers?|consortium|association|google|microsoft|facebook|meta|apple|amazon|oracle|intel|nvidia|ibm|red hat|openai|anthropic|hugging ?face|lightning|apache|mozilla|systems?|solutions|department|agency|society|center|centre|limited|holdings?|studios?|gesellschaft|rights|license[ds]?|public|general|free)\b/i;
const PLACEHOLDER_NAME = /^(?:author name|your name|(?:first|full|last)[ _]?name|name here|jane (?:doe|roe)|john (?:doe|smith)|unknown|anonymous|none|todo|me|you|self|root|admin|user(?:name)?|various|several|many|the .*|see .*|this .*|all .*|and .*|or .*|is .*|of .*|by .*)$/i;

const HOME_PATH = /(?<root>(?:(?<![\w.~\/])|(?<=\bfile:\/\/))(?:\/home\/|\/Users\/)|(?<![A-Za-z])[A-Za-z]:(?:\\\\?|\/)Users(?:\\\\?|\/))(?<name>[A-Za-z0-9_][\w.-]{0,31}?)(?=(?<rest>[\\/][^\s"'`<>|:*?]{0,200}|["'`\s:,)]|$))/g;
const NOBODYS_HOME = /^(?:user|users|username|user_?name|your_?name|yourname|you|me|my|runner|runneradmin|ubuntu|debian|vscode|codespace|node|app|jovyan|circleci|travis|gitpod|vagrant|ec2-user|vsts|public|shared|default|all|guest|root|admin|administrator|name|foo|bar|test|example|jenkins|git|docker|dev|developer|linuxbrew|coder|builder|build|ci|\d+|index|about|src|lib|data|static|assets|pages?|dashboard|settings|profile|login|api|v\d+|home)$/i;
/** What stands in home folders rather than below the route "/home" of a web application. */
const IN_A_HOME = /^[\\/](?:\.|Documents|Desktop|Downloads|Pictures|Music|Library|AppData|OneDrive|projects?\b|src\b|code\b|work\b|workspaces?\b|dev\b|git\b|github\b|repos?\b|sources?\b|go\b|bin\b|lib\b|opt\b|venvs?\b|envs?\b|(?:ana|mini)conda|miniforge|notebooks?\b|tmp\b|data\b|datasets?\b|python|catkin_ws|local\b|scratch\b)|[^\\/]\.(?:py|js|ts|tsx|rs|go|c|cc|cpp|h|java|rb|sh|txt|log|csv|json|ya?ml|toml|ipynb|md|so|pt|pth|gguf|bin|zip|gz|png|jpe?g|pdf|db|sqlite)$|(?:[\\/][^\\/]+){4}/i;

function isHomeOfSomeone(root: string, name: string, rest: string): boolean {
  if (NOBODYS_HOME.test(name) || /\.(?:html?|php|js|ts|tsx|vue|py|css)$/i.test(name)) return false;
  return root !== "/home/" ? /^[\\/]/.test(rest) || /:/.test(root) : IN_A_HOME.test(rest);
}

const CARD_WORD = /\b(?:card|credit|visa|master-?card|amex|pan|cc|ccnum)\b|card_?(?:no|num|number)|cardNumber/i;

/** At most 60 characters before `at`, on its line. */
function lineBefore(text: string, at: number): string {
  const from = Math.max(0, at - 60);
  const before = text.slice(from, at);
  return before.slice(before.lastIndexOf("\n") + 1);
}

function zeros(text: string): string {
  return text.replaceAll(/\d/g, "0");
}

/** The first of those that overlap stands. */
function withoutOverlaps(spans: PersonalDataSpan[]): PersonalDataSpan[] {
  const kept: PersonalDataSpan[] = [];
  for (const span of spans.sort((a, b) => a.start - b.start || b.end - a.end)) if (span.start >= (kept.at(-1)?.end ?? 0)) kept.push(span);
  return kept;
}
