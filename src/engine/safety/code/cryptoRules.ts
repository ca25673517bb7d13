// Weak ciphers and hashes, randomness that can be guessed, certificates that are not checked, keys written into code.
// CWE-295, 312, 321, 326, 327, 328, 329, 330/338, 347, 759/760, 798, 916.
import { SECURES, SCRIPT, around } from "./rule.ts";
import type { CallRule, CodeContext, TreeRule } from "./rule.ts";
import type { CallSite } from "./codeFacts.ts";

const HASH = { what: "A hash that can be forged (MD5, SHA-1) is used", fix: "Use SHA-256 or better; for passwords bcrypt, scrypt or Argon2" };
const RANDOM = { what: "Random numbers that can be guessed are used", fix: "Where the value protects something, use the system's secure generator" };
const CIPHER = { what: "A weak cipher or mode is used", fix: "Use AES-GCM or ChaCha20-Poly1305 with a fresh nonce" };
const CERTIFICATE = { what: "The other side's certificate is not checked", fix: "Leave verification on; give the tool your own certificate authority instead" };

const WEAK_DIGEST = /^(?:md[245]|sha-?1|ripemd(?:128|160)?|md5WithRSA\w*|sha1with\w*)$/i;
const hashIsSecurity = (call: CallSite, context: CodeContext) => (SECURES.test(around(context, call.node)) ? "likely" as const : "possible" as const);
const randomIsSecurity = (call: CallSite, context: CodeContext) => (SECURES.test(around(context, call.node).replace(/\b(?:random|key(?:s|Code|down|up|press|board)?)\b/gi, "")) ? "likely" as const : "possible" as const);

/** A certificate check that an option switches off. */
const OFF = /(?:rejectUnauthorized|strictSSL|verify|verify_ssl|check_hostname|ssl_verify|CURLOPT_SSL_VERIFY(?:PEER|HOST)|verify_peer|verify_peer_name|VERIFY_SSL|InsecureSkipVerify)/;

export const CRYPTO_CALLS: readonly CallRule[] = [
  { cwe: "CWE-328", ...HASH, grammars: ["python"], callee: /^(?:hashlib\.(?:md5|sha1)|(?:Crypto|Cryptodome)\.Hash\.(?:MD[245]|SHA1?)\.new|(?:MD[245]|SHA)\.new|md5\.(?:new|md5)|sha\.new|hashes\.(?:MD5|SHA1)|md5|sha1)$/, when: (call, context) => (call.args.some((arg) => /usedforsecurity=False/.test(context.text(arg))) ? null : hashIsSecurity(call, context)) },
  { cwe: "CWE-328", ...HASH, grammars: ["python"], callee: /^(?:hashlib\.new|hmac\.new)$/, when: (call, context) => (call.args.some((arg) => WEAK_DIGEST.test(context.flow.literal(arg) ?? "") || /hashlib\.(?:md5|sha1)$/.test(context.text(arg))) ? hashIsSecurity(call, context) : null) },
  { cwe: "CWE-328", ...HASH, grammars: SCRIPT, callee: /(?:^|\.)create(?:Hash|Hmac|Sign|Verify)$/, when: (call, context) => (WEAK_DIGEST.test((context.flow.literal(call.args[0]) ?? "").replace(/^rsa-/i, "")) ? hashIsSecurity(call, context) : null) },
  { cwe: "CWE-328", ...HASH, grammars: SCRIPT, callee: /^(?:CryptoJS\.(?:Hmac)?(?:MD5|SHA1)|md5|sha1|hex_md5|hex_sha1)$/, when: hashIsSecurity },
  { cwe: "CWE-328", ...HASH, grammars: ["go"], callee: /^(?:md5|sha1|md4)\.(?:New|Sum)$/, when: hashIsSecurity },
  { cwe: "CWE-328", ...HASH, grammars: ["java"], callee: /(?:^|\.)(?:Hashing\.(?:md5|sha1)|DigestUtils\.(?:md[25]|sha1?)(?:Hex)?|getSha1Digest|getMd5Digest|new MD5Digest|new SHA1Digest)$/, when: hashIsSecurity },
  { cwe: "CWE-328", ...HASH, grammars: ["java"], callee: /(?:MessageDigest|Mac|Signature|SecretKeyFactory)\.getInstance$/, when: (call, context) => (/^(?:Hmac)?(?:md[245]|sha-?1)$|^(?:md5|sha1)with|WithHmacSHA1$/i.test(context.flow.literal(call.args[0]) ?? "") ? "likely" : null) },
  { cwe: "CWE-328", ...HASH, grammars: ["c-sharp"], callee: /(?:^|\.|new )(?:System\.Security\.Cryptography\.)?(?:HMAC)?(?:MD5|SHA1|RIPEMD160)(?:Cng|Managed|CryptoServiceProvider)?(?:\.Create|\.HashData)?$/, when: hashIsSecurity },
  { cwe: "CWE-327", ...CIPHER, grammars: ["c-sharp"], callee: /(?:^|\.|new )(?:DES|TripleDES|RC2|Rijndael)(?:Cng|Managed|CryptoServiceProvider)?(?:\.Create)?$/ },
  { cwe: "CWE-328", ...HASH, grammars: ["php"], callee: /^(?:md5|sha1|md5_file|sha1_file|crypt|mhash)$/, when: hashIsSecurity },
  { cwe: "CWE-328", ...HASH, grammars: ["php"], callee: /^(?:hash|hash_hmac|openssl_digest|openssl_sign)$/, when: (call, context) => (call.args.slice(0, 2).some((arg) => WEAK_DIGEST.test(context.flow.literal(arg) ?? "")) ? "likely" : null) },
  { cwe: "CWE-328", ...HASH, grammars: ["rust"], callee: /(?:^|::)(?:Md[245]|Sha1|md[245]|sha1)(?:::(?:new|default|digest|from|compute|hash|Sha1::new|Md5::new|Context::new))+$|(?:^|::)(?:MessageDigest::(?:md5|sha1)|md5::compute|HMAC_SHA1\w*)$/ },
  { cwe: "CWE-328", ...HASH, grammars: ["cpp"], callee: /^(?:EVP_(?:md[245]|sha1|mdc2|ripemd160)|(?:private_)?(?:MD[245]|SHA1?)(?:_(?:Init|Update|Final|CTX))?|CC_MD5|CC_SHA1|QCryptographicHash::hash|mbedtls_(?:md5|sha1)\w*|gcry_md_hash_buffer)$/ },
  { cwe: "CWE-327", ...CIPHER, grammars: ["cpp"], callee: /^(?:EVP_(?:des|rc2|rc4|bf|idea|cast5|seed)\w*|EVP_\w+_(?:ecb|cbc)|DES_\w*crypt\w*|RC4|BF_\w*encrypt|AES_(?:ecb|cbc)_encrypt|des_\w*crypt\w*|EVP_BytesToKey)$/, when: (call) => (/_cbc$|BytesToKey/.test(call.callee) ? "possible" : "likely") },
  { cwe: "CWE-327", ...CIPHER, grammars: ["java"], callee: /(?:Cipher|KeyGenerator|SecretKeyFactory)\.getInstance$/, when: (call, context) => {
    const name = context.flow.literal(call.args[0]) ?? "";
    if (/^(?:DES(?:ede)?|RC[245]|Blowfish|ARCFOUR|IDEA)(?:\/|$)|\/ECB\//i.test(name) || /^AES$/i.test(name) && call.callee.includes("Cipher")) return "likely";
    return /\/CBC\/|RSA\/\w+\/(?:NoPadding|PKCS1Padding)/i.test(name) ? "possible" : null;
  } },
  { cwe: "CWE-327", ...CIPHER, grammars: ["python"], callee: /(?:^|\.)(?:(?:DES3?|ARC[24]|Blowfish|CAST|XOR|IDEA)\.new|(?:algorithms\.)?(?:TripleDES|ARC4|Blowfish|IDEA|CAST5|SEED)|modes\.ECB)$/ },
  { cwe: "CWE-327", ...CIPHER, grammars: ["python"], callee: /(?:^|\.)AES\.new$/, when: (call, context) => (call.args.some((arg) => /MODE_ECB/.test(context.text(arg))) || call.args.length === 1 ? "likely" : null) },
  { cwe: "CWE-327", ...CIPHER, grammars: SCRIPT, callee: /(?:^|\.)create(?:Cipher|Decipher)(?:iv)?$/, when: (call, context) => (!call.name.endsWith("iv") || /^(?:des|rc[24]|bf|cast|seed)|-ecb$/i.test(context.flow.literal(call.args[0]) ?? "") ? "likely" : null) },
  { cwe: "CWE-327", ...CIPHER, grammars: SCRIPT, callee: /^CryptoJS\.(?:DES|TripleDES|RC4|Rabbit)\.encrypt$/ },
  { cwe: "CWE-327", ...CIPHER, grammars: ["go"], callee: /^(?:des\.New(?:TripleDES)?Cipher|rc4\.NewCipher)$/ },
  { cwe: "CWE-327", ...CIPHER, grammars: ["php"], callee: /^(?:mcrypt_\w+|openssl_(?:en|de)crypt)$/, when: (call, context) => (call.name.startsWith("mcrypt") || /des|rc[24]|bf|ecb/i.test(context.flow.literal(call.args[1]) ?? "") ? "likely" : null) },
  { cwe: "CWE-326", what: "A key is too short", fix: "Use 2048 bits or more for RSA, 256 for curves", grammars: ["python", "java", "go", ...SCRIPT], callee: /(?:generate_private_key|RSA\.generate|DSA\.generate|rsa\.GenerateKey|\.initialize|generateKeyPair(?:Sync)?)$/, when: (call, context) => (call.args.some((arg) => /(?:^|[=:\s])(?:512|768|1024)\b/.test(context.text(arg))) ? "likely" : null) },
  { cwe: "CWE-338", ...RANDOM, grammars: ["python"], callee: /^(?:random\.(?:random|randint|randrange|choices?|sample|uniform|getrandbits|shuffle|Random)|(?:randint|randrange|getrandbits))$/, when: randomIsSecurity },
  { cwe: "CWE-338", ...RANDOM, grammars: SCRIPT, callee: /^Math\.random$|^(?:crypto\.)?pseudoRandomBytes$|(?:^|\.)crypto\.pseudoRandomBytes$/, when: randomIsSecurity },
  { cwe: "CWE-338", ...RANDOM, grammars: ["go"], callee: /^rand\.(?:Int(?:n|63|31|63n|31n)?|Float(?:64|32)|Perm|Uint(?:32|64)|Read|Seed|Shuffle|IntN)$/, when: (call, context) => (/["']crypto\/rand["']/.test(context.facts.tree.text) ? null : randomIsSecurity(call, context)) },
  { cwe: "CWE-330", ...RANDOM, grammars: ["java"], callee: /^(?:new (?:java\.util\.)?Random|Math\.random|ThreadLocalRandom\.current|RandomStringUtils\.random\w*)$|^(?:\w*[rR]andom|rand|rnd|rng|r)(?:\(\))?\.next(?:Int|Long|Boolean|Double|Float|Bytes|Gaussian)$|^newRandom\(\)\.next\w+$/, when: (call, context) => (/secure/i.test(call.callee) || /SecureRandom/.test(context.facts.tree.text) ? null : randomIsSecurity(call, context)) },
  { cwe: "CWE-338", ...RANDOM, grammars: ["c-sharp"], callee: /^(?:new (?:System\.)?Random|(?:UnityEngine\.)?Random\.Range|(?:_?\w*[rR]an?d(?:om)?|rnd|rng|Random(?:\.Shared)?|newRandom\(\))\.Next(?:Double|Bytes|Single|Int64|Datagram)?)$/, when: (call, context) => (/RandomNumberGenerator|RNGCrypto/.test(context.facts.tree.text) ? null : randomIsSecurity(call, context)) },
  { cwe: "CWE-338", ...RANDOM, grammars: ["php"], callee: /^(?:rand|mt_rand|srand|mt_srand|uniqid|lcg_value|array_rand|str_shuffle)$/, when: randomIsSecurity },
  { cwe: "CWE-338", ...RANDOM, grammars: ["cpp"], callee: /^(?:std::)?(?:s?rand|s?random|[dlm]rand48|rand_r|RtlRandom\w*)$|(?:\.|->)rand$/, when: randomIsSecurity },
  { cwe: "CWE-330", ...RANDOM, grammars: ["rust"], callee: /(?:SmallRng|StdRng|XorShiftRng|Pcg\w+)::(?:seed_from_u64|from_seed)$/, when: randomIsSecurity },
  { cwe: "CWE-295", ...CERTIFICATE, grammars: ["rust"], callee: /danger_accept_invalid_(?:certs|hostnames)$|SslVerifyMode::NONE/, when: (call, context) => (/false/.test(context.text(call.args[0] ?? call.node)) ? null : "likely") },
  { cwe: "CWE-295", ...CERTIFICATE, grammars: ["python"], callee: /^(?:ssl\._create_unverified_context|ssl\.wrap_socket|(?:requests|httpx|session|client|aiohttp)\.\w+|urllib3\.\w*PoolManager|\w+\.(?:get|post|put|delete|patch|request))$/, when: (call, context) => (call.callee.includes("_create_unverified") || call.args.some((arg) => /^(?:verify|ssl|cert_reqs)\s*=\s*(?:False|ssl\.CERT_NONE|['"]CERT_NONE['"])$/.test(context.text(arg))) ? "likely" : null) },
  { cwe: "CWE-295", ...CERTIFICATE, grammars: ["java"], callee: /^new (?:NoopHostnameVerifier|AllowAllHostnameVerifier|TrustAllStrategy|TrustSelfSignedStrategy)$|setHostnameVerifier$|(?:trustAllCerts|ALLOW_ALL_HOSTNAME_VERIFIER)/, when: (call, context) => (/setHostnameVerifier$/.test(call.callee) ? (/->\s*true|NOOP|ALLOW_ALL|Noop|AllowAll/.test(call.args.map((arg) => context.text(arg)).join()) ? "likely" : null) : "likely") },
  { cwe: "CWE-295", ...CERTIFICATE, grammars: ["php"], callee: /^curl_setopt$/, when: (call, context) => (/CURLOPT_SSL_VERIFY(?:PEER|HOST)/.test(context.text(call.args[1] ?? call.node)) && /^(?:false|0|FALSE)$/.test(context.text(call.args[2] ?? call.node)) ? "likely" : null) },
  { cwe: "CWE-347", what: "A signed token is read without checking its signature", fix: "Verify the token with its key and name the algorithms that you accept", grammars: ["python", ...SCRIPT, "go", "java"], callee: /(?:^|\.)(?:jwt\.decode|jwt_decode|ParseUnverified|parseClaimsJwt|unsecuredJwt)$/, when: (call, context) => {
    const given = call.args.map((arg) => context.text(arg)).join();
    if (call.callee.endsWith("jwt.decode")) return context.facts.grammar === "python" ? (/verify\s*=\s*False|verify_signature['"]?\s*:\s*False|['"]none['"]/i.test(given) ? "likely" : null) : "possible";
    return "likely";
  } },
  { cwe: "CWE-347", what: "A token may be signed with no algorithm at all", fix: "Name the algorithms that you accept and leave \"none\" out", grammars: [...SCRIPT, "python"], callee: /(?:^|\.)jwt\.(?:sign|verify|encode)$/, when: (call, context) => (/['"]none['"]/i.test(call.args.map((arg) => context.text(arg)).join()) ? "likely" : null) },
  { cwe: "CWE-916", what: "A password is stretched too little", fix: "Use Argon2, scrypt, bcrypt with cost 12, or PBKDF2 with 600,000 rounds", grammars: ["python", ...SCRIPT, "java", "c-sharp", "go"], callee: /(?:pbkdf2(?:_hmac|Sync)?|PBKDF2|new PBEKeySpec|new Rfc2898DeriveBytes|pbkdf2\.Key|bcrypt\.hash(?:Sync)?|genSalt(?:Sync)?)$/, when: (call, context) => (call.args.some((arg) => /^(?:iterations\s*=\s*)?\d{1,4}$/.test(context.text(arg)) && !(/bcrypt|genSalt/.test(call.callee) ? Number(context.text(arg)) >= 10 : /^(?:16|20|32|48|64|128|256|512)$/.test(context.text(arg)))) ? "possible" : null) },
  { cwe: "CWE-335", what: "A generator of random numbers starts from a fixed seed", fix: "Seed it from the system's source of randomness where the values protect something", grammars: ["cpp"], callee: /^(?:std::)?(?:mt19937(?:_64)?|default_random_engine|minstd_rand0?|srand)$/, when: (call, context) => (call.args[0] !== undefined && context.flow.isLiteral(call.args[0]) ? "possible" : null) },
];

const PLACEHOLDER = /^(?:|\*+|x+|<[^>]*>|\$\{.*|%\(?\w.*|\{\{.*|your[-_ ].*|my[-_]?(?:password|secret)?|change[-_]?me|example.*|placeholder|none|null|undefined|todo|dummy|fake.*|redacted|true|false|env|password[-_ :]?(?:field|label|hash|reset.*)?|\.{3})$/i;
const SECRET_NAME = /(?:^|[._"'\->])(?:\w*[_-])?(?:password|passwd|passphrase|pwd|secret|secret_?key|api_?key|apikey|auth_?token|access_?token|private_?key|client_?secret|encryption_?key|db_?pass|jwt_?secret|pass|[a-z]+(?:Password|Secret|ApiKey|AccessToken|PrivateKey))$|^(?:\w*_)?(?:PASSWORD|PASSWD|SECRET|SECRET_KEY|API_KEY|APIKEY|TOKEN|PRIVATE_KEY|ACCESS_KEY|CLIENT_SECRET)$/;

/** Values that are no secret whatever they are called: words of an interface, paths, names of variables. */
function looksLikeSecret(value: string, name: string): boolean {
  if (PLACEHOLDER.test(value) || value.length > 200 || /\s\S+\s/.test(value) || /^https?:|^\/|^\.\/|\.(?:html?|php|jsp|tsx?|png|txt|ya?ml)$|^[a-z]+(?:[._-][a-z]+){2,}$/.test(value)) return false;
  return value.toLowerCase().replace(/[^a-z]/g, "") !== name.toLowerCase().replace(/^.*[._]/, "").replace(/[^a-z]/g, "");
}

export const CRYPTO_TREES: readonly TreeRule[] = [
  {
    cwe: "CWE-798", what: "A password or key is written into the code", fix: "Read it from the environment or a secret store, and replace the one that was written down",
    grammars: ["python", "javascript", "typescript", "tsx", "go", "java", "cpp", "c-sharp", "php", "rust"],
    find: ({ facts, flow, text }, report) => {
      for (const { target, value, node } of facts.assigned) {
        if (!SECRET_NAME.test(target.replace(/\[["']?|["']?\]$/g, ".").replace(/\.$/, ""))) continue;
        const written = flow.literal(value);
        if (written !== null && /^["'`@brRu$]/.test(text(value)) && looksLikeSecret(written, target)) report(node, /test|example|mock|spec/i.test(target) ? "possible" : "likely");
      }
      for (const node of facts.strings) {
        const content = text(node);
        // A text that stands for itself is documentation.
        if (content.length > 20_000 || node.parent?.type === "expression_statement") continue;
        if (/AIza[0-9A-Za-z_-]{35}|AKIA[0-9A-Z]{16}|gh[pousr]_[0-9A-Za-z]{36}|sk_live_[0-9a-zA-Z]{20,}|xox[baprs]-[0-9A-Za-z-]{10,}|-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----|eyJhbGciOi[\w-]{10,}\.[\w-]{10,}\.|ya29\.[\w-]{20,}|:\/\/[^/\s:@"'{}$<]{2,}:[^/\s:@"'{}$<*]{3,}@[\w.-]+/.test(content)) report(node, "likely");
      }
      // Markup outside of code (PHP): keys in addresses of scripts.
      for (const node of facts.byType.get("text") ?? []) if (/[?&]key=AIza[0-9A-Za-z_-]{35}/.test(text(node))) report(node, "likely");
    },
  },
  {
    cwe: "CWE-295", ...CERTIFICATE, grammars: ["javascript", "typescript", "tsx", "go", "python", "php", "c-sharp"],
    find: ({ facts, text }, report) => {
      for (const { target, value, node } of facts.assigned) {
        const given = text(value);
        if (/NODE_TLS_REJECT_UNAUTHORIZED/.test(target) && /0/.test(given)) report(node, "likely");
        else if (/^(?:_create_default_https_context|.*\.verify_mode|.*\._create_default_https_context)$/.test(target) && /unverified|CERT_NONE/.test(given)) report(node, "likely");
        else if (/ServerCertificate(?:Custom)?ValidationCallback$/.test(target) && /=>\s*true|return true|DangerousAcceptAny/.test(given)) report(node, "likely");
        else if (OFF.test(target) && !/^verify$/.test(target)) {
          if (/InsecureSkipVerify/.test(target) ? /^true$/i.test(given) : /^(?:false|0|False|FALSE)$/.test(given)) report(node, "likely");
        }
      }
    },
  },
];
