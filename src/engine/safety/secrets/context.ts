// Secrets that only what stands beside them tells: a name that speaks of a key or a password, and a value that is neither a
// placeholder nor a reference, a hash, a file or a word. Covers assignments, arguments, headers, queries, markup, command lines.
import { eachMatch } from "../matches.ts";
import { entropy, looksDrawn, texture } from "./randomness.ts";

export interface NamedSecret {
  readonly start: number;
  readonly end: number;
  readonly kind: "password" | "named-secret" | "authorization" | "url-password" | "token-shape";
}

/** Shannon entropy, bits per character, above which a value beside a telling name counts. English words are near 3, random base64 near 5. Our choice. */
export const CONTEXT_ENTROPY = 2.9;

/** One of these words is in everything that is found here; most text has none and is passed over quickly. */
const SPEAKS_OF_SECRETS = /pass|pwd|secret|token|key|credential|auth|bearer|_pat\b|salt|cookie|login|jwt|dsn|webhook|private|(?:^|[^a-z])sk_|live_/i;

const PASSWORD_NAME = /pass(?:word|wd|phrase|code|w)?(?![a-z]*(?:port|ed|ing|ive|age|enger|ion)\b)|pwd|passwort|contrase|mot_?de_?passe/i;
const STRONG_NAME = /secret|token|api[_-]?key|app(?:lication)?[_-]?key|access[_-]?key|auth(?:[_-]?key|orization|entication)?$|auth[_-]?(?:code|header|string)|private[_-]?key|credential|(?:signing|encryption|master|account|session|service|admin|license|licence|subscription|deploy|write|ingest|storage|shared|root|consumer|integration|server|webhook|crypt|cipher|aes|hmac|jwt|rsa|ssh|gpg|org|user|developer|merchant|partner|team|project)[_-]?key|bearer|jwt|[_-]pat$|^pat$|cookie[_-]?(?:value|secret)|session[_-]?id|[_-]salt$|passkey|credentials?|webhook|x-[\w-]*key/i;
const WEAK_NAME = /(?:^|[_.-]|[a-z])key$|^key$|[_-](?:dsn|sas|psk|totp|otp)$/i;
/** Names that speak of a secret's surroundings, or of keys that are none. */
const NO_SECRET = /tokens$|tokeni[sz]|token(?:count|type|id|limit|s?_?per|_count|_type|_ids?$|_limit|_url|ise|s?_used)|(?:pad|eos|bos|unk|sep|cls|mask|start|end|stop|next_?page|page|continuation|csrf|xsrf|sync|cancel|cancellation|lex|syntax|special|first|last|prev|next|current)_?token|public|publishable|fingerprint|thumbprint|checksum|digest|integrity|sha\d|md5|etag|commit|revision|primary_?key|foreign_?key|sort_?key|partition_?key|cache_?key|query_?key|row_?key|group_?key|hot_?key|short_?key|map_?key|i18n|translation|locale|key_?(?:code|name|id|path|file|type|size|length|press|down|up|board|frame|word|map|vault|store|spec|ring)|password(?:field|input|label|_field|_input|_label|reset|_reset|policy|min|max|_?length|_?hint|_?error|less)|secret(?:name|_name|ref|keyref|manager|s_?manager|_?arn|_?id$|_?version)|(?:file|path|dir|url|uri|name|(?<!session)_?id|type|length|size|regex|pattern|index|pos|position|format|header_?name|prefix|suffix|label|title|text|message|description|placeholder|count|class|selector|schema|expires?(?:_?(?:in|at))?|expiry|ttl|timeout|algorithm|algo|scope|issuer|audience|provider|policy|version|endpoint|env|var|arn|region)$/i;

/** Values that stand for a secret rather than being one. */
const PLACEHOLDER = /^(?:[*•.x_#-]+|(?:your|my|the|some|an?|insert|enter|put|add|use|get|set|replace|paste)[-_ ].*|.*(?:change[-_]?(?:me|this|it)|placeholder|example|dummy|sample|redacted|insert[-_]|replace[-_]?(?:me|this|with)|goes[-_]?here|[-_]here$|todo|fixme|xxxx|\*\*\*\*|\.\.\.|…|0123456789|1234567|abcdefg|000000|fake|mock|deadbeef|lorem|foobar|notreal|not[-_]a[-_]real|test[-_]?(?:token|key|secret|password|api)|(?:token|key|secret|password)[-_]?(?:for[-_])?(?:test|example)|supersecret$|top[-_]?secret$).*|(?:test|fake|foo|bar|baz|none|null|nil|undefined|true|false|string|secret|password|passwd|token|admin|root|user|guest|postgres|mysql|example|hunter2|letmein|qwerty|bytes|object|number|boolean|required|optional|disabled|enabled|default)\W?\w{0,3}|\$.*|%.*|#.*|<.*|\{.*|&\w+;.*|@.*|\[.*|(?:process\.env|os\.environ|env[.[(]|config[.[(]|import\.meta|self\.|this\.|settings\.|secrets?\.|vault:|ssm:|arn:|ref\+|op:\/\/|file:|data:|!\w|var\.|local\.|module\.|github\.|steps\.|inputs\.|vars\.).*|[a-z_]+(?:\.[A-Za-z_]\w*)+\(?.*|\w+\[.*|.*\(.*|.*\$\{.*|.*\{\{.*|.*<[a-z_ -]+>.*)$/i;
const UUID = /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/i;
const DIGEST = /^(?:sha(?:1|256|384|512)[-:=]|md5[-:=]|\$2[aby]\$)/i;
const LOCATION = /^(?:https?:\/\/|s3:\/\/|gs:\/\/|\.{0,2}\/|~\/|[A-Za-z]:[\\/]|[\w-]+(?:\/[\w.-]+)+\.[a-z]{1,5}$)/;
const FILE_NAME = /^[\w./-]+\.(?:[cm]?[jt]sx?|py|go|rs|java|json|ya?ml|toml|pem|key|crt|cer|pub|txt|md|env|xml|html?|css|png|svg|jpg|lock|conf|cfg|ini|sh)$/i;
/** Dates, versions, numbers with units, colours. */
const QUANTITY = /^(?:v?\d+(?:[._-]\d+)*[a-z%]{0,4}|#?[0-9a-f]{3,8}|\d{4}-\d\d-\d\d.*|0x[0-9a-f]{1,16})$/i;

const QUOTED = String.raw`(?<quote>["'${"`"}])(?<quoted>(?:(?!\k<quote>)[^\\\r\n]|\\.){6,400})\k<quote>`;
const BARE = String.raw`(?<bare>[^\s"'${"`"},;(){}<>[\]|]{6,400})`;
const NAME = String.raw`(?<![\w$])(?<name>[A-Za-z_$][\w$.-]{0,79}|\[[A-Za-z_][\w-]{0,60}\])`;
const TYPE = String.raw`(?:\s{0,2}[:?!]{1,2}\s{0,2}[A-Za-z_][\w<>.|& ?*[\]]{0,40})?`;

/** name = value, name: value, "name" => value, name: Type = value, ["name"] = value; for a quoted name also "name", "value". */
const ASSIGNED = new RegExp(String.raw`${NAME}(?:\\?["'${"`"}]\]?\)?|\])?${TYPE}\s{0,8}(?::=|=>|\?=|\|\|=|\?\?=|[:=])\s{0,3}(?:[brufRBUF@]{1,2}(?=["']))?(?:[\w.]{1,30}\()?(?:\\?${QUOTED}|${BARE})`, "g");
const ARGUMENT_PAIR = new RegExp(String.raw`(?<=["'${"`"}])(?<name>[A-Za-z_][\w.-]{0,60})["'${"`"}]\s{0,3},\s{0,3}${QUOTED}`, "g");
const CALLED = new RegExp(String.raw`(?<![\w$])(?<name>[A-Za-z_$][\w$]{0,60})\(\s{0,3}${QUOTED}`, "g");
/** <password>value</password>; key="ApiKey" value="…"; name: API_KEY ⏎ value: … */
const ELEMENT = /<(?<name>[A-Za-z_][\w.:-]{0,60})(?:\s[^<>]{0,200})?>(?<bare>[^<>\s]{6,400})<\//g;
const NAME_VALUE = /["']?\b(?:name|key|Name|Key|id)["']?\s{0,3}[:=]\s{0,3}["']?(?<name>[A-Za-z_][\w.:-]{1,60})["']?[,;]?\s{1,40}["']?(?:value|Value|default)["']?\s{0,3}[:=]\s{0,3}(?:["'](?<quoted>[^"'\r\n]{6,400})["']|(?<bare>[^\s"',;(){}<>]{6,400}))/g;
const FLAG = /(?<![\w-])--?(?<name>[a-z][\w-]{2,40})[ =]["']?(?<bare>[^\s"'`,;(){}<>|$-][^\s"'`,;(){}<>|]{5,400})/gi;
const QUERY = /[?&](?<name>[\w.-]{2,40})=(?<bare>[^\s&"'`<>#)\]]{8,400})/g;
const SPOKEN = /\b(?<name>(?:[\w-]{0,30}[ _-])?(?:password|passwd|pwd|token|secret|api[ _-]?key|passphrase|access[ _-]?key))\s{1,2}(?:is|was|are|=>|->|to|of|使用)\s{0,2}[:=]?\s{0,2}(?:["'`](?<quoted>[^\s"'`]{6,300})["'`]|(?<bare>[^\s"'`,;(){}<>]{8,300}))/gi;
const NETRC = /\blogin\s{1,4}\S{1,80}\s{1,4}(?<name>password)\s{1,4}(?<bare>\S{6,200})/gi;
const USER_AND_PASSWORD = /(?:\bcurl\b[^\n]{0,300}?\s(?:-u|--user)[ =]?["']?[\w.@-]{1,60}:|\bsshpass\s{1,3}-p\s{0,2}["']?|\bPGPASSWORD=["']?|\bmysql(?:dump)?\b[^\n]{0,200}?\s-p(?=\S))(?<bare>[^\s"'$<{]{6,200})/g;
const AUTHORIZATION = /\b(?:authorization|proxy-authorization|x-api-key|x-auth-token|private-token|x-[\w-]{1,30}-(?:key|token))["'`]?\s{0,3}[:=,]\s{0,3}["'`]?(?:bearer|basic|token|apikey|key|bot|digest|oauth)?[ =:]{0,2}(?<value>[A-Za-z0-9+/_.=~:-]{16,400})/gi;
const BEARER = /\b(?:bearer|basic)\s{1,2}(?<value>[A-Za-z0-9+/_.=~-]{20,400})/gi;
const URL_PASSWORD = /(?<=\b[a-z][a-z0-9+.-]{1,20}:\/\/[^\s:@/'"`<>]{0,80}:)(?!\$|\{|<|%s|\[)[^\s:@/'"`<>${}]{3,200}(?=@[\w.[-])/gi;
const PLAIN_URL_PASSWORD = /^(?:pass(?:word|wd)?|pwd|secret|user(?:name)?|root|admin|postgres|mysql|guest|test|example|changeme|mypassword|token|\*+|x+|\.+|your.*|my_?pass.*|db_?pass.*|<.*|port|\d{1,5})$/i;
/** A prefix that says key or token, then a drawn string: the habit of many issuers, known or not. */
const TOKEN_SHAPE = /(?<![\w-])(?!pk[_-]|pub)(?:[a-z][a-z0-9]{1,14}[_-]){0,2}(?:sk|secret|token|pat|key|apikey|api|live|auth|access|svc|tok|priv|oauth)[_-](?:(?:live|test|prod|dev|v\d|[a-z]{2}\d?)[_-])?(?<value>[A-Za-z0-9]{20,200})(?![\w-])/g;

/** What names and shapes tell, in no particular order; spans may overlap. */
export function findNamedSecrets(text: string): NamedSecret[] {
  const found: NamedSecret[] = [];
  const add = (match: RegExpExecArray, value: string, kind: NamedSecret["kind"]): void => {
    const start = match.index + match[0].lastIndexOf(value);
    found.push({ start, end: start + value.length, kind });
  };
  if (text.includes("://")) eachMatch(URL_PASSWORD, text, (match) => !PLAIN_URL_PASSWORD.test(match[0]) && add(match, match[0], "url-password"));
  if (!SPEAKS_OF_SECRETS.test(text)) return found;
  const judge = (match: RegExpExecArray, { sure = false } = {}): void => {
    const { name = "", quoted, bare } = match.groups ?? {};
    const value = quoted ?? bare?.replace(/[.:!?\\]+$/, "") ?? "";
    const kind = judgeNamed(name.replace(/^[[$]|\]$/g, ""), value, quoted !== undefined || sure, lineOf(text, match.index));
    if (kind) add(match, value, kind);
  };
  for (const pattern of [ASSIGNED, ARGUMENT_PAIR, NAME_VALUE, FLAG, SPOKEN]) eachMatch(pattern, text, (match) => judge(match));
  eachMatch(CALLED, text, (match) => judge(match));
  if (text.includes("</")) eachMatch(ELEMENT, text, (match) => judge(match, { sure: true }));
  if (text.includes("=")) eachMatch(QUERY, text, (match) => judge(match));
  if (text.includes("login")) eachMatch(NETRC, text, (match) => judge(match, { sure: true }));
  eachMatch(USER_AND_PASSWORD, text, (match) => {
    const value = match.groups?.["bare"] ?? "";
    if (!PLACEHOLDER.test(value) && !PLAIN_URL_PASSWORD.test(value)) add(match, value, "password");
  });
  for (const pattern of [AUTHORIZATION, BEARER]) {
    eachMatch(pattern, text, (match) => {
      const value = match.groups?.["value"] ?? "";
      if (!PLACEHOLDER.test(value) && entropy(value) >= CONTEXT_ENTROPY && (/\d/.test(value) || /[+/=]/.test(value)) && looksDrawn(value)) add(match, value, "authorization");
    });
  }
  eachMatch(TOKEN_SHAPE, text, (match) => {
    const value = match.groups?.["value"] ?? "";
    if (!PLACEHOLDER.test(value) && /\d.*\d/.test(value) && looksDrawn(value) && texture(value).changes > 0.25 && !NO_SECRET.test(match[0].slice(0, -value.length - 1))) add(match, match[0], "token-shape");
  });
  return found;
}

function judgeNamed(name: string, value: string, quoted: boolean, line: string): "password" | "named-secret" | null {
  const last = name.slice(Math.max(name.lastIndexOf("."), name.lastIndexOf("->")) + 1);
  const isPassword = PASSWORD_NAME.test(last);
  const isStrong = STRONG_NAME.test(last) || /(?:secret|token|key|credential)[\w-]{0,8}$/i.test(last) && /secret|credential/i.test(name);
  if (!isPassword && !isStrong && !WEAK_NAME.test(last)) return null;
  if (value.length < 6 || NO_SECRET.test(last) || PLACEHOLDER.test(value) || LOCATION.test(value) || FILE_NAME.test(value) || DIGEST.test(value) || QUANTITY.test(value)) return null;
  if (/\s/.test(value) && !/^(?:[a-z]+ ){11,23}[a-z]+$/.test(value)) return null;
  if (isPassword) return isPasswordLike(last, value, quoted) ? "password" : null;
  if (UUID.test(value)) return isStrong && !/session|webhook|user|project|org|team/i.test(last) ? "named-secret" : null;
  if (value.length < 14 || !looksDrawn(value) || entropy(value) < CONTEXT_ENTROPY) return null;
  // Without quotes a drawn-looking word may be a variable; generators put several digits into theirs.
  if (!quoted && /^[A-Za-z_][\w.]*$/.test(value) && !/\d.*\d/.test(value)) return null;
  if (isStrong) return "named-secret";
  // "key" alone is more often a name for looking things up: what it opens must look like a long draw.
  return value.length >= 24 && texture(value).changes >= 0.2 && !/hash|sha|cache|sum|commit|integrity/i.test(line) ? "named-secret" : null;
}

function isPasswordLike(name: string, value: string, quoted: boolean): boolean {
  const kinds = Number(/[a-z]/.test(value)) + Number(/[A-Z]/.test(value)) + Number(/\d/.test(value)) + Number(/[^A-Za-z0-9]/.test(value));
  if (/hash|digest|encrypted/i.test(name) || value.length < 7) return false;
  // A typed word is a password only in quotes or in a settings line; a type name or a variable is none.
  if (quoted) return kinds >= 2 && /\d|[^A-Za-z0-9_.\-\s]/.test(value) && !/^[a-z]+(?:[-_.][a-z]+)+$/i.test(value);
  if (/^[A-Z][A-Z0-9_]*$/.test(name)) return /\d/.test(value) && kinds >= 2 || kinds >= 3;
  return /\d/.test(value) && kinds >= 3 && !/^[A-Za-z_][\w.]*$/.test(value) || /\d.*\d/.test(value) && looksDrawn(value);
}

function lineOf(text: string, at: number): string {
  const from = text.lastIndexOf("\n", at) + 1;
  return text.slice(Math.max(from, at - 100), at + 60);
}
