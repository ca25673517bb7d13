// Package managers: what the project already names (lock file, manifest) is ordinary; a package that the command names brings
// in code that nobody here has chosen yet, and assistants invent names of packages.
import type { CommandCall, Rule } from "./call.ts";
import { hasOption, listed, operands, optionValues, shownText } from "./call.ts";
import { ask } from "./findings.ts";
import type { Concern } from "./findings.ts";

const LOCAL = /^(?:\.{0,2}\/|\.$|\.\[|file:|link:|workspace:|\.\.$)|\.(?:whl|tgz|tar\.gz|gem|vsix|deb|jar)$/;
const VALUED = ["-r", "-c", "-e", "-t", "--requirement", "--constraint", "--target", "--prefix", "-i", "--index-url", "--extra-index-url", "--registry", "-w", "--workspace", "--filter", "-C", "--cwd", "--dir", "-F", "-p", "--python", "--group", "--extra", "--find-links", "-f", "--channel", "-n", "--name", "--root", "--features", "--source", "--version", "-v", "--loglevel", "--platform", "--cache-dir", "--upgrade-strategy", "--path", "--manifest-path", "--index", "--default-index", "--env-file", "--with", "--with-requirements"];

function installs(manager: string, names: readonly string[], everywhere = false): Concern[] {
  const foreign = names.filter((name) => !LOCAL.test(name) && name !== "");
  if (foreign.length === 0) return everywhere && names.length === 0 ? [] : [];
  return [ask("install-package", `installs ${listed(foreign.map(shownText))}${manager === "" ? "" : ` with ${manager}`}${everywhere ? " for the whole machine" : ""}, whose code then runs here`)];
}

/** A manager whose first word is what to do. `adds`: what brings in packages by name; `runs`: what fetches and runs one. */
function manager(options: { adds: RegExp; removes?: RegExp; publishes?: RegExp; runs?: RegExp; settles?: RegExp; elevated?: boolean }): Rule {
  return (call) => {
    const words = operands(call, VALUED).map((word) => word.text);
    let [verb = "", ...names] = words;
    if (/^(?:global|pip|tool|workspaces?|self|cache)$/.test(verb) && names.length > 0 && verb !== "cache") [verb = "", ...names] = names;
    if (options.publishes?.test(verb)) return hasOption(call, "", "--dry-run") ? [] : [ask("publish", "publishes this package for everyone")];
    if (options.adds.test(verb)) {
      const concerns = installs(call.name, names, hasOption(call, "g", "--global") || options.elevated);
      const sources = optionValues(call, "--index-url", "--extra-index-url", "--registry", "-i").filter((source) => !/\/\/(?:pypi\.org|registry\.(?:npmjs|yarnpkg)\.(?:org|com)|download\.pytorch\.org|test\.pypi\.org)/.test(source.text) && /:\/\//.test(source.text));
      return sources.length > 0 ? [...concerns, ask("package-source", `installs packages from ${shownText(sources[0]?.text ?? "")}`)] : concerns;
    }
    if (options.runs?.test(verb) && names.length > 0) return runsPackage(call, names[0] ?? "");
    if (options.removes?.test(verb) && names.length > 0) return options.elevated ? [ask("remove-package", `removes ${listed(names.map(shownText))} from this machine`)] : [];
    if (options.settles?.test(verb)) return /^(?:get|list|ls|debug|path)$/.test(names[0] ?? "") || names.length === 0 ? [] : [ask("settings", `changes settings of ${call.name}`)];
    if (options.elevated && /^(?:upgrade|dist-upgrade|full-upgrade|autoremove|purge|tap|trust|refresh)$/.test(verb)) return [ask("system-packages", "changes the programs of this machine")];
    return [];
  };
}

/** Programs that developers run by npx and its like without installing them first. */
const USUAL_TOOLS = /^(?:@?(?:tsc|typescript|eslint|prettier|jest|vitest|mocha|tsx|ts-node|vite|next|nuxt|astro|nx|turbo|lerna|rimraf|husky|lint-staged|playwright|cypress|webpack|rollup|esbuild|serve|http-server|nodemon|concurrently|prisma|drizzle-kit|knex|sequelize|sequelize-cli|typeorm|tailwindcss|postcss|sass|stylelint|tap|ava|c8|nyc|semantic-release|changeset|standard-version|commitlint|license-checker|depcheck|madge|dependency-cruiser|npm-check-updates|ncu|sort-package-json|cross-env|wait-on|kill-port|degit|storybook|expo|react-native|ng|vue|svelte-kit|sv|hardhat|wrangler|vercel|netlify|firebase|supabase|biome|oxlint|swc|babel|gulp|grunt|karma|ember|electron|electron-builder|vsce|ovsx|markdownlint|markdownlint-cli2?|cspell|publint|attw|size-limit|bundlesize|tsup|unbuild|microbundle|parcel|patch-package|only-allow|npm-run-all|run-s|run-p|shx|del-cli|copyfiles|cpx|mkdirp|ruff|black|mypy|pytest|flake8|isort|pre-commit|tox|nox|poetry|twine|build|cowsay|pylint|sphinx-build|mkdocs|jupyter|http\.server|pyright|bandit|coverage|msw|graphql-codegen|openapi-typescript|swagger-cli|redocly|syncpack|knip|cdk|sls|serverless|pm2|pkg|snyk|is-ci|ts-prune|tsd|dtslint|api-extractor|typedoc|jsdoc|all-contributors|conventional-changelog|auto|np|release-it|bumpp|unocss|shadcn|shadcn-ui|create-[\w-]+|npm|pnpm|yarn|corepack|depcruise|jsr)|@(?:angular|vue|nestjs|babel|changesets|biomejs|playwright|tailwindcss|redocly|vscode|storybook|eslint|typescript|microsoft|types|svelte|sveltejs|vitejs|nuxt|remix-run|react-native-community|prisma|sentry|graphql-codegen|commitlint|semantic-release|modelcontextprotocol|expo|capacitor|ionic|nrwl|nx|docusaurus|swc|cspell)\/[\w.-]+)(?:@[\w.^~-]+)?$/;

function runsPackage(call: CommandCall, name: string): Concern[] {
  const bare = name.replace(/(?<=.)@[^@/]*$/, "");
  if (USUAL_TOOLS.test(bare) || LOCAL.test(name) || hasOption(call, "", "--no-install", "--no", "--help", "--version")) return [];
  return [ask("run-package", `runs ${shownText(name)}, fetched from the package registry where it is not installed`)];
}

const npx: Rule = (call) => {
  const named = optionValues(call, "-p", "--package", "--from", "--spec")[0]?.text;
  const name = named ?? operands(call, VALUED)[0]?.text ?? "";
  return name === "" ? [] : runsPackage(call, name);
};

const npm = manager({ adds: /^(?:i|in|ins|install|add|isntall|link)$/, removes: /^(?:un|uninstall|remove|rm)$/, publishes: /^(?:publish|unpublish|deprecate|dist-tag|owner|access)$/, runs: /^(?:exec|x|dlx|create|init)$/, settles: /^(?:config|set|c)$/ });
const pip = manager({ adds: /^(?:install|download)$/, publishes: /^(?:upload)$/, settles: /^config$/ });
const system = manager({ adds: /^(?:install|add|reinstall|localinstall|tap|-S\w*|in)$/, removes: /^(?:remove|uninstall|purge|autoremove|rm|delete|del|-R\w*)$/, elevated: true });

/** `pacman -S x`, `pkg_add x`, `dpkg -i x`: the option or the name of the program is the verb. */
const bySwitch: Rule = (call) => {
  if (hasOption(call, "QslLVF", "--query", "--list", "--get-selections") && !hasOption(call, "SRUirP", "--install", "--remove", "--purge")) return [];
  const names = operands(call).map((name) => shownText(name.text));
  return names.length === 0 && !hasOption(call, "Su") ? [] : [ask("system-packages", names.length > 0 ? `installs or removes ${listed(names)} for the whole machine` : "changes the programs of this machine")];
};

const python: Rule = (call) => {
  // python -m pip install x
  const at = call.args.findIndex((arg) => arg.text === "-m");
  const module = at >= 0 ? call.args[at + 1]?.text : undefined;
  const rest = { ...call, args: call.args.slice(at + 2) };
  if (module === "pip") return pip({ ...rest, name: "pip" });
  if (module === "twine" && /^upload$/.test(rest.args[0]?.text ?? "")) return [ask("publish", "publishes this package for everyone")];
  return [];
};

export const PACKAGE_RULES: ReadonlyMap<string, Rule> = new Map<string, Rule>([
  ...["npm", "pnpm", "yarn", "bun", "cnpm", "ni"].map((name) => [name, npm] as const),
  ...["npx", "bunx", "pnpx", "uvx", "pipx-run"].map((name) => [name, npx] as const),
  ...["pip", "pip3", "conda", "mamba", "micromamba", "pipenv", "poetry", "uv", "pdm", "rye", "hatch", "easy_install"].map((name) => [name, manager({ adds: name === "easy_install" ? /./ : /^(?:install|add|download)$/, publishes: /^(?:publish|upload)$/, runs: /^(?:run-tool)$/, settles: /^config$/ })] as const),
  ["pipx", manager({ adds: /^(?:install|inject)$/, runs: /^run$/ })],
  ["gem", manager({ adds: /^(?:i|install)$/, publishes: /^(?:push|yank|owner)$/ })],
  ["bundle", manager({ adds: /^add$/ })], ["composer", manager({ adds: /^require$/ })],
  ["cargo", manager({ adds: /^(?:install|add)$/, publishes: /^(?:publish|yank|owner)$/ })],
  ["go", (call) => {
    const [verb = "", ...names] = operands(call, ["-C", "-o", "-run", "-tags", "-ldflags", "-p"]).map((word) => word.text);
    const remote = names.filter((name) => /^[\w-]+(?:\.[\w-]+)+\//.test(name));
    if (verb === "get" || verb === "install") return installs("go", verb === "get" ? names.filter((name) => name !== "./..." && !name.startsWith("./")) : remote);
    return verb === "run" && remote.some((name) => name.includes("@")) ? [ask("run-package", `runs ${shownText(remote[0] ?? "")}, fetched from the internet`)] : [];
  }],
  ["dotnet", (call) => (/^(?:add|tool)$/.test(call.args[0]?.text ?? "") && call.args.some((arg) => /^(?:package|install|update)$/.test(arg.text)) ? installs("dotnet", operands(call).slice(2).map((word) => word.text).filter((word) => word !== "package")) : /^(?:nuget)$/.test(call.args[0]?.text ?? "") && call.args.some((arg) => arg.text === "push") ? [ask("publish", "publishes this package for everyone")] : [])],
  ...["apt", "apt-get", "aptitude", "dnf", "yum", "zypper", "apk", "brew", "port", "snap", "flatpak", "pkg", "choco", "scoop", "winget", "microdnf", "tdnf", "emerge", "xbps-install", "nix-env", "guix", "opkg", "rpm-ostree"].map((name) => [name, system] as const),
  ...["pacman", "yay", "paru", "dpkg", "rpm", "pkg_add", "pkg_delete", "installer", "eopkg"].map((name) => [name, bySwitch] as const),
  ...["python", "python3", "python2", "py"].map((name) => [name, python] as const),
  ["cpan", manager({ adds: /./ })], ["cpanm", manager({ adds: /./ })], ["luarocks", manager({ adds: /^install$/ })],
  ["twine", manager({ adds: /^$/, publishes: /^upload$/ })], ["vsce", manager({ adds: /^$/, publishes: /^(?:publish|unpublish)$/ })], ["ovsx", manager({ adds: /^$/, publishes: /^publish$/ })],
  ["helm", (call) => {
    const [verb = "", ...names] = operands(call, ["-n", "--namespace", "-f", "--values", "--set", "--version"]).map((word) => word.text);
    return /^(?:install|upgrade|uninstall|delete|rollback|push)$/.test(verb) && !hasOption(call, "", "--dry-run") ? [ask("cluster", `changes what runs in the cluster (${verb} ${shownText(names[0] ?? "")})`)] : [];
  }],
  ["code", (call) => (hasOption(call, "", "--install-extension") ? [ask("install-package", "installs an extension of the editor, whose code then runs here")] : [])],
  ["deno", manager({ adds: /^(?:add|install)$/, publishes: /^publish$/ })], ["jsr", manager({ adds: /^(?:add|install|i)$/, publishes: /^publish$/ })], ["bower", manager({ adds: /^(?:install|i)$/ })], ["changeset", manager({ adds: /^$/, publishes: /^publish$/ })], ["lerna", manager({ adds: /^$/, publishes: /^publish$/ })],
  ["asdf", manager({ adds: /^(?:plugin)$/ })], ["mise", manager({ adds: /^(?:use)$/ })],
]);
