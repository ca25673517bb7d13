// What needs no import and no installation: modules of the standard libraries and global names. Facts after the documentation of
// Python 3.13 (with modules up to 3.8 that later versions dropped), Node 24, Go 1.24 and the web platform. Tables only.

export type GroundedLanguage = "python" | "typescript" | "go";

const set = (text: string): ReadonlySet<string> => new Set(text.split(" "));

const PYTHON_MODULES = set(
  "__future__ __main__ abc aifc antigravity argparse array ast asynchat asyncio asyncore atexit audioop base64 bdb binascii binhex bisect builtins bz2 cProfile calendar cgi cgitb chunk cmath cmd code codecs codeop "
  + "collections colorsys compileall compression concurrent configparser contextlib contextvars copy copyreg crypt csv ctypes curses dataclasses datetime dbm decimal difflib dis distutils doctest dummy_threading email encodings "
  + "ensurepip enum errno faulthandler fcntl filecmp fileinput fnmatch formatter fractions ftplib functools gc genericpath getopt getpass gettext glob graphlib grp gzip hashlib heapq hmac html http idlelib imaplib "
  + "imghdr imp importlib inspect io ipaddress itertools json keyword lib2to3 linecache locale logging lzma mailbox mailcap marshal math mimetypes mmap modulefinder msilib msvcrt multiprocessing netrc nis "
  + "nntplib nt ntpath nturl2path numbers opcode operator optparse os ossaudiodev parser pathlib pdb pickle pickletools pipes pkgutil platform plistlib poplib posix posixpath pprint profile pstats pty pwd "
  + "py_compile pyclbr pydoc pyexpat queue quopri random re readline reprlib resource rlcompleter runpy sched secrets select selectors shelve shlex shutil signal site smtpd smtplib sndhdr socket "
  + "socketserver spwd sqlite3 sre_compile sre_constants sre_parse ssl stat statistics string stringprep struct subprocess sunau symbol symtable sys sysconfig syslog tabnanny tarfile telnetlib tempfile termios test "
  + "textwrap this threading time timeit tkinter token tokenize tomllib trace traceback tracemalloc tty turtle types typing unicodedata unittest urllib uu uuid venv warnings wave weakref webbrowser winreg "
  + "winsound wsgiref xdrlib xml xmlrpc zipapp zipfile zipimport zlib zoneinfo _thread _typeshed annotationlib");
const NODE_MODULES = set("assert async_hooks buffer child_process cluster console constants crypto dgram diagnostics_channel dns domain events fs http http2 https inspector module net os path perf_hooks process punycode querystring readline repl sea sqlite stream string_decoder sys test timers tls trace_events tty url util v8 vm wasi worker_threads zlib");

const PYTHON_NAMES = set(
  "abs aiter all anext any ascii bin bool breakpoint bytearray bytes callable chr classmethod compile complex delattr dict dir divmod enumerate eval exec exit filter float format frozenset getattr globals hasattr hash help hex id input int "
  + "isinstance issubclass iter len list locals map max memoryview min next object oct open ord pow print property quit range repr reversed round set setattr slice sorted staticmethod str sum super tuple type vars zip __import__ copyright credits license "
  + "unicode xrange basestring long reduce raw_input unichr file cmp reload execfile display get_ipython reveal_type match case type print");
const SCRIPT_NAMES = set(
  "Array ArrayBuffer BigInt Boolean Date Error AggregateError EvalError RangeError ReferenceError SyntaxError TypeError URIError Function Map Number Object Promise Proxy RegExp Set String Symbol WeakMap WeakRef WeakSet Intl JSON Math Reflect Atomics "
  + "decodeURI decodeURIComponent encodeURI encodeURIComponent escape eval isFinite isNaN parseFloat parseInt unescape globalThis require module exports process Buffer console fetch setTimeout setInterval setImmediate clearTimeout clearInterval "
  + "clearImmediate queueMicrotask structuredClone requestAnimationFrame cancelAnimationFrame requestIdleCallback alert confirm prompt atob btoa getComputedStyle matchMedia open close postMessage addEventListener removeEventListener dispatchEvent "
  + "importScripts super import describe it test expect before after beforeEach afterEach beforeAll afterAll suite setup teardown specify context assert jest vi cy acquireVsCodeApi btoa define defineProps defineEmits defineExpose withDefaults $ jQuery "
  + "catch if for while switch function return constructor async await of keyof typeof satisfies infer asserts with do");
const GO_NAMES = set("append cap clear close complex copy delete imag len make max min new panic print println real recover bool byte rune string error int int8 int16 int32 int64 uint uint8 uint16 uint32 uint64 uintptr float32 float64 complex64 complex128 any func if for switch return go defer select range map chan struct interface");

export function isBuiltinModule(specifier: string, language: GroundedLanguage): boolean {
  if (language === "python") return PYTHON_MODULES.has(specifier.split(".")[0]!);
  // Go's own packages have no dot in their first part; those of modules do.
  if (language === "go") return !specifier.split("/")[0]!.includes(".");
  return specifier.startsWith("node:") || specifier.startsWith("bun:") || NODE_MODULES.has(specifier.split("/")[0]!);
}

export function isBuiltinName(name: string, language: GroundedLanguage): boolean {
  if (language === "python") return PYTHON_NAMES.has(name) || /^[A-Z]\w*(?:Error|Exception|Warning|Exit|Interrupt|Iteration)$/.test(name) || name === "BaseExceptionGroup" || name === "ExceptionGroup";
  if (language === "go") return GO_NAMES.has(name);
  return SCRIPT_NAMES.has(name) || /^(?:HTML|SVG|DOM|CSS|RTC|IDB|URL|Uint|Int|Float|BigInt|BigUint|Text|Abort|Custom|Event|Form|Headers|Request|Response|Readable|Writable|Transform|Mutation|Intersection|Resize|Performance|Message|Broadcast|Web|XML|File|Blob|Image|Audio|Worker|Shared|Data|Iterator|Finalization|Compression|Decompression|Keyboard|Mouse|Pointer|Node|Element|Option|Storage|Crypto|Notification|Path2D|Offscreen)\w*$/.test(name);
}
