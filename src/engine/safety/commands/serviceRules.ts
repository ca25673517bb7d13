// Tools that reach shared state: repositories, containers, clusters, clouds, databases. Looking is ordinary, changing what
// others see or what cannot be brought back is asked about.
import type { Rule } from "./call.ts";
import { hasOption, operands, optionValues, shownText } from "./call.ts";
import { ask, block } from "./findings.ts";
import type { Concern } from "./findings.ts";
import { placeOf } from "./places.ts";

const git: Rule = (call) => {
  const words = operands(call, ["-C", "-c", "--git-dir", "--work-tree", "-m", "-b", "-B", "-n", "-u", "-o", "--depth", "--author", "--format", "-S", "--branch"]).map((word) => word.text);
  const [verb = "", ...rest] = words;
  const option = (letters: string, ...long: string[]): boolean => hasOption(call, letters, ...long);
  const concerns: Concern[] = [];
  const settings = optionValues(call, "-c").map((value) => value.text);
  if (settings.some((text) => /^(?:core\.(?:sshcommand|pager|editor|hookspath|fsmonitor|askpass)|alias\.\w+|protocol\.ext|credential\.helper|sequence\.editor|diff\.external)=\s*(?:!|.*\s|.*\/|always)/i.test(text))) concerns.push(ask("run-hidden", "makes git run another program"));
  switch (verb) {
    case "push":
      if (option("f", "--force", "--force-with-lease", "--mirror", "--delete", "-d") || rest.some((word) => /^[+:]./.test(word))) concerns.push(ask("rewrite-remote", "overwrites or deletes commits that others may have"));
      break;
    case "reset":
      if (option("", "--hard", "--merge")) concerns.push(ask("lose-changes", "throws away changes that were not committed"));
      break;
    case "clean":
      if (option("f", "--force") && !option("n", "--dry-run")) concerns.push(ask("lose-changes", "deletes files that git does not know"));
      break;
    case "checkout":
    case "restore":
      if (option("f", "--force") || verb === "restore" && rest.length > 0 && !option("S", "--staged") || rest.includes(".") || call.args.some((arg, i) => arg.text === "--" && call.args[i + 1])) concerns.push(ask("lose-changes", "throws away changes that were not committed"));
      break;
    case "branch":
      if (option("D") || option("d", "--delete") && option("f", "--force")) concerns.push(ask("lose-changes", "deletes a branch with commits that stand nowhere else"));
      break;
    case "stash":
      if (/^(?:drop|clear)$/.test(rest[0] ?? "")) concerns.push(ask("lose-changes", "throws away changes that were put aside"));
      break;
    case "filter-branch": case "filter-repo":
      concerns.push(ask("rewrite-history", "rewrites the history of this repository"));
      break;
    case "reflog":
      if (/^(?:expire|delete)$/.test(rest[0] ?? "")) concerns.push(ask("rewrite-history", "makes lost commits impossible to find again"));
      break;
    case "update-ref":
      if (option("d")) concerns.push(ask("lose-changes", "deletes a branch or tag"));
      break;
    case "config": {
      const [key = "", value = ""] = rest;
      if (value !== "" && /^(?:core\.(?:hookspath|sshcommand|pager|editor|fsmonitor|askpass)|credential\.helper|alias\.|url\.|http\.(?:proxy|sslverify)|filter\.)/i.test(key)) concerns.push(ask("settings", `makes git work differently (${shownText(key)})`));
      break;
    }
    case "clone": {
      const target = rest[1];
      if (call.args.some((arg) => /^ext::|--upload-pack|--config=?.*(?:core|protocol)/.test(arg.text))) concerns.push(ask("run-hidden", "makes git run another program"));
      if (target !== undefined && ["system", "root"].includes(placeOf(target, call.folder))) concerns.push(ask("write-system", `writes into ${shownText(target)}`));
      break;
    }
    case "credential":
      if (rest[0] === "fill") concerns.push(ask("show-keys", "shows a password that git keeps"));
      break;
    default:
  }
  return concerns;
};

const container: Rule = (call) => {
  const words = operands(call, ["-v", "-p", "-e", "--name", "-w", "--network", "-f", "--file", "-t", "-u", "--platform", "--env-file", "--mount", "-H", "--entrypoint", "--volume", "--publish", "--env", "--context", "-l", "--label", "--build-arg", "--filter", "--cpus", "-m", "--gpus", "--user", "--workdir", "--target"]).map((word) => word.text);
  const [verb = "", second = "", ...rest] = words;
  const text = `${verb} ${second}`;
  if (/^(?:run|create)$/.test(verb) || /^container (?:run|create)$/.test(text)) {
    const mounts = [...optionValues(call, "-v", "--volume", "--mount")].map((mount) => mount.text);
    const whole = mounts.some((mount) => /^\/(?::|\\:)|(?:source|src)=\/(?:,|$)|^(?:\/etc|\/root|\/var\/run\/docker\.sock|~|~\/\.ssh|\/boot|\/dev|\/proc|\/sys)(?::|\/?$)/.test(mount));
    if (whole || hasOption(call, "", "--privileged") || optionValues(call, "--pid", "--cap-add", "--security-opt", "--userns", "--ipc").some((value) => /^(?:host|ALL|SYS_ADMIN|SYS_PTRACE|seccomp=unconfined|apparmor=unconfined)$/.test(value.text)) || hasOption(call, "", "--device")) return [ask("container-rights", whole ? "lets a container change the files of this machine" : "gives a container rights over this machine")];
    return [];
  }
  if (/^(?:system|volume|image|builder|container|network|buildx)$/.test(verb) && /^prune$/.test(second) || verb === "volume" && /^(?:rm|remove)$/.test(second)) return [ask("delete-containers", verb === "volume" || hasOption(call, "", "--volumes") ? "deletes stored data of containers" : "deletes containers or images")];
  if (/^(?:rmi|kill)$/.test(verb) || verb === "rm" && hasOption(call, "f", "--force")) return [ask("delete-containers", "stops or deletes containers or images")];
  if (verb === "compose" && second === "down" && hasOption(call, "v", "--volumes", "--rmi")) return [ask("delete-containers", "deletes stored data of containers")];
  if (verb === "push" || text === "image push") return [ask("publish", `uploads the image ${shownText(verb === "push" ? second : rest[0] ?? "")}`)];
  if (/^(?:swarm|stack|service|node|secret|config|plugin|context)$/.test(verb) && /^(?:rm|remove|leave|deploy|update|create|install|scale|init|join|use)$/.test(second)) return [ask("cluster", "changes what runs on other machines")];
  return [];
};

const kubectl: Rule = (call) => {
  const [verb = "", what = ""] = operands(call, ["-n", "--namespace", "-f", "--filename", "-l", "--context", "--kubeconfig", "-o", "-c"]).map((word) => word.text);
  if (hasOption(call, "", "--dry-run", "--dry-run=client", "--dry-run=server")) return [];
  if (/^(?:delete|drain|cordon|evict|replace|apply|create|patch|edit|scale|set|rollout|label|annotate|taint|run|expose|autoscale|cp|exec|attach|debug|uncordon|port-forward|proxy)$/.test(verb) && !(verb === "rollout" && /^(?:status|history)$/.test(what)) && !/^(?:port-forward|proxy)$/.test(verb)) return [ask("cluster", verb === "exec" || verb === "attach" || verb === "debug" ? "runs a program inside the cluster" : `changes what runs in the cluster (${verb} ${shownText(what)})`.trim())];
  if (verb === "get" && /^secrets?\b/.test(what) && /(?:yaml|json|jsonpath)/.test(call.args.map((arg) => arg.text).join(" "))) return [ask("show-keys", "shows secrets of the cluster")];
  return [];
};

const DESTROYING = /^(?:delete|destroy|rm|rb|remove|terminate|purge|drop|wipe|reset|revoke|detach|disable|stop|deregister|release|cancel|kill|uninstall|down|truncate|flushall|flushdb|del)(?:-[\w-]+)?$|^(?:delete|terminate|remove|destroy|purge|revoke|deregister|detach|disable|stop)-/;
const CHANGING = /^(?:create|update|put|set|deploy|apply|start|run|add|attach|modify|import|push|publish|sync|cp|mv|mb|scale|restart|promote|rollback|upload|invoke|send|login|logout|configure|assign|grant|enable|reboot|up|launch|new|approve|merge|edit|close|import|link|secrets|provision)(?:-[\w-]+)?$/;

/** Command lines of clouds: `aws s3 rm …`, `gcloud compute instances delete …`. */
const cloud: Rule = (call) => {
  const words = operands(call, ["--region", "--profile", "--project", "--name", "-n", "-g", "--resource-group", "-a", "--app", "--zone", "--output", "-o", "--query", "-R", "--repo", "-t", "-b", "-f", "-l", "-q"]).map((word) => word.text).slice(0, 5);
  if (hasOption(call, "", "--dry-run", "--dryrun", "--help")) return [];
  if (words.some((word) => DESTROYING.test(word))) return [ask("cloud-delete", `deletes or stops what runs in the cloud (${shownText([call.name, ...words.slice(0, 3)].join(" "))})`)];
  if (words.some((word) => /^(?:get-secret-value|get-session-token|print-access-token|print-identity-token|get-access-token|access|get-login-password|get-credentials)$/.test(word)) || words.join(" ").startsWith("auth token")) return [ask("show-keys", "shows or fetches a key of your account")];
  if (words.slice(0, 4).some((word) => CHANGING.test(word)) && !/^(?:gh|glab)$/.test(call.name)) return [ask("cloud-change", `changes what runs in the cloud (${shownText([call.name, ...words.slice(0, 3)].join(" "))})`)];
  if (/^(?:gh|glab)$/.test(call.name) && (/^(?:create|merge|close|comment|edit|upload|set|add|login|enable|disable|approve|review|rerun|transfer|archive|rename|fork|sync)$/.test(words[1] ?? "") || words[0] === "api" && hasOption(call, "XfF", "--method", "--field", "--raw-field"))) return [ask("send-data", "changes what others see on the code host")];
  return [];
};

const terraform: Rule = (call) => {
  const verb = operands(call, ["-var", "-var-file", "-target"])[0]?.text ?? "";
  const all = call.args.map((arg) => arg.text).join(" ");
  if (/^(?:destroy|taint|force-unlock)$/.test(verb) || /\bstate (?:rm|push|mv)\b|-destroy/.test(all)) return [ask("cloud-delete", "destroys what runs in the cloud")];
  return /^(?:apply|up|import|deploy|refresh)$/.test(verb) ? [ask("cloud-change", "changes what runs in the cloud")] : [];
};

const SQL_DESTROYS = /\b(?:drop\s+(?:database|schema|table|user|role|index|view|keyspace)|truncate\s+(?:table\s+)?\w|delete\s+from\s+\w+\s*(?:;|$|["'])|alter\s+table\s+\w+\s+drop|grant\s+all)/i;
/** Changes every row of a table. */
function updatesAll(sql: string): boolean {
  return sql.split(";").some((statement) => /\bupdate\s+\w+\s+set\b/i.test(statement) && !/\bwhere\b/i.test(statement));
}


const database: Rule = (call) => {
  const text = [...call.args.map((arg) => arg.text), call.input?.text ?? ""].join(" ");
  if (/^(?:dropdb|dropuser)$/.test(call.name)) return [ask("delete-data", "deletes a database or its user")];
  if (/\b(?:flushall|flushdb)\b/i.test(text) || /\.(?:dropDatabase|drop|remove|deleteMany)\(/.test(text)) return [ask("delete-data", "deletes data of a database")];
  if (/COPY\s+[\s\S]*\s+(?:FROM|TO)\s+PROGRAM|\bxp_cmdshell\b|sys_exec|\\!\s*\w/i.test(text)) return [ask("run-hidden", "makes the database run a program")];
  return SQL_DESTROYS.test(text) || updatesAll(text) ? [ask("delete-data", "deletes or overwrites data of a database")] : [];
};

const framework: Rule = (call) => {
  const text = call.args.map((arg) => arg.text).join(" ");
  return /\b(?:migrate[: ](?:fresh|reset|rollback|down)|db:(?:drop|reset|migrate:reset|purge|wipe|schema:load)|migrate reset|db push --force-reset|flush\b|reset_db|sqlflush|dropdb|db drop|schema:drop|database drop)/.test(text) ? [ask("delete-data", "deletes data of a database")] : [];
};

const ansible: Rule = (call) => (hasOption(call, "C", "--check", "--syntax-check", "--list-hosts", "--version", "--list-tasks") ? [] : [ask("remote", "changes other machines")]);

export const SERVICE_RULES: ReadonlyMap<string, Rule> = new Map<string, Rule>([
  ["git", git], ["hub", git],
  ...["docker", "podman", "nerdctl", "docker-compose", "buildah"].map((name) => [name, container] as const),
  ...["kubectl", "oc", "k", "microk8s.kubectl", "k3s"].map((name) => [name, kubectl] as const),
  ...["aws", "gcloud", "az", "heroku", "fly", "flyctl", "doctl", "gsutil", "ibmcloud", "oci", "linode-cli", "vercel", "netlify", "firebase", "railway", "supabase", "wrangler", "eksctl", "kops", "cf", "aliyun", "hcloud", "scw", "gh", "glab", "sls", "serverless", "cdk", "sam", "copilot", "eb", "bq", "s3cmd", "mc", "azcopy", "vault", "op"].map((name) => [name, cloud] as const),
  ...["terraform", "tofu", "pulumi", "terragrunt", "cdktf"].map((name) => [name, terraform] as const),
  ...["psql", "mysql", "mariadb", "sqlite3", "mongo", "mongosh", "redis-cli", "sqlcmd", "cqlsh", "clickhouse-client", "dropdb", "dropuser", "mysqladmin", "influx", "duckdb"].map((name) => [name, database] as const),
  ...["artisan", "rails", "rake", "prisma", "sequelize", "knex", "typeorm", "alembic", "flask", "django-admin", "mix", "drizzle-kit", "php", "diesel", "sqlx", "dbmate", "flyway", "liquibase", "doctrine"].map((name) => [name, framework] as const),
  ...["ansible", "ansible-playbook", "salt", "puppet", "chef-client", "fab", "cap"].map((name) => [name, ansible] as const),
  ["xmrig", () => [block("miner", "uses this machine to earn money for someone")]], ["minerd", () => [block("miner", "uses this machine to earn money for someone")]],
]);
