// Finds keys, tokens, private keys and passwords in text and takes them out, before the text enters a prompt, a history or a log.
// By the published formats of their issuers, and by context with entropy. It does not decide what is done about them.
import { eachMatch } from "./matches.ts";

/** Where a secret stands, in UTF-16 offsets. */
export interface SecretSpan {
  start: number;
  end: number;
  /** For example "aws-access-key", "private-key", "password". */
  kind: string;
}

/** Text beyond this is not looked at by one call; `complete` then is false. */
export const MAXIMUM_SCANNED_CHARACTERS = 1_000_000;
/** Shannon entropy, bits per character, above which a value beside a telling name counts. English words are near 3, random base64 near 5. Our choice. */
export const CONTEXT_ENTROPY = 3.0;

/** A format published by its issuer: what matches is a secret whatever stands around it. */
const FORMATS: readonly (readonly [kind: string, pattern: RegExp])[] = [
  ["private-key", /-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----[\s\S]{0,8000}?(?:-----END (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----|$)/g],
  ["aws-access-key", /(?<![A-Za-z0-9])(?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16}(?![A-Za-z0-9])/g],
  ["github-token", /(?<![A-Za-z0-9])(?:gh[pousr]_[A-Za-z0-9]{36,255}|github_pat_[A-Za-z0-9_]{60,255})/g],
  ["gitlab-token", /(?<![A-Za-z0-9])gl(?:pat|dt|rt|cbt|ptt|ft|soat)-[\w-]{20,}/g],
  ["slack-token", /(?<![A-Za-z0-9])xox[abeoprs](?:-[A-Za-z0-9-]{10,})|xapp-\d-[A-Z0-9]+-\d+-[a-z0-9]+/g],
  ["slack-webhook", /https:\/\/hooks\.slack\.com\/(?:services|workflows|triggers)\/[A-Za-z0-9+/]{20,}/g],
  ["stripe-key", /(?<![A-Za-z0-9])(?:sk|rk|whsec)_(?:live_|test_|prod_)?[A-Za-z0-9]{20,}/g],
  ["anthropic-key", /(?<![A-Za-z0-9])sk-ant-[\w-]{20,}/g],
  ["openai-key", /(?<![A-Za-z0-9])sk-(?:proj-|svcacct-|admin-|or-v1-)?[A-Za-z0-9_-]{20,}/g],
  ["google-key", /(?<![A-Za-z0-9])AIza[\w-]{35}|(?<![A-Za-z0-9])GOCSPX-[\w-]{28}|(?<![A-Za-z0-9])ya29\.[\w-]{30,}/g],
  ["npm-token", /(?<![A-Za-z0-9])npm_[A-Za-z0-9]{36}/g],
  ["pypi-token", /(?<![A-Za-z0-9])pypi-[\w-]{50,}/g],
  ["hugging-face-token", /(?<![A-Za-z0-9])(?:hf|api_org)_[A-Za-z0-9]{30,}/g],
  ["sendgrid-key", /(?<![A-Za-z0-9])SG\.[\w-]{16,}\.[\w-]{30,}/g],
  ["twilio-key", /(?<![A-Za-z0-9])SK[0-9a-f]{32}(?![0-9a-f])/g],
  ["telegram-token", /(?<![A-Za-z0-9])\d{8,10}:AA[\w-]{32,33}(?![\w-])/g],
  ["discord-token", /(?<![A-Za-z0-9])[MNO][A-Za-z\d_-]{23,25}\.[\w-]{6}\.[\w-]{27,38}(?![\w-])/g],
  ["digitalocean-token", /(?<![A-Za-z0-9])do[opr]_v1_[a-f0-9]{64}/g],
  ["shopify-token", /(?<![A-Za-z0-9])shp(?:at|ca|pa|ss)_[a-fA-F0-9]{32}/g],
  ["vault-token", /(?<![A-Za-z0-9])hv[sbr]\.[\w-]{24,}/g],
  ["databricks-token", /(?<![A-Za-z0-9])dapi[0-9a-f]{32}/g],
  ["docker-token", /(?<![A-Za-z0-9])dckr_(?:pat|oat)_[\w-]{27,}/g],
  ["linear-key", /(?<![A-Za-z0-9])lin_(?:api|oauth)_[A-Za-z0-9]{32,}/g],
  ["new-relic-key", /(?<![A-Za-z0-9])NRAK-[A-Z0-9]{27}/g],
  ["postman-key", /(?<![A-Za-z0-9])PMAK-[a-f0-9]{24}-[a-f0-9]{34}/g],
  ["age-key", /AGE-SECRET-KEY-1[QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L]{58}/g],
  ["azure-key", /(?:AccountKey|SharedAccessKey)=[A-Za-z0-9+/]{40,}={0,2}/g],
  ["json-web-token", /(?<![A-Za-z0-9])eyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]{16,}/g],
];

const URL_PASSWORD = /(?<=\b[a-z][a-z0-9+.-]{1,20}:\/\/[^\s:@/'"`<>]{0,80}:)(?!\$|\{|<|%s)[^\s:@/'"`<>${}]{3,120}(?=@[\w.-])/g;

/** A telling name, then a value. The value is judged by {@link isLikelySecret}. */
const NAMED_VALUE = /(?<![\w.-])(?<name>[\w.-]{0,60}?(?:pass(?:word|wd|phrase)?|pwd|secret|token|api[_-]?key|apikey|access[_-]?key|auth[_-]?key|private[_-]?key|client[_-]?secret|credentials?|signing[_-]?key|encryption[_-]?key|account[_-]?key)[\w.-]{0,20})["'`]?\]?\s{0,3}(?::=|=>|[:=])\s{0,3}(?:[\w.]{1,20}\()?(?<quote>["'`]?)(?<value>[^\s"'`,;(){}<>]{6,200})\k<quote>/gi;
const AUTHORIZATION = /\b(?:authorization|x-api-key|x-auth-token)["'`]?\s*[:=,]\s*["'`]?(?:bearer|basic|token)?\s*(?<value>[A-Za-z0-9+/_.=-]{16,300})/gi;
const BEARER = /\bbearer\s+(?<value>[A-Za-z0-9+/_.=-]{20,300})/gi;

/** One of these words is in everything that the three patterns above can match; most text has none and is passed over quickly. */
const SPEAKS_OF_SECRETS = /pass|pwd|secret|token|key|credential|authorization|bearer/i;

/** Values that stand for a secret rather than being one. */
const PLACEHOLDER = /^(?:[*•.x_-]+|(?:your|my|the|some|an?)[-_ ].*|.*(?:change[-_]?me|placeholder|example|dummy|sample|redacted|insert[-_]|replace[-_]|goes[-_]?here|todo|fixme|xxxx|\*\*\*\*|1234567|abcdefg).*|(?:test|fake|foo|bar|none|null|undefined|true|false|string|secret|password|passwd|token)\w{0,3}|\$.*|%.*|#.*|<.*|\{.*|process\.env.*|os\.environ.*|env[.[(].*|config[.[(].*|import\.meta.*|self\..*|this\..*|[a-z_]+\.[\w.]+\(?.*|\w+\[.*|.*\(.*)$/i;

/** The secrets of `text`, in order, not overlapping. `complete` is false where the text was too long to be looked at whole. */
export function findSecrets(text: string): { spans: SecretSpan[]; complete: boolean } {
  const complete = text.length <= MAXIMUM_SCANNED_CHARACTERS;
  const scanned = complete ? text : text.slice(0, MAXIMUM_SCANNED_CHARACTERS);
  const spans: SecretSpan[] = [];
  for (const [kind, pattern] of FORMATS) {
    eachMatch(pattern, scanned, ({ index, 0: found }) => spans.push({ start: index, end: index + found.length, kind }));
  }
  if (scanned.includes("://")) eachMatch(URL_PASSWORD, scanned, ({ index, 0: found }) => spans.push({ start: index, end: index + found.length, kind: "url-password" }));
  if (SPEAKS_OF_SECRETS.test(scanned)) {
    eachMatch(NAMED_VALUE, scanned, (match) => {
      const { name = "", value = "", quote = "" } = match.groups ?? {};
      if (!isLikelySecret(name, value, quote !== "")) return;
      const start = match.index + match[0].lastIndexOf(value);
      spans.push({ start, end: start + value.length, kind: /pass|pwd/i.test(name) ? "password" : "named-secret" });
    });
    for (const pattern of [AUTHORIZATION, BEARER]) {
      eachMatch(pattern, scanned, (match) => {
        const value = match.groups?.["value"] ?? "";
        if (PLACEHOLDER.test(value) || entropy(value) < CONTEXT_ENTROPY || !/\d/.test(value)) return;
        const start = match.index + match[0].lastIndexOf(value);
        spans.push({ start, end: start + value.length, kind: "authorization" });
      });
    }
  }
  return { spans: merged(spans), complete };
}

/** `text` with each secret replaced by `<redacted:kind>`; the spans are those in the given text. What was not scanned is cut off. */
export function redactSecrets(text: string): { text: string; spans: SecretSpan[] } {
  const { spans, complete } = findSecrets(text);
  if (spans.length === 0 && complete) return { text, spans };
  let out = "";
  let at = 0;
  for (const span of spans) {
    out += `${text.slice(at, span.start)}<redacted:${span.kind}>`;
    at = span.end;
  }
  // Unchecked text never passes for checked text.
  return { text: out + text.slice(at, MAXIMUM_SCANNED_CHARACTERS) + (complete ? "" : "…"), spans };
}

/** Shannon entropy of the characters of `text`, in bits per character. */
export function entropy(text: string): number {
  const counts = new Map<string, number>();
  let n = 0;
  for (const character of text) {
    counts.set(character, (counts.get(character) ?? 0) + 1);
    n++;
  }
  let bits = 0;
  for (const count of counts.values()) bits -= (count / n) * Math.log2(count / n);
  return bits;
}

function isLikelySecret(name: string, value: string, quoted: boolean): boolean {
  if (PLACEHOLDER.test(value)) return false;
  // "token_count = 5", "passwordField: FormControl", "max_tokens=512", "tokenizer = …"
  if (/tokens$|tokeni[sz]|token(?:Count|Type|Id|Limit|_count|_type|_ids?|_limit|s?_per)|password(?:Field|Input|Label|Hash|_field|_input|_label|Reset|Policy|Min|Max)|secret(?:Name|_name|Ref|KeyRef)|(?:file|path|dir|url|uri|name|id|type|length|size|regex|pattern|index|pos|position|format|header|prefix|label|title|text|message|description|placeholder)$/i.test(name)) return false;
  const kinds = Number(/[a-z]/.test(value)) + Number(/[A-Z]/.test(value)) + Number(/\d/.test(value)) + Number(/[^A-Za-z0-9]/.test(value));
  if (/pass|pwd/i.test(name)) {
    // A typed word is a password only in quotes or in a settings line; a type name or a variable is none.
    return quoted ? value.length >= 8 && (kinds >= 2 && /\d|[^A-Za-z0-9_.\-\s]/.test(value)) : /\d/.test(value) && kinds >= 3 && value.length >= 8 && !/^[\w.]+$/.test(value) || (/^[A-Z_]+$/.test(name) && /\d/.test(value) && kinds >= 2);
  }
  if (value.length < 16 || !/\d/.test(value) || !/[A-Za-z]/.test(value)) return false;
  if (!quoted && /^[A-Za-z_]\w*$/.test(value) && !/\d.*\d.*\d/.test(value)) return false;
  return entropy(value) >= CONTEXT_ENTROPY && !/^(?:https?:\/\/|\.{0,2}\/|[A-Za-z]:\\)/.test(value);
}

function merged(spans: SecretSpan[]): SecretSpan[] {
  const ordered = spans.sort((a, b) => a.start - b.start || b.end - a.end);
  const kept: SecretSpan[] = [];
  for (const span of ordered) {
    const last = kept.at(-1);
    if (last && span.start < last.end) last.end = Math.max(last.end, span.end);
    else kept.push({ ...span });
  }
  return kept;
}
