// C and C++: buffers without bounds, sizes that overflow, freed or temporary things, formats from outside. CWE-119…134, 190/680, 242, 367, 377, 401/416, 676.
import type { SyntaxNode } from "../../base/syntaxTree.ts";
import { walk } from "../../base/syntaxTree.ts";
import type { CallRule, CodeContext, TreeRule } from "./rule.ts";

const CPP = ["cpp"] as const;
const COPY = { what: "Text is copied without a bound", fix: "Use a function that is told the size of the target (snprintf, strlcpy, std::string)" };
const SIZE = { what: "A size is multiplied without a check for overflow", fix: "Use calloc or reallocarray, or check the product first" };

/** Whether a product stands in `node` that is not all constants. */
function multiplies(node: SyntaxNode, { text, flow }: CodeContext): boolean {
  let found = false;
  walk(node, (inner) => {
    if (inner.type === "binary_expression" && /^(?:\*|<<)$/.test(text(inner.children[1] ?? inner)) && !flow.isLiteral(inner)) {
      const sides = [inner.children[0], inner.children[2]].map((side) => (side ? text(side) : ""));
      // sizeof times a constant cannot overflow.
      if (!sides.every((side) => /^\s*\(?\s*sizeof\b|^\d+$|^[A-Z][A-Z0-9_]+$/.test(side))) found = true;
    }
    return !found;
  });
  return found;
}

export const MEMORY_CALLS: readonly CallRule[] = [
  { cwe: "CWE-242", what: "gets reads without any bound", fix: "Use fgets with the size of the buffer", grammars: CPP, callee: /^(?:std::)?_?getws?$|^(?:std::)?gets$/ },
  { cwe: "CWE-120", ...COPY, grammars: CPP, callee: /^(?:std::)?(?:strcpy|strcat|stpcpy|wcscpy|wcscat|lstrcpy\w*|lstrcat\w*|_tcscpy|_tcscat|_mbscpy|StrCpy\w*|StrCat\w*)$/, when: (call, { flow, text }) => {
    const source = call.args[1];
    if (!source) return null;
    return flow.isLiteral(source) && text(source).length < 40 ? "possible" : "likely";
  } },
  { cwe: "CWE-120", ...COPY, grammars: CPP, callee: /^(?:std::)?(?:sprintf|vsprintf|wsprintf\w*|swprintf|_stprintf)$|\.sprintf$/, when: (call, { flow }) => {
    const format = flow.literal(call.args[1]) ?? flow.literalsIn(call.args[1] ?? call.node);
    return /%[^%]*s|%\[/.test(format) || call.args[1] !== undefined && !flow.isLiteral(call.args[1]) ? "likely" : "possible";
  } },
  { cwe: "CWE-120", ...COPY, grammars: CPP, callee: /^(?:std::)?v?(?:f|s)?w?scanf(?:_s)?$/, when: (call, { flow }) => (call.args.some((arg) => /%(?:l|h)*(?:s|\[)/.test(flow.literal(arg) ?? "")) ? "likely" : null) },
  { cwe: "CWE-119", what: "The length that is told may not be that of the buffer", fix: "Give the size of the target, and end the text with a zero yourself", grammars: CPP, callee: /^(?:std::)?(?:strncpy|strncat|wcsncpy|wcsncat|_snw?printf|_vsnprintf|bcopy)$|(?:^|::)\w*_?snprintf$/, when: (call, { text }) => (/strncat$/.test(call.callee) && /^sizeof\b[^-]*$/.test(text(call.args[2] ?? call.node)) ? "likely" : /^(?:snprintf|std::snprintf|vsnprintf)$/.test(call.callee) ? null : /strncpy$/.test(call.callee) && /strlen/.test(text(call.args[2] ?? call.node)) ? "likely" : "possible") },
  { cwe: "CWE-119", what: "As much is copied as the source says", fix: "Compare the length with the size of the target first", grammars: CPP, callee: /^(?:std::)?(?:memcpy|memmove|wmemcpy|CopyMemory|RtlCopyMemory)$/, when: (call, { text }) => (/\bstrlen\s*\(/.test(text(call.args[2] ?? call.node)) ? "possible" : null) },
  { cwe: "CWE-134", what: "A format comes from outside", fix: "Write printf(\"%s\", text)", grammars: CPP, callee: /^(?:std::)?(?:printf|fprintf|syslog|vprintf|wprintf|sn?printf|err|warn|errx|warnx)$/, when: (call, { flow }) => {
    const at = /fprintf|syslog/.test(call.name) || call.name === "sprintf" || call.name === "err" || call.name === "errx" ? 1 : call.name === "snprintf" ? 2 : 0;
    const format = call.args[at];
    return format && call.args.length === at + 1 && !flow.isLiteral(format) && /^(?:identifier|pointer_expression|subscript_expression|call_expression|field_expression)$/.test(format.type) ? "likely" : null;
  } },
  { cwe: "CWE-680", ...SIZE, grammars: CPP, callee: /(?:^|[_.>:])(?:m?alloc|realloc|alloca|\w*[mM]alloc|\w*[rR]ealloc|\w*palloc|repalloc|kmalloc|vmalloc|allocBlitMemory|xmalloc|g_malloc0?|av_malloc\w*|HeapAlloc|GlobalAlloc|LocalAlloc)$/, when: (call, context) => (/calloc|reallocarray|_array$/i.test(call.callee) ? null : call.args.some((arg) => multiplies(arg, context)) ? "possible" : null) },
  { cwe: "CWE-377", what: "A temporary file is made whose name can be guessed", fix: "Use mkstemp", grammars: CPP, callee: /^(?:std::)?(?:tmpnam(?:_r)?|tempnam|mktemp|_tempnam|_wtmpnam|GetTempFileName\w*)$/ },
  { cwe: "CWE-676", what: "A function is used that keeps its state between calls or is not safe", fix: "Use the form that takes its state (strtok_r, localtime_r)", grammars: CPP, callee: /^(?:std::)?(?:strtok|wcstok|asctime|ctime|localtime|gmtime|getlogin|cuserid|getpw|vfork|setuid|atoi|atol|atof)$/, when: (call) => (/strtok$|getpw|vfork|cuserid/.test(call.callee) ? "possible" : null) },
  { cwe: "CWE-367", what: "A file is checked first and used later, and may have changed between", fix: "Open it first and ask the open file", grammars: CPP, callee: /^(?:std::)?(?:access|_access|_waccess)$/, when: (_call, { facts }) => (facts.calls.some((call) => /^(?:f?open|remove|unlink|rename|chmod)$/.test(call.name)) ? "possible" : null) },
  { cwe: "CWE-732", what: "A file is made that every user may change", fix: "Give only the rights that are needed, such as 0600", grammars: CPP, callee: /^(?:chmod|fchmod|umask|mkdir|creat|open)$/, when: (call, { text }) => (call.name === "umask" ? (/^0+$/.test(text(call.args[0] ?? call.node)) ? "likely" : null) : call.args.some((arg) => /^0[0-7]*[2367]$/.test(text(arg)) && text(arg).length >= 4) ? "likely" : null) },
];

export const MEMORY_TREES: readonly TreeRule[] = [
  { cwe: "CWE-680", ...SIZE, grammars: CPP, find: (context, report) => {
    for (const node of context.facts.byType.get("new_declarator") ?? []) if (node.children.some((child) => child.named && multiplies(child, context))) report(node, "possible");
  } },
  { cwe: "CWE-121", what: "A buffer on the stack is filled without regard to its size", fix: "Give its size to every function that writes into it", grammars: CPP, find: ({ facts, text }, report) => {
    for (const node of facts.byType.get("array_declarator") ?? []) {
      const name = node.children[0] ? text(node.children[0]) : "";
      if (name === "") continue;
      const parent = node.parent ? text(node.parent) : "";
      if (!/^(?:static\s+|const\s+|unsigned\s+|signed\s+)*(?:w?char|u?int8_t|BYTE|UChar|TCHAR|WCHAR|uchar)\b/.test(parent)) continue;
      if (facts.calls.some((call) => call.args[0] !== undefined && new RegExp(`^&?(?:\\(\\s*char\\s*\\*\\s*\\))?\\s*${name.replace(/\W/g, "")}\\b`).test(text(call.args[0])) && /^(?:std::)?(?:strcpy|strcat|sprintf|vsprintf|gets|memcpy|read|recv|strncpy|fread|bcopy)$/.test(call.callee))) report(node, "possible");
      // Its size is only known at run time: a large one runs over the stack.
      else if (node.children[2]?.named === true && /^[a-z]\w*(?:(?:->|\.)\w+)*$/.test(text(node.children[2]))) report(node, "possible");
    }
  } },
  { cwe: "CWE-665", what: "std::auto_ptr loses what it points to when it is copied", fix: "Use std::unique_ptr", grammars: CPP, find: ({ facts }, report) => {
    const at = facts.tree.text.search(/\bstd::auto_ptr\s*</);
    if (at >= 0) report({ ...facts.tree.root, start: at, end: at + 13 }, "possible");
  } },
];
