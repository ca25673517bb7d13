// Which language code is written in, where nobody says: by what only one of them writes. Null where that is not plain.

const MARKS: readonly (readonly [string, RegExp])[] = [
  ["php", /<\?php|\$\w+\s*=[^=]|\$this->|\bfunction\s+\w+\s*\([^)]*\$\w/],
  ["go", /^package \w+|\bfunc\s*(?:\([^)]*\)\s*)?\w+\(|:=/m],
  ["rust", /\bfn\s+\w+\s*[(<]|\blet\s+mut\b|\bimpl\b[^;]*\{|\bpub\s+(?:fn|struct|enum)\b|\w+!\(/],
  ["python", /^\s*(?:def\s+\w+\s*\(.*\).*:|class\s+\w+.*:|from\s+[\w.]+\s+import\s|import\s+[\w.]+(?:\s+as\s+\w+)?\s*$|elif\b.*:|with\s+.*:$|if\s+.*:\s*$|for\s+\w+.*\bin\b.*:\s*$)/m],
  ["java", /\bimport\s+java|\bpublic\s+(?:static\s+|final\s+)*(?:class|interface|void)\b|\bthrows\s+\w+|\bString\s+\w+\s*=|System\.out\.|@Override/],
  ["csharp", /^\s*using\s+[\w.]+;|\bnamespace\s+[\w.]+\s*[{;]|\bvar\s+\w+\s*=\s*new\b|\bstring\s+\w+\s*=|Console\.(?:Write|Read)/m],
  ["cpp", /^\s*#\s*include\b|\bstd::|\b(?:char|int|void)\s*\*?\s*\w+\s*\([^)]*\)\s*\{|\bmalloc\s*\(|->\w+\s*\(|\bchar\s+\w+\[/m],
  ["typescript", /\binterface\s+\w+\s*\{|:\s*(?:string|number|boolean|unknown)\b|\bimport\s+type\b|\bas\s+const\b/],
  ["javascript", /\b(?:const|let|var)\s+[\w{[]|=>|\bfunction\s*\w*\s*\(|\brequire\(|\bdocument\.|\bconsole\.log/],
];

/** An id that codeGrammarOf knows, or null. Looks at the first 20,000 characters. */
export function guessLanguage(code: string): string | null {
  const head = code.slice(0, 20_000);
  return MARKS.find(([, mark]) => mark.test(head))?.[0] ?? null;
}
