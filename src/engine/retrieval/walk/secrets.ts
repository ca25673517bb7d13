// Recognises files that hold secrets, so that they never enter the index: by name, and by patterns so specific that a
// match is hardly ever anything else. Screening of questions and answers is the safety room's.

const SECRET_NAMES: readonly RegExp[] = [
  /^\.env(\..+)?$/i, /\.(pem|key|p12|pfx|jks|keystore|kdbx|ppk|asc|gpg)$/i, /^id_(rsa|dsa|ecdsa|ed25519)$/i,
  /^\.(npmrc|pypirc|netrc|_netrc|git-credentials|htpasswd|pgpass|my\.cnf|s3cfg|boto)$/i, /^(credentials|kubeconfig|htpasswd)$/i,
  /^(secrets?|credentials?)\.(json|ya?ml|toml|ini|properties|xml)$/i, /service[-_]?account.*\.json$/i, /\.tfstate(\.backup)?$/i, /\.tfvars$/i,
];
/** Templates of such files hold no secrets and are worth reading. */
const TEMPLATE_NAME = /\.(example|sample|template|dist|defaults?)$|^\.env\.(example|sample|template|dist|defaults?|test)$/i;

/** Whether a file is left unread because its name says that it holds secrets. */
export function isSecretFile(path: string): boolean {
  const base = path.slice(path.lastIndexOf("/") + 1);
  return !TEMPLATE_NAME.test(base) && SECRET_NAMES.some((pattern) => pattern.test(base));
}

const SECRET_PATTERNS: readonly { kind: string; pattern: RegExp }[] = [
  // With a line of base64 after it: code that only names the header is no key.
  { kind: "private key", pattern: /-----BEGIN (?:[A-Z]+ )?PRIVATE KEY(?: BLOCK)?-----(?:\\n|\s)+[A-Za-z0-9+/=]{40,}/ },
  { kind: "AWS access key", pattern: /\b(?:AKIA|ASIA)[0-9A-Z]{16}\b/ },
  { kind: "GitHub token", pattern: /\b(?:gh[pousr]_[A-Za-z0-9]{36}|github_pat_[A-Za-z0-9_]{60,})\b/ },
  { kind: "GitLab token", pattern: /\bglpat-[A-Za-z0-9_-]{20}\b/ },
  { kind: "Slack token", pattern: /\bxox[abprs]-[0-9]{8,}-[0-9A-Za-z-]{20,}/ },
  { kind: "Stripe key", pattern: /\b[sr]k_live_[0-9A-Za-z]{24,}\b/ },
  { kind: "Google API key", pattern: /\bAIza[0-9A-Za-z_-]{35}\b/ },
  { kind: "npm token", pattern: /\bnpm_[A-Za-z0-9]{36}\b/ },
  { kind: "OpenAI or Anthropic key", pattern: /\bsk-(?:ant-|proj-)[A-Za-z0-9_-]{40,}/ },
  { kind: "Google service account", pattern: /"private_key"\s*:\s*"-----BEGIN/ },
];

/** The first secret in `text` and its line (1-based), or null. Documented examples and obvious placeholders do not count. */
export function findSecret(text: string): { kind: string; line: number } | null {
  for (const { kind, pattern } of SECRET_PATTERNS) {
    for (const match of text.matchAll(new RegExp(pattern, "g"))) {
      if (isPlaceholder(match[0])) continue;
      return { kind, line: text.slice(0, match.index).split("\n").length };
    }
  }
  return null;
}

/** "…EXAMPLE", "xxxxxxxx", "1234567890", or so few different characters that nobody generated it. */
function isPlaceholder(secret: string): boolean {
  const tail = secret.slice(-20);
  return /example|sample|dummy|fake|x{6,}|0{6,}|1234567890|abcdefgh/i.test(secret) || new Set(tail).size < 8;
}
