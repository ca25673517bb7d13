// What a path stands for: the whole system, the user's home, the workspace, or something that can be made again.
// Judges text only; it looks at no disk, so that the same command is judged the same everywhere.

export type Place =
  | "root" | "system" | "device" | "home" | "keys" | "startup" | "homeInside" | "temporary" | "outside" | "parent"
  | "workspaceRoot" | "repository" | "generated" | "workspace"
  /** A part is only known when it runs. */
  | "unknown"
  /** Unknown, and the root folder where the unknown part is empty: "$DIR/*". */
  | "unknownOrRoot";

/** Stands in a text for what is only known when the command runs. */
export const UNKNOWN = "\uE000";

const SYSTEM = /^\/(?:bin|boot|dev|etc|lib(?:32|64|x32)?|opt|proc|root|run|sbin|srv|sys|usr|var|System|Library|Applications|Windows|private\/(?:etc|var)|mnt|media|Volumes|nix|snap)(?:\/|$)/;
const USERS_HOME = /^\/(?:home|Users)(?:\/[^/]+)?$/;
const KEYS = /^~\/(?:\.ssh|\.gnupg|\.aws|\.azure|\.kube|\.docker|\.config\/(?:gcloud|gh|hub|op|sops)|\.password-store|\.netrc|\.pgpass|\.npmrc|\.pypirc|\.git-credentials|\.vault-token|\.local\/share\/keyrings|Library\/Keychains|\.mozilla|\.config\/google-chrome|AppData\/Roaming\/(?:gnupg|Microsoft\/Credentials))(?:\/|$)/;
const STARTUP = /^~\/(?:\.bashrc|\.bash_profile|\.bash_login|\.bash_logout|\.profile|\.zshrc|\.zshenv|\.zprofile|\.zlogin|\.kshrc|\.cshrc|\.config\/(?:fish\/|autostart|systemd)|\.config\/environment\.d|Library\/LaunchAgents|\.xinitrc|\.xprofile|\.vimrc|\.gitconfig|\.tmux\.conf|\.inputrc|\.pam_environment|Documents\/(?:Windows)?PowerShell\/)/;
const SAFE_DEVICE = /^\/dev\/(?:null|stdout|stderr|stdin|tty|zero|u?random|fd\/\d+|shm(?:\/.*)?)$/;
/** Folders and files that a build, a test run or an installation makes again. */
const GENERATED_FOLDER = /^(?:dist|dist-.*|build|builds|_build|cmake-build-.*|out|output|outputs|target|node_modules|bower_components|coverage|\.nyc_output|htmlcov|\.?cache|\.next|\.nuxt|\.output|\.svelte-kit|\.astro|\.vite|\.turbo|\.parcel-cache|\.rollup\.cache|\.angular|\.expo|__pycache__|__snapshots__|\.pytest_cache|\.mypy_cache|\.ruff_cache|\.hypothesis|\.tox|\.nox|\.eggs|.*\.egg-info|\.venv|venv|\.virtualenv|env|lib-cov|obj|bin|es|esm|cjs|umd|lib|libs|types|typings|generated|__generated__|gen|\.gradle|\.terraform|\.serverless|\.vscode-test|\.stack-work|storybook-static|_site|site|\.docusaurus|docs\/_build|release|releases|artifacts?|tmp|temp|\.tmp|\.temp|logs?|reports?|test-results|playwright-report|junit|vendor\/bundle|\.bundle|deps|_deps|debug|Debug|Release|x64|package|packages\/\*|compiled|bundle|bundles|wheelhouse|\.benchmarks|\.ipynb_checkpoints|public\/build|demo-dist|docs-dist|api-docs|typedoc|apidocs?|(?:docs?|site|demo|test|api|web)-(?:dist|build|site|out|output)|\.coverage_html)$/;
const GENERATED_FILE = /(?:^|[/.])(?:\*?[^/]*\.(?:o|a|so|obj|pyc|pyo|class|log|tmp|temp|bak|swp|tsbuildinfo|tgz|vsix|whl|gcda|gcno|gcov|map|pid|cache|lock|prof|out|profraw|min\.js|d\.ts|js\.map|exe|egg|jar|war|zip|tar\.gz|orig|rej)|\.coverage[^/]*|coverage\.\w+|lcov\.info|\.DS_Store|Thumbs\.db|\.eslintcache|\.stylelintcache|package-lock\.json|npm-debug\.log\S*|core|a\.out|MANIFEST)$/;

/** `path` in the one form in which places are told apart: slashes, "~" for the user's home, no "." or "..". */
export function normalPath(path: string, folder = "."): string {
  let text = path.replace(/\\/g, "/").replace(/^(?:\/c|\/mnt\/c|[cC]:)(?=\/|$)(?!\/(?:bin|usr|etc))/, (drive) => (/^[cC]:/.test(drive) ? "" : drive)) || "/";
  text = text.replace(/^\/(?:home|Users)\/(?:\$\{?USER\}?|\$\(whoami\))(?=\/|$)/, "~").replace(/^~[\w-]*(?=\/|$)/, (home) => (home === "~root" ? "/root" : "~"));
  const absolute = text.startsWith("/") || text.startsWith("~") || text.startsWith(UNKNOWN);
  if (!absolute) text = folder === "." ? text : `${folder}/${text}`;
  const rooted = text.startsWith("/");
  const parts: string[] = [];
  for (const part of text.split("/")) {
    if (part === "" || part === ".") continue;
    if (part === ".." && parts.length > 0 && parts.at(-1) !== ".." && parts.at(-1) !== "~" && parts.at(-1) !== UNKNOWN) parts.pop();
    else if (part === ".." && (rooted || parts.at(-1) === "~")) parts.splice(0, parts.length, ...(rooted ? [] : ["~", ".."]));
    else parts.push(part);
  }
  const joined = parts.join("/").replace(/^~\/\.\.$/, "/home");
  return rooted ? `/${joined}` : joined === "" ? "." : joined;
}

/** What `path`, written in a command that runs in `folder`, stands for. "/*" stands for "/", "./*" for ".". */
export function placeOf(path: string, folder = "."): Place {
  const normal = normalPath(path, folder);
  const whole = normal.replace(/(?:^|\/)(?:\*+|\.\*|\.\?\?\*|\.\[!?\^?\.\]\*|\{,\.\}\*|\?\*|\*\.\*)$/, "");
  const contents = whole !== normal;
  const place = whole === "" ? (normal.startsWith("/") ? "/" : ".") : whole;
  if (place.startsWith(UNKNOWN)) return place === UNKNOWN && (contents || /[/\\]$/.test(path)) ? "unknownOrRoot" : generated(place) ? "generated" : "unknown";
  if (place === "/" || /^[a-zA-Z]:$/.test(place)) return "root";
  if (SAFE_DEVICE.test(place)) return "temporary";
  if (place.startsWith("/dev/")) return "device";
  if (/^\/(?:tmp|var\/tmp|private\/tmp|var\/folders|dev\/shm)\/./.test(place)) return "temporary";
  if (/^\/(?:tmp|var\/tmp|dev\/shm)$/.test(place)) return "temporary";
  if (place === "~" || USERS_HOME.test(place)) return "home";
  const home = place.replace(/^\/(?:home|Users)\/[^/]+(?=\/)/, "~");
  if (KEYS.test(home) || /^\/root\/\.ssh/.test(home)) return "keys";
  if (STARTUP.test(home)) return "startup";
  if (home.startsWith("~")) return "homeInside";
  if (SYSTEM.test(place)) return "system";
  if (place.startsWith("/")) return "outside";
  if (place === "..") return "parent";
  if (/^(?:\.\.\/)+\.\.$/.test(place) || place.startsWith("../")) return "outside";
  if (place === ".") return "workspaceRoot";
  if (place === ".git" || /^\.git\/(?!hooks\/|index\.lock)/.test(place) || place.endsWith("/.git")) return "repository";
  return generated(place) ? "generated" : place.includes(UNKNOWN) ? "unknown" : "workspace";
}

/** Whether what stands there is made by tools and can be made again. */
function generated(path: string): boolean {
  if (GENERATED_FILE.test(path)) return true;
  return path.split("/").some((part) => GENERATED_FOLDER.test(part)) || GENERATED_FOLDER.test(path);
}

/** Files whose content is a key or a password. */
export function holdsKeys(path: string): boolean {
  const normal = normalPath(path);
  const home = normal.replace(/^\/(?:home|Users)\/[^/]+(?=\/)|^\/root(?=\/)/, "~");
  return KEYS.test(home) || /^\/etc\/(?:shadow|gshadow|sudoers|ssl\/private|kubernetes\/)/.test(normal)
    || /(?:^|\/)(?:id_(?:rsa|dsa|ecdsa|ed25519)|\.env(?:\.(?!example|sample|template|test)\w+)?|credentials(?:\.json|\.csv)?|secrets?\.(?:ya?ml|json|toml|txt)|[\w-]+\.(?:pem|key|p12|pfx|kdbx|keystore|jks)|service[-_]account[\w-]*\.json|master\.key|\.htpasswd)$/.test(normal);
}
