// Writes a set for `kalactica evaluate safety`: drawn keys where people leave them, and what looks like keys and is none.
// Half of the shaped kinds are meant for rules that are held out by name; see README.md. Usage: node tools/screens/secretCases.ts --seed 1 > FILE.jsonl
import { parseArgs } from "node:util";
import { SeededRandom } from "../../src/engine/base/random.ts";
import { draw, SHAPED, UNSHAPED } from "./drawnKeys.ts";

const { values } = parseArgs({ options: { seed: { type: "string", default: "1" }, each: { type: "string", default: "4" } } });
const random = new SeededRandom(Number(values.seed));
const pick = <T>(items: readonly T[]): T => items[random.integer(items.length)] as T;
const camel = (name: string): string => name.toLowerCase().replace(/[_-](\w)/g, (_, letter: string) => letter.toUpperCase());

/** Where keys stand: a name and a value in languages, settings, logs and commands. */
const PLACES: readonly ((name: string, value: string) => string)[] = [
  (name, value) => `import os\n\n${name.replaceAll("-", "_")} = "${value}"\nclient = Client(timeout=30)\n`,
  (name, value) => `const ${camel(name)} = '${value}';\nexport const client = createClient({ region: "eu" });`,
  (name, value) => `# local settings\nPORT=8080\n${name.replaceAll("-", "_").toUpperCase()}=${value}\nDEBUG=true\n`,
  (name, value) => `services:\n  web:\n    environment:\n      - ${name}=${value}\n      - LOG_LEVEL=info\n`,
  (name, value) => `server:\n  port: 3000\n${name}: ${value}\nlog:\n  level: warn\n`,
  (name, value) => `{\n  "endpoint": "https://api.internal/v2",\n  "${camel(name)}": "${value}",\n  "retries": 3\n}`,
  (name, value) => `public class Settings {\n  private static final String ${name.replaceAll("-", "_").toUpperCase()} = "${value}";\n}`,
  (name, value) => `func main() {\n\t${camel(name)} := "${value}"\n\trun(${camel(name)})\n}`,
  (name, value) => `2026-03-02T10:11:12Z INFO worker started ${name}=${value} pid=4411`,
  (name, value) => `export ${name.replaceAll("-", "_")}="${value}"\n./deploy.sh --stage prod`,
  (name, value) => `[default]\nregion = eu-west-1\n${name} = ${value}\n`,
  (name, value) => `resource "app" "main" {\n  name = "web"\n  ${name.replaceAll("-", "_")} = "${value}"\n}`,
  (name, value) => `config.set("${name}", "${value}")\nconfig.save()`,
  (name, value) => `<configuration>\n  <appSettings>\n    <add key="${name}" value="${value}" />\n  </appSettings>\n</configuration>`,
];

/** What looks like a key and is none. */
const HARMLESS: readonly (() => [family: string, text: string])[] = [
  () => ["placeholder", `${pick(["API_KEY", "GITHUB_TOKEN", "DB_PASSWORD", "client_secret"])}=${pick(["your-api-key-here", "<your token>", "changeme", "xxxxxxxxxxxxxxxxxxxxxxxx", "${SECRET}", "REPLACE_ME", "ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", "sk-your-key-goes-here-1234", "AKIAIOSFODNN7EXAMPLE"])}\n`],
  () => ["reference", pick(["const apiKey = process.env.API_KEY;", "token = os.environ[\"API_TOKEN\"]", "password: ${{ secrets.DB_PASSWORD }}", "secret = vault.read('kv/app')['secret']", "api_key = settings.OPENAI_API_KEY", "privateKey: fs.readFileSync(keyPath)", "token: { type: String, required: true }"])],
  () => ["sha256", draw(`{\n  "name": "pkg",\n  "sha256": "{x:64}"\n}`, random)],
  () => ["git-sha", draw(`commit {x:40}\nAuthor: A Person\n\n    Fix the key cache\n`, random)],
  () => ["integrity", draw(`"node_modules/jsontokens": {\n  "version": "4.0.1",\n  "resolved": "https://registry.npmjs.org/jsontokens/-/jsontokens-4.0.1.tgz",\n  "integrity": "sha512-{s:86}=="\n}`, random)],
  () => ["go-sum", draw(`github.com/golang-jwt/jwt v3.2.2+incompatible h1:{s:43}=\ngithub.com/golang-jwt/jwt v3.2.2+incompatible/go.mod h1:{s:43}=`, random)],
  () => ["uuid", draw(`{"id": "${UUID}", "user_id": "${UUID}", "token_count": 12}`, random)],
  () => ["data-url", draw(`<img src="data:image/png;base64,iVBORw0KGgoAAAANSUhEUg{s:300}=" alt="key icon">`, random)],
  () => ["public-key", draw(`ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABgQ{s:340} key@host`, random)],
  () => ["certificate", draw(`-----BEGIN CERTIFICATE-----\n{s:64}\n{s:64}\n{s:64}\n-----END CERTIFICATE-----`, random)],
  () => ["minified", draw(`!function(e,t){var n=e.token,r={};r.key=function(e){return t[e]},a=n.k{l:4}||"{l:3}",i.exports={passwordToken:a,k{d:2}:r}}(this,{l:2});`, random)],
  () => ["etag", draw(`ETag: "{x:32}"\nX-Request-Id: ${UUID}\nCache-Key: assets/{x:8}.js`, random)],
  () => ["asset", draw(`<script src="/assets/token-list.{x:8}.js" integrity="sha384-{s:64}" crossorigin></script>`, random)],
  () => ["docker-digest", draw(`FROM node:22@sha256:{x:64}\nLABEL token.issuer=internal`, random)],
  () => ["code", pick(["if (password.length < PASSWORD_MIN_LENGTH) throw new Error(\"password too short\");", "def get_token(self, token_id: str) -> Token:\n    return self.tokens[token_id]", "max_tokens = 4096\ntokenizer = AutoTokenizer.from_pretrained('gpt2')", "const cacheKey = `user:${id}:profile`;", "key = \"ctrl+shift+p\"\ncommand = \"workbench.action.showCommands\"", "<input type=\"password\" name=\"password\" placeholder=\"Your password\" autocomplete=\"current-password\">", "primaryKey: 'organization_membership_id',\nforeignKey: 'organization_id_2024',", "kms_key_id = aws_kms_key.main.key_id\nsecret_name = \"prod/database/credentials\"", "password_hash = hash_password(password, salt)\nverify(password_hash)", "case TokenKind.KeywordSecret: return \"secretKeyword\";"])],
  () => ["public-id", draw(pick(["STRIPE_PUBLISHABLE_KEY=pk_live_{b:24}", "ga_id: UA-{d:8}-1\nsite_key: public-recaptcha", "public_key = \"{s:44}\"", "key_id = \"{x:16}\"", "posthog.init('phc_{b:43}')", "\"keyFingerprint\": \"SHA256:{s:43}\""]), random)],
  () => ["documentation", pick(["Set the `API_KEY` environment variable to the key that the console shows.", "The password must be at least 12 characters and hold a digit.", "Tokens expire after 3600 seconds; refresh them with the refresh token.", "Never commit secrets: use `git-crypt` or a vault instead of a `.env` file.", "| `token` | string | The access token of the bot |"])],
  () => ["test-hash", draw(`assert.equal(hash("password"), "{x:64}");\nassert.equal(md5("secret"), "{x:32}");`, random)],
];
const UUID = "{x:8}-{x:4}-4{x:3}-a{x:3}-{x:12}";

let id = 0;
const row = (text: string, label: string, family: string, place: string): void => console.log(JSON.stringify({ id: `s${id++}`, detector: "secret", text, label, family, place }));
for (const [place, kinds] of [["shaped", SHAPED], ["unshaped", UNSHAPED]] as const) {
  for (const [kind, shape, name] of kinds) for (let i = 0; i < Number(values.each); i++) row(pick(PLACES)(name, draw(shape, random)), "secret", kind, place);
}
for (let i = 0; i < 25 * Number(values.each); i++) {
  const [family, text] = HARMLESS[i % HARMLESS.length]?.() ?? ["", ""];
  row(text, "benign", family, "harmless");
}
