// What fits none of the others: requests that anyone can forge, debugging left on, messages to anyone, memory that is not
// cleared, temporary files, cookies and origins, unsafe blocks. CWE-200/209, 215/489, 290, 306, 319, 345/346, 352, 377, 614, 668, 732, 770, 908, 942.
import { SCRIPT } from "./rule.ts";
import type { CallRule, TreeRule } from "./rule.ts";

export const OTHER_CALLS: readonly CallRule[] = [
  { cwe: "CWE-345", what: "A message is sent to whoever listens", fix: "Name the origin that it is for instead of \"*\"", grammars: SCRIPT, callee: /(?:^|\.)postMessage$/, when: (call, { flow }) => (flow.literal(call.args[1]) === "*" ? "likely" : null) },
  { cwe: "CWE-908", what: "Memory is used that still holds old data", fix: "Use Buffer.alloc", grammars: SCRIPT, callee: /^(?:new Buffer|Buffer\.allocUnsafe(?:Slow)?)$/, when: (call, { flow }) => (call.callee === "new Buffer" && flow.literal(call.args[0]) !== null ? null : "possible") },
  { cwe: "CWE-319", what: "Data travels unencrypted", fix: "Use https", grammars: ["python", ...SCRIPT, "go", "java", "php"], callee: /^(?:fetch|axios(?:\.\w+)?|requests\.\w+|http\.Get|http\.Post|\$\.(?:get|post|ajax)|urlopen|new URL|ftplib\.FTP|telnetlib\.Telnet)$/, when: (call, { flow }) => (/ftplib|telnetlib/.test(call.callee) ? "likely" : /^http:\/\/(?!localhost|127\.|0\.0\.0\.0|\[::1|example\.|10\.|192\.168\.)/.test(flow.literal(call.args[0]) ?? "") ? "possible" : null) },
  { cwe: "CWE-489", what: "The program runs with debugging on, which shows its inside to everyone", fix: "Switch it off outside of development", grammars: ["python"], callee: /(?:^|\.)(?:app|application)\.run$/, when: (call, { text }) => (call.args.some((arg) => /^debug\s*=\s*True$/.test(text(arg))) ? "likely" : null) },
  { cwe: "CWE-668", what: "A service is offered to the whole network", fix: "Bind it to 127.0.0.1 unless others are meant to reach it", grammars: ["python"], callee: /(?:^|\.)(?:run|bind|create_server|serve_forever|HTTPServer)$/, when: (call, { text }) => (call.args.some((arg) => /["']0\.0\.0\.0["']|\(\s*["']["']\s*,/.test(text(arg))) ? "possible" : null) },
  { cwe: "CWE-377", what: "A temporary file is made whose name can be guessed", fix: "Use mkstemp or NamedTemporaryFile", grammars: ["python"], callee: /^(?:tempfile\.mktemp|os\.(?:tempnam|tmpnam))$/ },
  { cwe: "CWE-732", what: "A file is made that every user may change", fix: "Give only the rights that are needed, such as 0o600", grammars: ["python", ...SCRIPT, "go", "php"], callee: /^(?:os\.(?:chmod|Chmod|OpenFile|WriteFile|MkdirAll|Mkdir|mkdir|makedirs|umask)|fs\.chmod(?:Sync)?|chmod|ioutil\.WriteFile)$/, when: (call, { text }) => (/umask/.test(call.callee) ? (/^0o?0*$/.test(text(call.args[0] ?? call.node)) ? "likely" : null) : call.args.some((arg) => /^0o?[0-7]?[0-7][0-7][2367]$/.test(text(arg)) || /stat\.S_IWOTH|stat\.S_IRWXO/.test(text(arg))) ? "likely" : null) },
  { cwe: "CWE-352", what: "Requests from other sites are accepted", fix: "Leave the protection on, and give the client its token", grammars: ["java"], callee: /\.csrf\(\)\.disable$|\.csrf$/, when: (call, { text }) => (/\.csrf\(\)\.disable$/.test(call.callee) || /disable/.test(call.args.map((arg) => text(arg)).join()) ? "likely" : null) },
  { cwe: "CWE-942", what: "Any site may read the answers", fix: "Name the origins that you trust", grammars: ["python", ...SCRIPT, "go", "java", "php"], callee: /(?:CORS|cors|add_middleware|setHeader|addHeader|header|Header\(\)\.Set|set)$/, when: (call, { text }) => {
    const given = call.args.map((arg) => text(arg)).join();
    return /Access-Control-Allow-Origin["']\s*,\s*["']\*|Access-Control-Allow-Origin:\s*\*|allow_origins\s*=\s*\[\s*["']\*["'].*allow_credentials\s*=\s*True|origin\s*:\s*["']\*["'].*credentials\s*:\s*true/s.test(given) ? "possible" : null;
  } },
  { cwe: "CWE-614", what: "A cookie travels unencrypted or can be read by scripts", fix: "Set secure, httpOnly and sameSite", grammars: ["python", ...SCRIPT], callee: /(?:set_cookie|res(?:ponse)?\.cookie)$/, when: (call, { text }) => (/secure\s*[:=]\s*(?:False|false)|httponly\s*[:=]\s*(?:False|false)/i.test(call.args.map((arg) => text(arg)).join()) ? "likely" : null) },
  { cwe: "CWE-200", what: "Error messages are shown to everyone", fix: "Write them to a log", grammars: ["php"], callee: /^(?:ini_set|error_reporting|phpinfo)$/, when: (call, { text }) => (call.name === "phpinfo" ? "likely" : call.name === "ini_set" && /display_errors/.test(text(call.args[0] ?? call.node)) && !/off|0|false/i.test(text(call.args[1] ?? call.node)) ? "likely" : null) },
  { cwe: "CWE-807", what: "What the program trusts is decided by its environment", fix: "Do not decide about rights by arguments, the environment or the program's own path", grammars: ["rust"], callee: /(?:^|::)(?:env::)?(?:current_exe|temp_dir|args|args_os)$/, when: (call) => (/env::(?:current_exe|temp_dir|args|args_os)$/.test(call.callee) ? "possible" : null) },
  { cwe: "CWE-250", what: "The program is told to keep more rights than it needs", fix: "Drop rights once they are not needed", grammars: ["python", "cpp"], callee: /^(?:os\.)?set(?:e?uid|e?gid)$/, when: (call, { text }) => (/^0$/.test(text(call.args[0] ?? call.node)) ? "likely" : null) },
];

export const OTHER_TREES: readonly TreeRule[] = [
  { cwe: "CWE-352", what: "A request that changes something is accepted from any site", fix: "Add [ValidateAntiForgeryToken] or use a token", grammars: ["c-sharp"], find: ({ facts, text }, report) => {
    if (/ValidateAntiForgeryToken|AutoValidateAntiforgeryToken|IgnoreAntiforgeryToken|ApiController|\[FromBody\]|JwtBearer|api\//.test(facts.tree.text)) return;
    for (const node of facts.byType.get("attribute") ?? []) if (/^Http(?:Post|Put|Delete|Patch)\b/.test(text(node))) report(node, "possible");
  } },
  { cwe: "CWE-676", what: "Memory is used past the checks of the compiler", fix: "Keep the unsafe block small, say why it holds, or use a safe interface", grammars: ["rust"], find: ({ facts, text }, report) => {
    for (const node of facts.byType.get("unsafe_block") ?? []) if (!/SAFETY:/i.test(facts.tree.text.slice(Math.max(0, node.start - 200), node.start)) && !/SAFETY:/i.test(text(node).slice(0, 200))) report(node, "possible");
  } },
  { cwe: "CWE-290", what: "Who is asking is decided by an address that can be forged", fix: "Identify by a session or a token; trust forwarded addresses only from your own proxy", grammars: ["php", ...SCRIPT, "python"], find: ({ facts, text }, report) => {
    for (const node of facts.byType.get("subscript_expression") ?? []) if (/_SERVER\s*\[\s*["'](?:REMOTE_ADDR|REMOTE_HOST|HTTP_X_FORWARDED_FOR|HTTP_CLIENT_IP|HTTP_REFERER)["']/.test(text(node)) && node.end - node.start < 60) report(node, /(?:==|!=|in_array|preg_match|where|if\s*\()/.test(text(node.parent?.parent ?? node)) ? "likely" : "possible");
  } },
  { cwe: "CWE-489", what: "Debugging is switched on in the settings", fix: "Switch it off outside of development", grammars: ["python"], find: ({ facts, text }, report) => {
    for (const { target, value, node } of facts.assigned) if (/^(?:DEBUG|app\.debug|app\.config\[["']DEBUG["']\])$/.test(target) && text(value) === "True") report(node, "possible");
  } },
  { cwe: "CWE-521", what: "Short or simple passwords are accepted", fix: "Ask for at least 12 characters", grammars: ["c-sharp", "python"], find: ({ facts, text }, report) => {
    for (const { target, value, node } of facts.assigned) if (/^(?:\w+\.)*(?:RequiredLength|min_password_length|PASSWORD_MIN_LENGTH)$/i.test(target) && /^[0-7]$/.test(text(value))) report(node, "likely");
  } },
];
