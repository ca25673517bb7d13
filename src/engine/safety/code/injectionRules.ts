// Data that becomes a program: SQL, shell, code, templates, paths, addresses, markup, XML, object streams.
// CWE-22, 78, 79, 89, 90, 94/95, 185/1333, 502, 601, 611, 643, 918, 943, 1336.
import type { SyntaxNode } from "../../base/syntaxTree.ts";
import { ALL, SCRIPT } from "./rule.ts";
import type { CallRule, CodeContext, Confidence, TreeRule } from "./rule.ts";
import type { CallSite } from "./codeFacts.ts";

const SQL = { what: "An SQL statement is put together from pieces", fix: "Pass values as parameters of a prepared statement" };
const SHELL = { what: "A command is put together and handed to a shell", fix: "Call the program with a list of arguments and no shell" };
const CODE = { what: "Text is run as code", fix: "Look the case up in a table, or parse the value as data" };
const FILE = { what: "A path comes from outside or is put together unchecked", fix: "Resolve it and check that it stays inside the folder that you mean" };
const FETCH = { what: "An address that a request decides is fetched", fix: "Allow only hosts of a list, and refuse private addresses" };
const OBJECTS = { what: "An object stream that can run code is read", fix: "Use a format of plain data, such as JSON" };
const XML = { what: "XML is parsed with external entities allowed", fix: "Switch off document types and external entities" };
const MARKUP = { what: "Text is put into a page without being escaped", fix: "Write it as text, or sanitise it" };

const SQL_WORDS = /\b(?:select\s[\s\S]*\bfrom|insert\s+into|update\s+[\s\S]*\bset|delete\s+from|drop\s+(?:table|database)|alter\s+table|create\s+(?:table|index|view|database)|truncate|show\s+(?:columns|tables|index|create)|replace\s+into|merge\s+into|exec(?:ute)?\s|where\s|order\s+by|from\s+\w|pragma\s|use\s)\b/i;

const strict = (...confident: readonly boolean[]): Confidence => (confident.some(Boolean) ? "likely" : "possible");
const firstArg = (call: CallSite): SyntaxNode | undefined => call.args[0];

/** A statement that is put together: certain where it reads like SQL. */
function sql(call: CallSite, { flow }: CodeContext, at = 0): Confidence | null {
  const arg = call.args[at];
  if (!arg) return null;
  if (flow.isLiteral(arg)) return null;
  const words = flow.literalsIn(arg);
  if (flow.isBuilt(arg)) return SQL_WORDS.test(words) ? "likely" : "possible";
  return flow.isTainted(arg) ? "likely" : null;
}

/** Not a literal: certain where it is put together or comes from outside. */
function dynamic(call: CallSite, { flow }: CodeContext, at = 0): Confidence | null {
  const arg = call.args[at];
  if (!arg || flow.isLiteral(arg)) return null;
  return strict(flow.isBuilt(arg), flow.isTainted(arg));
}

const tainted = (call: CallSite, { flow }: CodeContext, at = 0): Confidence | null => {
  const arg = call.args[at];
  return arg && !flow.isLiteral(arg) && flow.isTainted(arg) ? strict(flow.isRemote(arg)) : null;
};

/** A program may open what its own user names; what another machine names is another matter. */
const anyTainted = (call: CallSite, { flow, text }: CodeContext): Confidence | null => {
  const given = call.args.filter((arg) => flow.isTainted(arg) && !/^(?:r|w|ctx|req|request)$/.test(text(arg)));
  return given.length > 0 ? strict(given.some((arg) => flow.isRemote(arg))) : null;
};

const builtOrTainted = (call: CallSite, context: CodeContext, at = 0): Confidence | null => {
  const arg = call.args[at];
  if (!arg || context.flow.isLiteral(arg)) return null;
  return context.flow.isTainted(arg) ? "likely" : context.flow.isBuilt(arg) ? "possible" : null;
};

const hasShell = (call: CallSite, { text }: CodeContext): boolean => call.args.some((arg) => /^shell\s*=\s*True$/.test(text(arg)));

export const INJECTION_CALLS: readonly CallRule[] = [
  // SQL
  { cwe: "CWE-89", ...SQL, grammars: ["python"], callee: /(?:^|\.)(?:execute|executemany|executescript|raw|extra|read_sql(?:_query)?|text|query|mogrify|RawSQL)$/, when: (call, context) => (call.name === "text" && !/^(?:sqlalchemy\.|sa\.|db\.)?text$/.test(call.callee) ? null : sql(call, context)) },
  { cwe: "CWE-89", ...SQL, grammars: SCRIPT, callee: /(?:^|\.)(?:query|execute|raw|exec|all|get|run|prepare|\$queryRawUnsafe|\$executeRawUnsafe|queryRaw|each|whereRaw|orderByRaw|havingRaw|joinRaw|literal)$/, when: (call, context) => {
    const found = sql(call, context);
    return found && SQL_WORDS.test(context.flow.literalsIn(firstArg(call) as SyntaxNode)) ? found : /Unsafe$|Raw$|\braw$/.test(call.name) ? found : null;
  } },
  { cwe: "CWE-89", ...SQL, grammars: ["go"], callee: /\.(?:Query|QueryRow|Exec|QueryContext|ExecContext|QueryRowContext|Raw|Prepare|Where|Order|Select|Get)$/, when: (call, context) => {
    const at = call.name.endsWith("Context") ? 1 : 0;
    const found = sql(call, context, at);
    return found && (SQL_WORDS.test(context.flow.literalsIn(call.args[at] as SyntaxNode)) || /Raw$/.test(call.name)) ? found : null;
  } },
  { cwe: "CWE-89", ...SQL, grammars: ["java"], callee: /\.(?:execute(?:Query|Update|LargeUpdate)?|prepareStatement|prepareCall|createQuery|createNativeQuery|createSQLQuery|addBatch|rawQuery|execSQL|query(?:ForObject|ForList|ForMap)?|update|nativeSQL|queryForInt)$/, when: (call, context) => {
    const found = sql(call, context);
    return found && SQL_WORDS.test(context.flow.literalsIn(firstArg(call) as SyntaxNode)) ? found : null;
  } },
  { cwe: "CWE-89", ...SQL, grammars: ["c-sharp"], callee: /(?:\.(?:ExecuteSqlCommand|ExecuteSqlRaw\w*|FromSqlRaw|FromSql|SqlQuery|ExecuteNonQuery|ExecuteReader|ExecuteScalar|ExecuteQuery|CreateSQLQuery|CreateQuery|Execute|Query|QueryAsync|ExecuteAsync|ExecuteCommand|SetCommandText|ExecuteDataTable|ExecuteDataset|ExecuteSQL)|new (?:\w+\.)*(?:Sql|OleDb|Odbc|MySql|SQLite|Oracle|Npgsql|Db)(?:Command|DataAdapter))$/i, when: (call, context) => {
    const arg = firstArg(call);
    if (!arg || context.flow.isLiteral(arg)) return null;
    return sql(call, context) ?? "possible";
  } },
  { cwe: "CWE-89", ...SQL, grammars: ["php"], callee: /^(?:mysqli?_(?:query|multi_query|real_query|db_query|unbuffered_query|prepare)|pg_(?:query|send_query)|sqlite_query|mssql_query|odbc_exec|oci_parse|ibase_query|db2_exec)$|(?:\.|::)(?:query|exec|prepare|raw|select|statement|unprepared|whereRaw|get_results|get_var|get_row|executeQuery|createQuery|execute)$/, when: (call, context) => {
    const found = [0, 1].map((at) => sql(call, context, at)).find((each) => each !== null) ?? null;
    return found && (/^\w+$/.test(call.callee) || SQL_WORDS.test(call.args.slice(0, 2).map((arg) => context.flow.literalsIn(arg)).join(" "))) ? found : null;
  } },
  { cwe: "CWE-89", ...SQL, grammars: ["rust"], callee: /(?:^|::|\.)(?:query|sql_query|execute|prepare|query_as|batch_execute|query_one|simple_query|query_row|raw)$/, when: (call, context) => {
    const arg = firstArg(call);
    return arg && /format!\s*[([]/.test(context.text(arg)) && SQL_WORDS.test(context.text(arg)) ? "likely" : sql(call, context) === "likely" ? "likely" : null;
  } },
  { cwe: "CWE-89", ...SQL, grammars: ["cpp"], callee: /^(?:sqlite3_exec|mysql_query|mysql_real_query|PQexec|SQLExecDirect\w*)$|(?:\.|->)exec$/, when: (call, context) => (sql(call, context, /sqlite3|mysql|PQ|SQLExec/.test(call.callee) ? 1 : 0) === "likely" ? "likely" : null) },

  // Shell
  { cwe: "CWE-78", ...SHELL, grammars: ["python"], callee: /^(?:os\.(?:system|popen[234]?|startfile)|commands\.get(?:status)?output|popen2\.popen\w|(?:subprocess|asyncio)\.(?:getoutput|getstatusoutput|create_subprocess_shell)|(?:asyncio\.)?create_subprocess_shell)$/, when: (call, context) => dynamic(call, context) ?? "possible" },
  { cwe: "CWE-78", ...SHELL, grammars: ["python"], callee: /^(?:subprocess\.)?(?:call|run|Popen|check_call|check_output)$/, when: (call, context) => {
    const arg = firstArg(call);
    if (!arg) return null;
    if (hasShell(call, context)) return context.flow.isLiteral(arg) ? "possible" : "likely";
    if (context.flow.isLiteral(arg) && !call.callee.includes("subprocess")) return null;
    if (arg.type === "list") return arg.children.some((child) => child.named && context.flow.isTainted(child)) ? "likely" : call.callee.includes("subprocess") || /check_/.test(call.name) ? "possible" : null;
    return strict(context.flow.isTainted(arg), context.flow.isBuilt(arg));
  } },
  { cwe: "CWE-78", ...SHELL, grammars: ["python"], callee: /^os\.(?:exec[lv]p?e?|spawn[lv]p?e?|posix_spawn)$/, when: (call, context) => (call.args.some((arg) => context.flow.isTainted(arg)) ? "likely" : "possible") },
  { cwe: "CWE-78", ...SHELL, grammars: ["python"], callee: /(?:^|\.)exec_command$/, when: (call, context) => dynamic(call, context) },
  { cwe: "CWE-78", ...SHELL, grammars: SCRIPT, callee: /^(?:(?:child_process|cp|childProcess|shell|shelljs|require\(["'](?:node:)?child_process["']\))\.(?:exec|execSync)|execSync|execAsync|execPromise|execa\.command|shell\.exec)$/, when: (call, context) => dynamic(call, context) },
  { cwe: "CWE-78", ...SHELL, grammars: SCRIPT, callee: /^exec$/, when: (call, context) => (/child_process/.test(context.facts.tree.text) || context.flow.isBuilt(firstArg(call) ?? call.node) ? dynamic(call, context) : null) },
  { cwe: "CWE-78", ...SHELL, grammars: SCRIPT, callee: /(?:^|\.)(?:spawn|spawnSync|execFile|execFileSync|fork)$/, when: (call, context) => {
    const arg = firstArg(call);
    if (!arg) return null;
    if (call.args.some((each) => /shell\s*:\s*true/.test(context.text(each)))) return strict(!context.flow.isLiteral(arg));
    return context.flow.isLiteral(arg) && !call.args.slice(1).some((each) => context.flow.isTainted(each)) ? null : context.flow.isTainted(arg) ? "likely" : /^(?:child_process|cp|spawn)/.test(call.callee) && !context.flow.isLiteral(arg) ? "possible" : null;
  } },
  { cwe: "CWE-78", ...SHELL, grammars: ["go"], callee: /^exec\.Command(?:Context)?$/, when: (call, context) => {
    const args = call.name.endsWith("Context") ? call.args.slice(1) : call.args;
    const shell = /^(?:sh|bash|cmd|powershell|\/bin\/(?:ba)?sh)(?:\.exe)?$/.test(context.flow.literal(args[0]) ?? "");
    if (args.some((arg) => context.flow.isTainted(arg))) return "likely";
    if (shell) return args.slice(2).some((arg) => !context.flow.isLiteral(arg)) ? "likely" : null;
    return args[0] && !context.flow.isLiteral(args[0]) ? "possible" : null;
  } },
  { cwe: "CWE-78", ...SHELL, grammars: ["java"], callee: /(?:getRuntime\(\)|[rR]untime|rt|r)\.exec$|^new ProcessBuilder$|\.command$/, when: (call, context) => {
    if (call.args.length === 0 || call.name === "command" && !call.args.some((arg) => context.flow.isTainted(arg))) return null;
    return call.args.every((arg) => context.flow.isLiteral(arg)) ? (call.name === "exec" ? "possible" : null) : strict(call.args.some((arg) => context.flow.isBuilt(arg) || context.flow.isTainted(arg)));
  } },
  { cwe: "CWE-78", ...SHELL, grammars: ["c-sharp"], callee: /(?:^|\.)Process\.Start$|^new (?:\w+\.)*ProcessStartInfo$/, when: (call, context) => (call.args.length === 0 ? null : call.args.every((arg) => context.flow.isLiteral(arg)) ? "possible" : strict(call.args.some((arg) => context.flow.isBuilt(arg) || context.flow.isTainted(arg)))) },
  { cwe: "CWE-78", ...SHELL, grammars: ["php"], callee: /^(?:exec|system|passthru|shell_exec|popen|proc_open|pcntl_exec|expect_popen)$/, when: (call, context) => {
    const arg = firstArg(call);
    if (!arg) return null;
    if (/^escapeshell(?:arg|cmd)/.test(context.text(arg))) return "possible";
    return context.flow.isLiteral(arg) ? "possible" : "likely";
  } },
  { cwe: "CWE-78", ...SHELL, grammars: ["rust"], callee: /(?:^|::)Command::new$/, when: (call, context) => {
    const arg = firstArg(call);
    if (!arg) return null;
    if (!context.flow.isLiteral(arg)) return strict(context.flow.isTainted(arg));
    return /^(?:sh|bash|cmd|powershell)$/.test(context.flow.literal(arg) ?? "") ? "possible" : null;
  } },
  { cwe: "CWE-78", ...SHELL, grammars: ["cpp"], callee: /^(?:std::)?(?:system|popen|_popen|_wsystem|execlp?e?|execvp?e?|ShellExecute\w*|WinExec|CreateProcess\w*)$/, when: (call, context) => {
    const arg = firstArg(call);
    if (!arg) return null;
    if (/^(?:std::)?(?:system|_?popen|_wsystem|WinExec)$/.test(call.callee)) return context.flow.isLiteral(arg) ? (call.name === "system" ? "possible" : null) : "likely";
    return call.args.some((each) => context.flow.isTainted(each)) ? "likely" : null;
  } },

  // Code
  { cwe: "CWE-94", ...CODE, grammars: ["python"], callee: /^(?:eval|exec|execfile|compile|builtins\.(?:eval|exec)|__builtin__\.eval|pd\.eval|numexpr\.evaluate|code\.InteractiveInterpreter|timeit\.timeit)$/, when: (call, context) => {
    const arg = firstArg(call);
    if (!arg || call.name === "timeit" || call.name === "compile" && call.args.length < 3) return null;
    return context.flow.isLiteral(arg) ? null : "likely";
  } },
  { cwe: "CWE-95", ...CODE, grammars: SCRIPT, callee: /^(?:window\.|global\.|globalThis\.|self\.)?(?:eval|execScript)$|^(?:new )?Function$|^vm\.(?:runIn\w+|compileFunction|Script)$|^new vm\.Script$/, when: (call, context) => (call.args.length === 0 ? "possible" : call.args.every((arg) => context.flow.isLiteral(arg)) ? (/Function/.test(call.callee) ? "possible" : null) : "likely") },
  { cwe: "CWE-95", ...CODE, grammars: SCRIPT, callee: /^(?:window\.)?set(?:Timeout|Interval)$/, when: (call, context) => (firstArg(call) && /^(?:string|template_string|binary_expression)$/.test(firstArg(call)?.type ?? "") ? strict(!context.flow.isLiteral(firstArg(call) as SyntaxNode)) : null) },
  { cwe: "CWE-95", what: "A module whose name is computed is loaded", fix: "Choose among modules named in a table", grammars: SCRIPT, callee: /^require$/, when: (call, context) => (firstArg(call) && !context.flow.isLiteral(firstArg(call) as SyntaxNode) ? strict(context.flow.isTainted(firstArg(call) as SyntaxNode)) : null) },
  { cwe: "CWE-94", ...CODE, grammars: ["php"], callee: /^(?:eval|assert|create_function|call_user_func(?:_array)?|preg_replace)$/, when: (call, context) => {
    const arg = firstArg(call);
    if (!arg) return null;
    if (call.name === "preg_replace") return /\/\w*e\w*["']$/.test(context.text(arg)) ? "likely" : null;
    if (call.name.startsWith("call_user")) return context.flow.isTainted(arg) ? "likely" : null;
    return context.flow.isLiteral(arg) ? null : call.name === "assert" && !context.flow.isBuilt(arg) && !context.flow.isTainted(arg) ? null : "likely";
  } },
  { cwe: "CWE-94", ...CODE, grammars: ["java"], callee: /(?:[eE]ngine|getEngineByName\([^)]*\)|shell|evaluator|parser)\.(?:eval|evaluate|parseExpression)$|^new GroovyShell$/, when: (call, context) => dynamic(call, context) },
  { cwe: "CWE-1336", what: "A template is made of text that comes from outside", fix: "Keep the template fixed and pass values to it", grammars: ["python", ...SCRIPT, "java"], callee: /(?:^|\.)(?:render_template_string|Template|from_string|ejs\.render|pug\.render|Handlebars\.compile|_\.template|nunjucks\.renderString|Velocity\.evaluate)$/, when: builtOrTainted },

  // Paths
  { cwe: "CWE-22", ...FILE, grammars: ["python"], callee: /^(?:open|io\.open|codecs\.open|os\.(?:remove|unlink|rmdir|rename|listdir|makedirs|open)|shutil\.(?:copy\w*|move|rmtree)|send_file|flask\.send_file|FileResponse|(?:pathlib\.)?Path)$/, when: tainted },
  { cwe: "CWE-22", what: "An archive is unpacked wherever its entries say", fix: "Check every entry's path, or use the filter \"data\"", grammars: ["python"], callee: /(?:^|\.)extractall$/, when: (call, context) => (call.args.some((arg) => /^(?:filter|members)\s*=/.test(context.text(arg))) ? null : "possible") },
  { cwe: "CWE-22", ...FILE, grammars: SCRIPT, callee: /^(?:fs|fse|fsp|fsPromises|fs\.promises|promises)\.(?:readFile|readFileSync|writeFile|writeFileSync|createReadStream|createWriteStream|unlink|unlinkSync|readdir|readdirSync|rm|rmSync|appendFile\w*|open|openSync|existsSync|exists|stat|statSync|mkdir|mkdirSync|rename\w*|copyFile\w*|access\w*|lstat\w*)$|(?:^|\.)(?:sendFile|download)$/, when: (call, context) => {
    const arg = firstArg(call);
    if (!arg || context.flow.isLiteral(arg) || /^(?:import\.meta|__dirname|__filename)/.test(context.text(arg))) return null;
    return /sendFile|download/.test(call.name) ? (context.flow.isTainted(arg) ? "likely" : null) : strict(context.flow.isRemote(arg));
  } },
  { cwe: "CWE-22", ...FILE, grammars: ["go"], callee: /^(?:os\.(?:Open|OpenFile|ReadFile|WriteFile|Create|Remove|RemoveAll|Mkdir\w*)|ioutil\.(?:ReadFile|WriteFile)|http\.ServeFile|filepath\.Join)$/, when: (call, context) => (call.name === "Join" ? null : anyTainted(call, context)) },
  { cwe: "CWE-22", ...FILE, grammars: ["java"], callee: /^new (?:java\.io\.)?(?:File|FileInputStream|FileOutputStream|FileReader|FileWriter|RandomAccessFile)$|^(?:Paths\.get|Path\.of|Files\.\w+)$/, when: anyTainted },
  { cwe: "CWE-22", ...FILE, grammars: ["c-sharp"], callee: /(?:^|\.)(?:File\.(?:Open\w*|ReadAll\w*|WriteAll\w*|Delete|Create|Copy|Move)|Directory\.\w+|PhysicalFile)$|^new (?:FileStream|StreamReader|StreamWriter)$/, when: tainted },
  { cwe: "CWE-22", ...FILE, grammars: ["php"], callee: /^(?:fopen|file_get_contents|file_put_contents|readfile|unlink|file|copy|rename|move_uploaded_file|include|require|opendir|scandir|mkdir|rmdir)$/, when: tainted },
  { cwe: "CWE-22", ...FILE, grammars: ["rust", "cpp"], callee: /(?:File::(?:open|create)|fs::(?:read\w*|write|remove\w*)|^(?:fopen|open|ifstream|std::ifstream))$/, when: tainted },

  // Addresses
  { cwe: "CWE-918", ...FETCH, grammars: ["python"], callee: /^(?:requests|httpx|urllib\.request|urllib2|urllib|aiohttp|session|client)\.(?:get|post|put|delete|head|patch|request|urlopen|urlretrieve|Request)$|^urlopen$/, when: (call, context) => (/\.request$/.test(call.callee) ? tainted(call, context, 1) : tainted(call, context)) },
  { cwe: "CWE-918", ...FETCH, grammars: SCRIPT, callee: /^(?:fetch|axios(?:\.(?:get|post|put|delete|request))?|request(?:\.(?:get|post))?|got(?:\.\w+)?|https?\.(?:get|request)|needle(?:\.\w+)?|superagent\.\w+)$/, when: tainted },
  { cwe: "CWE-918", ...FETCH, grammars: ["go"], callee: /^http\.(?:Get|Post|Head|PostForm|NewRequest\w*)$|[cC]lient\.(?:Get|Post)$/, when: anyTainted },
  { cwe: "CWE-918", ...FETCH, grammars: ["java"], callee: /^new (?:java\.net\.)?(?:URL|URI|InetSocketAddress|HttpGet|HttpPost|Socket)$|\.(?:getForObject|getForEntity|postForObject|exchange|openConnection|uri)$/, when: (call, context) => {
    if (call.args.some((arg) => context.flow.isTainted(arg))) return "likely";
    return /InetSocketAddress|new Socket/.test(call.callee) && call.args.some((arg) => !context.flow.isLiteral(arg)) ? "possible" : null;
  } },
  { cwe: "CWE-918", ...FETCH, grammars: ["php"], callee: /^(?:curl_init|curl_setopt|file_get_contents|fsockopen|get_headers)$/, when: anyTainted },
  { cwe: "CWE-918", ...FETCH, grammars: ["c-sharp"], callee: /(?:GetAsync|PostAsync|GetStringAsync|DownloadString|WebRequest\.Create|DownloadFile)$/, when: tainted },
  { cwe: "CWE-601", what: "Users are sent to an address that a request decides", fix: "Allow only paths of this site, or look the target up in a list", grammars: ALL, callee: /(?:^|\.|::)(?:redirect|Redirect|sendRedirect|header|HttpResponseRedirect|RedirectResponse|http\.Redirect|RedirectPermanent|location\.(?:assign|replace)|setHeader|NewRedirect)$/, when: (call, context) => {
    const named = call.name === "header" || call.name === "setHeader";
    if (named && !/location/i.test(context.text(firstArg(call) ?? call.node))) return null;
    if (call.args.some((arg) => context.flow.isTainted(arg) && !/^(?:r|w|req|request|res|response|ctx|c)$/.test(context.text(arg)) && !/^(?:url_for|reverse)\(/.test(context.text(arg)))) return "likely";
    return context.facts.grammar === "c-sharp" && call.name === "Redirect" && firstArg(call) && !context.flow.isLiteral(firstArg(call) as SyntaxNode) ? "possible" : null;
  } },

  // Objects
  { cwe: "CWE-502", ...OBJECTS, grammars: ["python"], callee: /^(?:(?:c?[pP]ickle|_pickle|dill|cloudpickle|pkl|six\.moves\.cPickle)\.(?:loads?|Unpickler)|jsonpickle\.decode|shelve\.open|marshal\.loads?|joblib\.load|pandas\.read_pickle|pd\.read_pickle|torch\.load|Unpickler|yaml\.(?:unsafe_load|full_load|load_all))$/, when: (call, context) => (call.callee === "torch.load" ? (call.args.some((arg) => /weights_only\s*=\s*True/.test(context.text(arg))) ? null : "possible") : /shelve|joblib|read_pickle/.test(call.callee) ? "possible" : /^pickle\.dumps\(/.test(context.text(firstArg(call) ?? call.node)) ? "possible" : "likely") },
  { cwe: "CWE-502", ...OBJECTS, grammars: ["python"], callee: /(?:^|\.)yaml\.load$/, when: (call, context) => (call.args.some((arg) => /(?:Safe|CSafe|Base)Loader/.test(context.text(arg))) ? null : "likely") },
  { cwe: "CWE-502", ...OBJECTS, grammars: ["java"], callee: /^new (?:java\.io\.)?(?:ObjectInputStream|XMLDecoder|XStream|Yaml)$|\.(?:readObject|readUnshared|fromXML|enableDefaultTyping)$/, when: (call) => (/new XStream|new Yaml|fromXML/.test(call.callee) ? "possible" : "likely") },
  { cwe: "CWE-502", ...OBJECTS, grammars: ["c-sharp"], callee: /(?:[fF]ormatter|bf|ser|serializer)\.(?:Unsafe)?Deserialize$|^new (?:\w+\.)*(?:BinaryFormatter|SoapFormatter|LosFormatter|NetDataContractSerializer|ObjectStateFormatter|JavaScriptSerializer)$/, when: (call, context) => (/JavaScriptSerializer/.test(call.callee) ? (call.args.length > 0 ? "possible" : null) : /serializer\.Deserialize/.test(call.callee) && !/BinaryFormatter|SoapFormatter/.test(context.facts.tree.text) ? null : "likely") },
  { cwe: "CWE-502", ...OBJECTS, grammars: ["php"], callee: /^unserialize$/, when: (call, context) => strict(call.args.length < 2 && !context.flow.isLiteral(firstArg(call) ?? call.node)) },
  { cwe: "CWE-502", ...OBJECTS, grammars: ["php"], callee: /^serialize$/, when: (call, context) => (call.args.some((arg) => context.flow.isTainted(arg)) ? "possible" : null) },
  { cwe: "CWE-502", ...OBJECTS, grammars: SCRIPT, callee: /(?:^|\.)(?:unserialize|serialize\.unserialize|yaml\.load|jsyaml\.load)$/, when: (call, context) => (/unserialize$/.test(call.callee) ? "likely" : /DEFAULT_FULL_SCHEMA/.test(call.args.map((arg) => context.text(arg)).join()) ? "likely" : null) },
  { cwe: "CWE-502", ...OBJECTS, grammars: ["go"], callee: /^gob\.NewDecoder$/, when: tainted },

  // XML and its queries
  { cwe: "CWE-611", ...XML, grammars: ["python"], callee: /(?:^|\.)(?:etree\.(?:XMLParser)|xml\.sax\.(?:make_parser|parse\w*)|minidom\.parse\w*|pulldom\.parse\w*|lxml\.etree\.(?:parse|fromstring)|XMLParser)$/, when: (call, context) => (call.args.some((arg) => /resolve_entities\s*=\s*False/.test(context.text(arg))) || /defusedxml/.test(context.facts.tree.text) ? null : /resolve_entities\s*=\s*True/.test(context.text(call.node)) ? "likely" : "possible") },
  { cwe: "CWE-611", ...XML, grammars: ["java"], callee: /(?:DocumentBuilderFactory|SAXParserFactory|XMLInputFactory|TransformerFactory|SchemaFactory|XMLReaderFactory)\.(?:newInstance|newFactory|createXMLReader)$|(?:^|\.)(?:parser|reader|builder|p|saxParser|xmlReader|sp|db|dBuilder|documentBuilder|docBuilder|newSAXParser\(\)|newDocumentBuilder\(\))\.parse$|createXML(?:Stream|Event)Reader$|^new (?:SAXBuilder|SAXReader)$/i, when: (call, context) => (/disallow-doctype-decl|FEATURE_SECURE_PROCESSING|SUPPORT_DTD|ACCESS_EXTERNAL_DTD|setExpandEntityReferences\(false/.test(context.facts.tree.text) ? null : /DateFormat|JSONParser|CommandLineParser|LocalDate/.test(context.facts.tree.text) && call.name === "parse" ? null : "possible") },
  { cwe: "CWE-611", ...XML, grammars: ["c-sharp"], callee: /(?:^|\.)XmlReader\.Create$|(?:xml\w*|doc(?:ument)?|xDoc|xd|config)\.(?:Load|LoadXml)$|^new (?:XmlTextReader|XmlValidatingReader)$/i, when: (call, context) => (/DtdProcessing\.Prohibit|XmlResolver\s*=\s*null/.test(context.facts.tree.text) || /LINQ|XDocument\.Load/.test(call.callee) ? null : "possible") },
  { cwe: "CWE-611", ...XML, grammars: ["php"], callee: /^(?:simplexml_load_(?:string|file)|libxml_disable_entity_loader)$|\.(?:loadXML)$/, when: (call, context) => (/LIBXML_NOENT|libxml_disable_entity_loader\(false/i.test(context.text(call.node)) ? "likely" : null) },
  { cwe: "CWE-611", ...XML, grammars: SCRIPT, callee: /(?:^|\.)(?:parseXml|parseXmlString|XMLParser)$/, when: (call, context) => (/noent\s*:\s*true/.test(context.text(call.node)) ? "likely" : null) },
  { cwe: "CWE-643", what: "An XPath query is put together or comes from outside", fix: "Pass values as variables of the query", grammars: ["c-sharp", "java", "python", "php", ...SCRIPT], callee: /(?:\.|^)(?:SelectNodes|SelectSingleNode|XPathSelectElements?|XPathEvaluate|xpath|evaluate|compile|Compile)$/, when: (call, context) => {
    if (/^(?:compile|Compile|evaluate)$/.test(call.name) && !/xpath/i.test(call.callee)) return null;
    const arg = firstArg(call);
    if (!arg || context.flow.isLiteral(arg)) return null;
    return context.flow.isBuilt(arg) || context.flow.isTainted(arg) ? "likely" : context.facts.grammar === "c-sharp" ? "possible" : null;
  } },
  { cwe: "CWE-90", what: "A directory query is put together", fix: "Escape values for LDAP filters", grammars: ["python", "java", "php", "c-sharp"], callee: /(?:search(?:_s|_ext)?|ldap_search|ldap_list|new DirectorySearcher)$/, when: (call, context) => (call.args.some((arg) => context.flow.isBuilt(arg) && /\(\w+=/.test(context.flow.literalsIn(arg))) ? "likely" : null) },
  { cwe: "CWE-943", what: "A database query is taken from a request", fix: "Check the types of its values and name the fields yourself", grammars: SCRIPT, callee: /\.(?:find|findOne|findOneAndUpdate|updateOne|deleteOne|deleteMany|updateMany|aggregate|count)$/, when: (call, context) => (firstArg(call) && /^(?:req|request|ctx)\.(?:body|query|params)$|\$where/.test(context.text(firstArg(call) as SyntaxNode)) ? "likely" : null) },

  // Pages
  { cwe: "CWE-79", ...MARKUP, grammars: SCRIPT, callee: /(?:^|\.)(?:document\.write(?:ln)?|insertAdjacentHTML|bypassSecurityTrust\w+)$/, when: (call, context) => (call.args.every((arg) => context.flow.isLiteral(arg)) ? null : strict(call.args.some((arg) => context.flow.isTainted(arg)))) },
  { cwe: "CWE-79", ...MARKUP, grammars: SCRIPT, callee: /^res(?:ponse)?\.(?:send|write|end)$/, when: (call, context) => (firstArg(call) && context.flow.isTainted(firstArg(call) as SyntaxNode) && /<\w/.test(context.flow.literalsIn(firstArg(call) as SyntaxNode)) ? "likely" : null) },
  { cwe: "CWE-79", ...MARKUP, grammars: SCRIPT, callee: /(?:\$|jQuery|\))\S*\.(?:html|append|prepend|after|before|wrap)$/, when: builtOrTainted },
  { cwe: "CWE-79", ...MARKUP, grammars: ["python"], callee: /^(?:mark_safe|Markup|SafeString|format_html|jinja2\.Environment|Environment|HttpResponse|make_response)$/, when: (call, context) => {
    if (/Environment$/.test(call.callee)) return /jinja2/.test(context.facts.tree.text) && !call.args.some((arg) => /autoescape\s*=/.test(context.text(arg))) ? "likely" : null;
    return /HttpResponse|make_response/.test(call.callee) ? (firstArg(call) && context.flow.isTainted(firstArg(call) as SyntaxNode) && context.flow.isBuilt(firstArg(call) as SyntaxNode) ? "likely" : null) : builtOrTainted(call, context);
  } },
  { cwe: "CWE-79", ...MARKUP, grammars: ["java"], callee: /(?:getWriter\(\)|getOutputStream\(\)|writer|out|response)\.(?:print|println|write|append)$/, when: (call, context) => (firstArg(call) && context.flow.isTainted(firstArg(call) as SyntaxNode) ? "likely" : /getWriter\(\)|^writer\./.test(call.callee) && firstArg(call) && context.flow.isBuilt(firstArg(call) as SyntaxNode) && /Servlet|HttpServletRe/.test(context.facts.tree.text) ? "possible" : null) },
  { cwe: "CWE-79", ...MARKUP, grammars: ["go"], callee: /^(?:template\.(?:HTML|JS|URL)|fmt\.Fprintf?|io\.WriteString|w\.Write)$/, when: (call, context) => (call.args.some((arg) => context.flow.isTainted(arg) && !/^(?:w|r)$/.test(context.text(arg))) ? "likely" : null) },
  { cwe: "CWE-79", ...MARKUP, grammars: ["php"], callee: /^(?:die|exit|printf|print_r|print)$/, when: tainted },
  { cwe: "CWE-185", what: "A regular expression is put together from text", fix: "Escape the text, and bound the time that matching may take", grammars: SCRIPT, callee: /^(?:new )?RegExp$/, when: (call, context) => (firstArg(call) && !context.flow.isLiteral(firstArg(call) as SyntaxNode) && !/escape/i.test(context.text(firstArg(call) as SyntaxNode)) ? strict(context.flow.isTainted(firstArg(call) as SyntaxNode)) : null) },
];

const SECRET_VALUE = /(?:^|[._$>[])["']?(?:(?!has|is|use|show|hide|need|no)\w*(?:password|passwd|secret|signature|hmac|digest|api_?key|csrf)(?:_?(?:hash|hex|value|bytes|digest))?|pass|token|hash|mac)["']?\]?(?:\(\))?$/i;
/** Compared with these, a secret tells nothing. */
const NO_SECRET = /^(?:null|undefined|None|nil|true|false|\d+|typeof .*|.*\.length|''|""|self\.\w+_(?:method|type))$/;

export const INJECTION_TREES: readonly TreeRule[] = [
  { cwe: "CWE-89", ...SQL, grammars: ["c-sharp", "php", "java", "python", "javascript", "typescript"], find: ({ facts, flow }, report) => {
    for (const { target, value, node } of facts.assigned) {
      if (/CommandText$|\.Sql$/.test(target) && !flow.isLiteral(value)) report(node, flow.isBuilt(value) ? "likely" : "possible");
      else if (/(?:^|[._$>])(?:sql|query|stmt|statement|qry|\w*Sql|\w*Query|\w*SQL)$/.test(target) && flow.isBuilt(value) && SQL_WORDS.test(flow.literalsIn(value)) && /\b(?:where|values|set)\b/i.test(flow.literalsIn(value))) report(node, flow.isTainted(value) ? "likely" : "possible");
    }
  } },
  { cwe: "CWE-78", ...SHELL, grammars: ["c-sharp"], find: ({ facts, flow }, report) => {
    for (const { target, value, node } of facts.assigned) if (/(?:StartInfo|psi|startInfo|info)\.(?:Arguments|FileName)$/.test(target)) report(node, flow.isLiteral(value) ? "possible" : flow.isBuilt(value) || flow.isTainted(value) ? "likely" : "possible");
  } },
  { cwe: "CWE-78", ...SHELL, grammars: ["php"], find: ({ facts }, report) => {
    for (const node of facts.byType.get("shell_command_expression") ?? []) report(node, "likely");
  } },
  { cwe: "CWE-98", what: "A file whose name comes from outside is run", fix: "Choose among files named in a table", grammars: ["php"], find: ({ facts, flow }, report) => {
    for (const type of ["include_expression", "include_once_expression", "require_expression", "require_once_expression"]) for (const node of facts.byType.get(type) ?? []) if (flow.isTainted(node)) report(node, "likely");
  } },
  { cwe: "CWE-79", ...MARKUP, grammars: ["php"], find: ({ facts, flow, text }, report) => {
    for (const type of ["echo_statement", "print_intrinsic", "exit_statement"]) for (const node of facts.byType.get(type) ?? []) if (!/htmlspecialchars|htmlentities|esc_|strip_tags|json_encode|intval|\(int\)|number_format|count\(/.test(text(node)) && flow.isTainted(node)) report(node, "likely");
  } },
  { cwe: "CWE-79", ...MARKUP, grammars: SCRIPT, find: ({ facts, flow, text }, report) => {
    for (const { target, value, node } of facts.assigned) {
      if (/\.(?:innerHTML|outerHTML)$/.test(target) && !flow.isLiteral(value) && !/sanit|purify|escape|trusted/i.test(text(value))) report(node, flow.isTainted(value) || flow.isBuilt(value) ? "likely" : "possible");
      else if (/^dangerouslySetInnerHTML$|^__html$/.test(target) && !flow.isLiteral(value) && !/sanit|purify|escape/i.test(text(value)) && target === "__html") report(node, "possible");
      else if (/^(?:window\.)?location(?:\.href)?$/.test(target) && flow.isTainted(value)) report(node, "likely");
    }
    for (const node of facts.byType.get("jsx_attribute") ?? []) if (/^dangerouslySetInnerHTML/.test(text(node)) && !/sanit|purify/i.test(text(node))) report(node, "likely");
  } },
  { cwe: "CWE-94", ...CODE, grammars: ["python"], find: ({ facts, flow }, report) => {
    for (const node of facts.byType.get("exec_statement") ?? []) if (!flow.isLiteral(node.children[1] ?? node)) report(node, "likely");
  } },
  { cwe: "CWE-208", what: "A secret is compared in a time that tells how much of it was right", fix: "Compare in constant time (timingSafeEqual, compare_digest, hash_equals)", grammars: [...SCRIPT, "python", "php", "go"], find: ({ facts, flow, text }, report) => {
    for (const type of ["binary_expression", "comparison_operator"]) for (const node of facts.byType.get(type) ?? []) {
      if (node.children.length !== 3 || !/^[=!]==?$/.test(text(node.children[1] as SyntaxNode))) continue;
      const [left, right] = [node.children[0] as SyntaxNode, node.children[2] as SyntaxNode];
      const sides = [text(left), text(right)];
      if (!sides.some((side) => SECRET_VALUE.test(side)) || sides.some((side) => NO_SECRET.test(side)) || /confirm|repeat|again|retype|verify|old|previous|2$/i.test(sides.join(" "))) continue;
      const constant = [left, right].some((side) => flow.isLiteral(side) && !/^["']/.test(text(side)) || /^[A-Z][A-Z0-9_.]*$/.test(text(side)));
      if (!constant) report(node, !sides.some((side) => /^["']/.test(side)) && /password|secret|signature|hmac/i.test(sides.join(" ")) ? "likely" : "possible");
    }
  } },
];
