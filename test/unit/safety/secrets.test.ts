import assert from "node:assert/strict";
import { screenCompletion } from "../../../src/engine/safety/completionScreen.ts";
import { findSecrets, MAXIMUM_SCANNED_CHARACTERS, redactSecrets } from "../../../src/engine/safety/secrets.ts";
import { entropy } from "../../../src/engine/safety/secrets/randomness.ts";

// Put together here, so that no scanner takes this file for a leak.
const join = (...parts: string[]): string => parts.join("");
const RANDOM = "q7Zk2mX9vB4nL8sT1wR6yC3pD5fG0hJkM2aE";
const SECRETS: [kind: string, text: string, secret: string][] = [
  ["aws-access-key", `id = ${join("AK", "IAQ3EGRZT5XK7WPLMB")}`, join("AK", "IAQ3EGRZT5XK7WPLMB")],
  ["github-token", `git clone with ${join("gh", "p_", RANDOM)}`, join("gh", "p_", RANDOM)],
  ["gitlab-token", join("gl", "pat-", RANDOM.slice(0, 20)), join("gl", "pat-", RANDOM.slice(0, 20))],
  ["slack-token", join("xo", "xb-", "123456789012-abcdefABCDEF"), join("xo", "xb-", "123456789012-abcdefABCDEF")],
  ["stripe-key", join("sk", "_live_", RANDOM.slice(0, 24)), join("sk", "_live_", RANDOM.slice(0, 24))],
  ["openai-key", `key: ${join("sk", "-proj-", RANDOM)}`, join("sk", "-proj-", RANDOM)],
  ["google-key", join("AI", "za", RANDOM.slice(0, 35)), join("AI", "za", RANDOM.slice(0, 35))],
  ["npm-token", `//registry:_authToken=${join("np", "m_", RANDOM)}`, join("np", "m_", RANDOM)],
  ["json-web-token", join("ey", "JhbGciOiJIUzI1NiJ9", ".ey", "JzdWIiOiIxMjM0NTY3ODkwIn0", ".", RANDOM), join("ey", "JhbGciOiJIUzI1NiJ9", ".ey", "JzdWIiOiIxMjM0NTY3ODkwIn0", ".", RANDOM)],
  ["private-key", `x\n${join("-----BEGIN ", "RSA PRIVATE KEY-----")}\nMIIEow\nabc\n${join("-----END ", "RSA PRIVATE KEY-----")}\ny`, "MIIEow\nabc"],
  ["url-password", "postgres://admin:S3cr3t-Pa55@db.internal:5432/x", "S3cr3t-Pa55"],
  ["password", "DB_PASSWORD=\"tr0ub4dor&3xyz\"", "tr0ub4dor&3xyz"],
  ["password", "password: 'c0rrect-horse-9'", "c0rrect-horse-9"],
  ["named-secret", `const apiKey = "${RANDOM}"`, RANDOM],
  ["named-secret", `client_secret: ${RANDOM}`, RANDOM],
  ["named-secret", `{"accessKey": "${RANDOM}"}`, RANDOM],
  ["authorization", `Authorization: Bearer ${RANDOM}`, RANDOM],
];

const INNOCENT = [
  "const password = process.env.DB_PASSWORD", "password = os.environ['PASSWORD']", "api_key = \"your-api-key-here\"", "token: string", "max_tokens = 512", "tokenizer = AutoTokenizer.from_pretrained(name)",
  "passwordField.addEventListener('input', onInput)", "const token = tokens[index]", "secret = \"${SECRET}\"", "apiKey: config.get('apiKey')", "password: \"<password>\"", "const tokenType = \"Bearer\"",
  "sha256 = \"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08\"", "git commit 4915cea9d3bb1a3bd2b6dc4c4d7c1f5e95ac2401", "import { token } from './token.ts'", "if (password === confirmPassword) return",
  "https://example.com/path?query=1", "PASSWORD_MIN_LENGTH = 12", "secretName: my-kubernetes-secret", "const passwordRegex = /^[a-z0-9]{8,}$/", "token = getToken(user)", "auth_token = self.auth_token", "password: passwordHash",
  "key = \"ctrl+shift+p\"", "id: 550e8400-e29b-41d4-a716-446655440000", "- token: the access token of the user", "password = input(\"Password: \")",
];

describe("findSecrets", () => {
  for (const [kind, text, secret] of SECRETS) {
    it(`finds a ${kind} in ${JSON.stringify(text.slice(0, 24))}…`, () => {
      const { spans } = findSecrets(text);
      assert.deepEqual(spans.map((span) => span.kind), [kind]);
      const { text: redacted } = redactSecrets(text);
      assert.ok(!redacted.includes(secret), redacted);
      assert.ok(redacted.includes(`<redacted:${kind}>`), redacted);
    });
  }
  for (const text of INNOCENT) {
    it(`leaves ${JSON.stringify(text.slice(0, 48))} alone`, () => assert.deepEqual(findSecrets(text).spans, []));
  }

  it("keeps the text around a secret", () => {
    assert.equal(redactSecrets("a postgres://u:S3cr3t-Pa55@h b").text, "a postgres://u:<redacted:url-password>@h b");
  });

  it("redacts a private key that is cut off", () => {
    assert.ok(!redactSecrets(`${join("-----BEGIN ", "PRIVATE KEY-----")}\nMIIEowIBAAKCAQEA`).text.includes("MIIE"));
  });

  it("is bounded: what was not scanned does not pass for checked", () => {
    const text = `${"x ".repeat(MAXIMUM_SCANNED_CHARACTERS)}password: 'c0rrect-horse-9'`;
    const begun = performance.now();
    const redacted = redactSecrets(text).text;
    assert.ok(performance.now() - begun < 3_000, `${performance.now() - begun} ms`);
    assert.equal(findSecrets(text).complete, false);
    assert.ok(!redacted.includes("c0rrect-horse-9"));
  });

  it("is not slowed down by adversarial text", () => {
    for (const text of ["password".repeat(5_000), "a:".repeat(20_000), `password=${"a".repeat(40_000)}`, "://".repeat(15_000), "eyJ".repeat(15_000), "sk-".repeat(15_000), "-----BEGIN PRIVATE KEY-----".repeat(1_000), "x".repeat(50_000), "a://".repeat(10_000), "token = ".repeat(5_000)]) {
      // Processor time: the machine that runs this may be busy.
      const begun = process.cpuUsage();
      findSecrets(text);
      const ms = process.cpuUsage(begun).user / 1_000;
      assert.ok(ms < 400, `${text.slice(0, 12)}… took ${Math.round(ms)} ms`);
    }
  });

  it("computes the entropy of characters", () => {
    assert.equal(entropy("aaaa"), 0);
    assert.equal(entropy("abcd"), 2);
    assert.ok(entropy(RANDOM) > 4.5);
  });
});

describe("screenCompletion", () => {
  it("blocks a suggestion that holds a secret, with its span", () => {
    const text = `return "${join("gh", "p_", RANDOM)}";`;
    const verdict = screenCompletion(text);
    assert.equal(verdict.action, "block");
    assert.deepEqual(verdict.checks[0]?.span, { start: 8, end: text.length - 2 });
  });

  it("lets code through", () => {
    assert.equal(screenCompletion("  return tokens.map((token) => token.text);\n").action, "allow");
  });

  it("does not show what is too long to be checked", () => {
    assert.equal(screenCompletion("x".repeat(20_000)).action, "block");
  });

  it("takes about a millisecond", () => {
    const text = "const total = items.reduce((sum, item) => sum + item.price * item.count, 0);\n".repeat(6);
    for (let i = 0; i < 50; i++) screenCompletion(text);
    const times = Array.from({ length: 101 }, () => screenCompletion(text).ms).sort((a, b) => a - b);
    assert.ok((times[50] ?? 0) < 1, `median ${times[50]} ms`);
  });
});
