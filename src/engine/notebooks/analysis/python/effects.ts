// What a call of Python touches outside the session: files, packages, the environment, other machines, chance and time.
// Judged by names; hidden state (random generators, working directory) becomes names in ‹angle quotes›.
import type { Hazard, StatementFacts } from "../facts.ts";
import { addUse } from "../facts.ts";
import { judgeShell, sqlHazard } from "../magics.ts";
import type { ShellJudge } from "../magics.ts";

export interface CallText {
  /** Dotted name of the callee as written, "" where it is an expression. */
  callee: string;
  /** Last name of the callee. */
  name: string;
  /** Text of positional arguments, and of named ones. */
  positional: string[];
  named: Map<string, string>;
  line: number;
}

/** Hidden states of the kernel, named like variables. */
export const RANDOM = { python: "‹random numbers›", numpy: "‹numpy random numbers›", torch: "‹torch random numbers›" } as const;
export const DIRECTORY = "‹working directory›";
export const ENVIRONMENT = "‹environment›";
export const DISPLAY = "‹display options›";

const READERS = /^(?:read_(?:csv|parquet|json|excel|table|pickle|hdf|feather|html|xml|sas|stata|fwf|orc|file|image)|loadtxt|genfromtxt|fromfile|imread|load|open_dataset|loadmat|load_model|load_dataset|from_file|scan_csv|scan_parquet|read_text|read_bytes)$/;
const WRITERS = /^(?:to_(?:csv|parquet|json|excel|pickle|hdf|feather|html|xml|stata|orc|file|latex|markdown|netcdf|zarr)|savefig|save|savez|savez_compressed|savetxt|tofile|imsave|imwrite|save_model|save_pretrained|write_(?:csv|parquet|json|image|html|text|bytes))$/;
const PAID = /(?:^|\.)(?:completions|chat\.completions|messages|embeddings|images|responses|audio\.\w+|moderations)\.(?:create|generate|stream|parse)$|(?:^|\.)(?:ChatCompletion|Completion|Embedding)\.create$|^openai\.|(?:^|\.)generate_content$|^(?:litellm|replicate)\.(?:completion|run)$|^anthropic\./;
const NETWORK_READ = /^(?:requests|httpx|session|client|http|urllib\.request|urllib3)\.(?:get|head|urlopen|urlretrieve|request)$|(?:^|\.)(?:urlopen|urlretrieve|snapshot_download|hf_hub_download)$/;
const NETWORK_WRITE = /^(?:requests|httpx|session|client)\.(?:post|put|patch|delete)$|(?:^|\.)(?:send_message|sendmail|push_to_hub|delete_object|delete_objects|put_object|upload_file|delete_bucket|terminate_instances|publish)$/;
const CLOCK = /^(?:time\.(?:time|time_ns|perf_counter|monotonic|process_time|ctime|localtime|gmtime|strftime)|datetime\.(?:datetime\.)?(?:now|today|utcnow)|dt\.datetime\.(?:now|today|utcnow)|date\.today|datetime\.date\.today|pd\.Timestamp\.(?:now|today|utcnow)|Timestamp\.now|perf_counter|uuid\.uuid[14]|uuid4|uuid1|os\.urandom|secrets\.\w+|os\.getpid|input|getpass\.getpass|getpass|os\.listdir|glob\.glob|os\.path\.(?:exists|getmtime|getsize)|psutil\.\w+|subprocess\.\w+)$/;
const DELETES = /^(?:os\.(?:remove|unlink|rmdir|removedirs)|shutil\.(?:rmtree)|send2trash)$/;
const MOVES = /^(?:os\.(?:rename|renames|replace)|shutil\.(?:move|copy|copyfile|copy2|copytree))$/;

/** Adds what the call does to `facts`. `reads` and `draws` add hidden state to the names of the statement. */
export function callEffects(call: CallText, facts: StatementFacts, hidden: { read: (name: string) => void; advance: (name: string) => void; set: (name: string) => void }, judge: ShellJudge = judgeShell): void {
  const { callee, name, positional, named, line } = call;
  const first = positional[0] ?? named.get("path") ?? named.get("filepath_or_buffer") ?? named.get("fname") ?? named.get("path_or_buf") ?? named.get("file") ?? "";
  const hazard = (kind: Hazard["kind"], what: string): void => { facts.hazards.push({ kind, what, line }); };
  const receiver = callee.endsWith(`.${name}`) ? callee.slice(0, -name.length - 1) : "";
  const file = fileKey(first);

  if (callee === "open" || callee === "io.open" || callee === "gzip.open" || callee === "codecs.open" || (name === "open" && positional.length <= 1 && /path|file/i.test(receiver))) {
    const target = callee === "open" || /^(?:io|gzip|codecs)\./.test(callee) ? file : fileKey(receiver);
    const mode = named.get("mode") ?? (callee.includes("open") && receiver !== "" && !/^(?:io|gzip|codecs)$/.test(receiver) ? positional[0] : positional[1]) ?? "\"r\"";
    if (/[wax+]/.test(mode)) {
      facts.filesWritten.push(target);
      if (mode.includes("w")) hazard("overwrites", `overwrites ${target}`);
    }
    if (/[r+]/.test(mode) && !/[wax]/.test(mode)) facts.filesRead.push(target);
  } else if (READERS.test(name) && (first !== "" || name.startsWith("read_")) && !/^(?:json|yaml|pickle|toml)$/.test(receiver) && name !== "load_dataset") {
    if (name === "read_text" || name === "read_bytes") facts.filesRead.push(fileKey(receiver));
    else if (/^["'fr]/.test(first) || /path|file|dir|root|url|csv|name/i.test(first)) {
      if (/^["']https?:/.test(first)) facts.nondeterministic = true;
      else facts.filesRead.push(file);
    }
  } else if (WRITERS.test(name)) {
    const target = name === "write_text" || name === "write_bytes" ? fileKey(receiver) : name === "save" && /^torch|joblib|pickle/.test(receiver) ? fileKey(positional[1] ?? "") : file;
    if (target !== "" && (name !== "save" || /^["'f]|path|file/i.test(target) || target.includes(".") || /^(?:np|torch|numpy)$/.test(receiver))) {
      facts.filesWritten.push(target);
      hazard("overwrites", `overwrites ${target}`);
    }
  } else if (name === "dump" && /^(?:pickle|joblib|json|yaml|torch)$/.test(receiver) && positional.length >= 2 && /^["'f]/.test(positional[1] ?? "")) {
    facts.filesWritten.push(fileKey(positional[1] as string));
    hazard("overwrites", `overwrites ${fileKey(positional[1] as string)}`);
  } else if (name === "to_sql" && /replace/.test(named.get("if_exists") ?? "")) hazard("database", `replaces the table ${file}`);

  if (DELETES.test(callee) || ((name === "unlink" || name === "rmdir" || name === "rmtree") && callee !== name)) hazard("deletes", `deletes ${DELETES.test(callee) ? file : fileKey(receiver)}`);
  if (MOVES.test(callee)) {
    hazard("overwrites", `${name}s ${file}${positional[1] === undefined ? "" : ` to ${fileKey(positional[1])}`}`);
    if (positional[1] !== undefined) facts.filesWritten.push(fileKey(positional[1]));
    facts.filesRead.push(file);
  }
  if (/^(?:execute|executemany|executescript|read_sql|read_sql_query|sql|query|run_query)$/.test(name)) {
    const before = facts.hazards.length;
    sqlHazard(positional.join(" "), line, facts.hazards);
    if (facts.hazards.length === before && name.startsWith("read_sql")) facts.nondeterministic = true;
  }
  if (PAID.test(callee)) {
    hazard("paid", `calls a service that may cost money (${callee})`);
    facts.nondeterministic = true;
  } else if (NETWORK_WRITE.test(callee)) {
    hazard("network", `changes something elsewhere (${callee})`);
    facts.nondeterministic = true;
  } else if (NETWORK_READ.test(callee)) facts.nondeterministic = true;
  if (/^(?:os\.system|os\.popen|subprocess\.(?:run|call|check_call|check_output|Popen|getoutput))$/.test(callee)) {
    const command = positional.join(" ").replaceAll(/["'[\],]/g, " ").replaceAll(/\s+/g, " ").trim();
    const judged = judge(command);
    if (judged) hazard(judged.kind, judged.what);
    facts.nondeterministic = true;
    if (/\bpip3?\s+install\b/.test(command)) {
      facts.packages.push(...command.replace(/^.*?\binstall\b/, "").split(/\s+/).filter((word) => word !== "" && !word.startsWith("-")));
      hazard("installs", `installs ${facts.packages.slice(0, 3).join(", ")}`);
    }
  }
  if (CLOCK.test(callee)) facts.nondeterministic = true;

  if (callee === "os.chdir" || callee === "chdir") {
    facts.environment.push("working directory");
    hidden.set(DIRECTORY);
  } else if (/^os\.(?:putenv|unsetenv)$|^os\.environ\.(?:update|setdefault|pop)$|^load_dotenv$/.test(callee)) {
    facts.environment.push(first.replaceAll(/["']/g, "") || "variables");
    hidden.set(ENVIRONMENT);
  } else if (/^os\.(?:getenv|environ\.get|path\.expandvars)$/.test(callee)) hidden.read(ENVIRONMENT);
  else if (/(?:^|\.)(?:set_option|reset_option|set_printoptions|option_context|set_eng_float_format)$/.test(callee)) hidden.set(DISPLAY);
  if (facts.filesRead.length + facts.filesWritten.length > 0 || callee === "os.getcwd") hidden.read(DIRECTORY);
  random(call, hidden);
}

/** Seeds define the state of a generator; draws read it and move it on. */
function random({ callee, name, named, positional }: CallText, { advance, set }: { advance: (name: string) => void; set: (name: string) => void }): void {
  if (/^(?:np|numpy)\.random\./.test(callee)) {
    if (name === "seed" || name === "set_state") set(RANDOM.numpy);
    else if (!/^(?:default_rng|RandomState|Generator|get_state|SeedSequence|PCG64|MT19937)$/.test(name)) advance(RANDOM.numpy);
  } else if (/^random\./.test(callee)) {
    if (name === "seed" || name === "setstate") set(RANDOM.python);
    else if (!/^(?:Random|SystemRandom|getstate)$/.test(name)) advance(RANDOM.python);
  } else if (/^(?:choice|choices|randint|randrange|shuffle|uniform|gauss|sample|rand|randn)$/.test(callee)) advance(RANDOM.python);
  else if (/^(?:torch\.manual_seed|torch\.random\.manual_seed|pl\.seed_everything|seed_everything|set_seed|tf\.random\.set_seed|keras\.utils\.set_random_seed)$/.test(callee)) {
    set(RANDOM.torch);
    if (/seed_everything|set_seed/.test(callee)) {
      set(RANDOM.numpy);
      set(RANDOM.python);
    }
  } else if (/^torch\.(?:rand|randn|randint|randperm|normal|bernoulli|multinomial|rand_like|randn_like|utils\.data\.random_split)$|^(?:torch\.)?nn\.(?:[A-Z]\w+)$|^(?:F|nn\.functional)\.dropout$|(?:^|\.)init\.\w+_$|^random_split$/.test(callee)) advance(RANDOM.torch);
  const unseeded = !named.has("random_state") && !named.has("seed");
  if (unseeded && ((name === "sample" && callee.includes(".") && !callee.startsWith("random.")) || /^(?:train_test_split|resample|make_\w+|permutation_importance|cross_val_score\w*)$/.test(name) || (/^(?:RandomForest|GradientBoosting|ExtraTrees|KMeans|SGD|MLP|TSNE|LogisticRegression_|IsolationForest|Bagging)\w*$/.test(name) && positional.length < 20))) advance(RANDOM.numpy);
}

/** The literal that `text` is, else its expression. */
function fileKey(text: string): string {
  const literal = /^[rbuRBU]?(["'])(.*)\1$/s.exec(text.trim());
  return literal ? literal[2] as string : text.trim().replace(/^(?:pathlib\.)?Path\((.*)\)$/s, (_, inner: string) => fileKey(inner));
}

/** Files are named like variables, so that a file written by one cell and read by another joins them. */
export function fileName(path: string): string {
  return `‹file ${path.replace(/^\.\//, "")}›`;
}

/** Adds the files of `facts` to its names. */
export function linkFiles(facts: StatementFacts): void {
  for (const path of new Set(facts.filesRead)) addUse(facts.uses, fileName(path), null);
  for (const path of new Set(facts.filesWritten)) facts.defines.push({ name: fileName(path), sure: true, origin: { from: "value" }, transform: false });
}
