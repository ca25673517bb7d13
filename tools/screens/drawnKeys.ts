// Draws values of the documented shapes of keys, none of them real: the alphabet and length of each part are the issuer's, the
// characters a seeded generator's. For measuring how secrets are found; nothing here is trained on or shipped.
import type { SeededRandom } from "../../src/engine/base/random.ts";

const SETS: Readonly<Record<string, string>> = {
  a: "abcdefghijklmnopqrstuvwxyz0123456789", A: "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", x: "0123456789abcdef", X: "0123456789ABCDEF", d: "0123456789",
  b: "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789", u: "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_", s: "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
  t: "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", l: "abcdefghijklmnopqrstuvwxyz", c: "QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L",
};

/** `{set:n}` draws n characters of a set; everything else stands as it is. */
export function draw(shape: string, random: SeededRandom): string {
  return shape.replace(/\{(\w):(\d+)\}/g, (_, set: string, n: string) => {
    const alphabet = SETS[set] ?? "";
    return Array.from({ length: Number(n) }, () => alphabet[random.integer(alphabet.length)] ?? "").join("");
  });
}

const UUID = "{x:8}-{x:4}-4{x:3}-a{x:3}-{x:12}";

/** Kinds with a shape of their own: name, shape, the name of a variable that holds it. */
export const SHAPED: readonly (readonly [kind: string, shape: string, name: string])[] = [
  ["aws-access-key", "AKIA{t:16}", "AWS_ACCESS_KEY_ID"], ["github", "ghp_{b:36}", "GITHUB_TOKEN"], ["github-fine", "github_pat_{b:22}_{b:59}", "GH_PAT"], ["gitlab", "glpat-{u:20}", "GITLAB_TOKEN"],
  ["slack", "xoxb-{d:12}-{d:12}-{b:24}", "SLACK_BOT_TOKEN"], ["slack-webhook", "https://hooks.slack.com/services/T{A:8}/B{A:10}/{b:24}", "slack_url"], ["stripe", "sk_live_{b:24}", "STRIPE_SECRET"], ["stripe-restricted", "rk_live_{b:24}", "stripe_key"],
  ["anthropic", "sk-ant-api03-{u:93}AA", "ANTHROPIC_API_KEY"], ["openai", "sk-proj-{b:48}", "OPENAI_API_KEY"], ["google", "AIza{u:35}", "GOOGLE_MAPS_KEY"], ["google-oauth", "GOCSPX-{u:28}", "client_secret"],
  ["npm", "npm_{b:36}", "NPM_TOKEN"], ["pypi", "pypi-AgEIcHlwaS5vcmc{u:70}", "TWINE_PASSWORD"], ["hugging-face", "hf_{b:34}", "HF_TOKEN"], ["sendgrid", "SG.{u:22}.{u:43}", "SENDGRID_API_KEY"],
  ["twilio", "SK{x:32}", "TWILIO_API_KEY"], ["telegram", "{d:10}:AA{u:33}", "BOT_TOKEN"], ["discord-webhook", "https://discord.com/api/webhooks/{d:18}/{u:68}", "hook"], ["digitalocean", "dop_v1_{x:64}", "DO_TOKEN"],
  ["shopify", "shpat_{x:32}", "SHOPIFY_ACCESS_TOKEN"], ["vault", "hvs.{u:24}", "VAULT_TOKEN"], ["databricks", "dapi{x:32}", "DATABRICKS_TOKEN"], ["docker", "dckr_pat_{u:27}", "DOCKER_PASSWORD"],
  ["linear", "lin_api_{b:40}", "LINEAR_API_KEY"], ["new-relic", "NRAK-{A:27}", "NEW_RELIC_API_KEY"], ["postman", "PMAK-{x:24}-{x:34}", "POSTMAN_KEY"], ["age", "AGE-SECRET-KEY-1{c:58}", "identity"],
  ["azure-storage", "DefaultEndpointsProtocol=https;AccountName=store{d:3};AccountKey={s:86}==;EndpointSuffix=core.windows.net", "AZURE_STORAGE"], ["azure-client", "{b:3}8Q~{u:34}", "AZURE_CLIENT_SECRET"], ["grafana", "glsa_{b:32}_{x:8}", "GRAFANA_TOKEN"],
  ["dynatrace", "dt0c01.{A:24}.{A:64}", "DT_TOKEN"], ["doppler", "dp.pt.{b:43}", "DOPPLER_TOKEN"], ["pulumi", "pul-{x:40}", "PULUMI_ACCESS_TOKEN"], ["planetscale", "pscale_tkn_{u:43}", "PLANETSCALE"], ["airtable", "pat{b:14}.{x:64}", "AIRTABLE_KEY"],
  ["figma", "figd_{u:40}", "FIGMA_TOKEN"], ["notion", "ntn_{b:46}", "NOTION_TOKEN"], ["rubygems", "rubygems_{x:48}", "GEM_KEY"], ["mailgun", "key-{x:32}", "MAILGUN_KEY"], ["mailchimp", "{x:32}-us14", "MAILCHIMP"],
  ["brevo", "xkeysib-{x:64}-{b:16}", "BREVO_KEY"], ["square", "sq0csp-{u:43}", "SQUARE_SECRET"], ["plaid", `access-production-${UUID}`, "plaid_access"], ["terraform", "{b:14}.atlasv1.{b:67}", "TFC_TOKEN"], ["atlassian", "ATATT3xFfGF0{u:180}", "JIRA_TOKEN"],
  ["bitbucket", "ATBB{b:32}", "BITBUCKET_APP_PASSWORD"], ["circleci", "CCIPAT_{b:22}_{x:40}", "CIRCLE_TOKEN"], ["sonar", "sqp_{x:40}", "SONAR_TOKEN"], ["sentry", "sntryu_{x:64}", "SENTRY_AUTH_TOKEN"], ["supabase", "sbp_{x:40}", "SUPABASE"],
  ["groq", "gsk_{b:52}", "GROQ"], ["replicate", "r8_{b:37}", "REPLICATE"], ["langsmith", "lsv2_pt_{x:32}_{x:10}", "LANGSMITH"], ["hubspot", `pat-na1-${UUID}`, "HUBSPOT"], ["alibaba", "LTAI{b:20}", "ALIYUN"], ["tailscale", "tskey-auth-{b:12}CNTRL-{b:32}", "TS_AUTHKEY"],
  ["jwt", "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIx{b:40}.{u:43}", "jwt"],
];

/** Kinds that no rule knows by shape: only the name beside the value tells. */
export const UNSHAPED: readonly (readonly [kind: string, shape: string, name: string])[] = [
  ["aws-secret", "{s:40}", "aws_secret_access_key"], ["datadog", "{x:32}", "DD_API_KEY"], ["datadog-app", "{x:40}", "dd-application-key"], ["algolia", "{x:32}", "algolia_admin_key"], ["cloudflare", "{u:40}", "CF_API_TOKEN"], ["okta", "00{u:40}", "okta_api_token"],
  ["azure-openai", "{x:32}", "AZURE_OPENAI_API_KEY"], ["cohere", "{b:40}", "cohere_api_key"], ["mistral", "{b:32}", "MISTRAL_API_KEY"], ["twitter-secret", "{b:50}", "consumer_secret"], ["twilio-auth", "{x:32}", "TWILIO_AUTH_TOKEN"], ["spotify", "{x:32}", "spotify_client_secret"],
  ["heroku-old", UUID, "HEROKU_API_KEY"], ["postmark", UUID, "POSTMARK_SERVER_TOKEN"], ["snyk", UUID, "SNYK_TOKEN"], ["flask", "{x:48}", "SECRET_KEY"], ["django", "{u:50}", "SECRET_KEY"], ["rails", "{x:128}", "secret_key_base"], ["jwt-secret", "{b:44}", "JWT_SECRET"],
  ["session", "{b:32}", "SESSION_SECRET"], ["encryption", "{s:43}=", "ENCRYPTION_KEY"], ["webhook", "{b:32}", "WEBHOOK_SECRET"], ["acme-1", "acme_{b:40}", "ACME_KEY"], ["acme-2", "zq-{b:36}", "zq_auth_token"], ["vendor", "{A:20}", "VENDOR_ACCESS_KEY"], ["password", "{b:9}!{b:5}", "DB_PASSWORD"],
  ["password-2", "{l:5}{d:4}#{A:3}", "smtp_password"], ["codecov", UUID, "CODECOV_TOKEN"], ["travis", "{b:22}", "travis_token"], ["fastly", "{u:32}", "fastly_api_token"],
];
