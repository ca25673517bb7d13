// Tells strings that a generator made from those that people wrote: by entropy, by how often letters, capitals and digits change,
// and by whether neighbouring letters are ones that words have. It knows nothing of names or places.

/** Shannon entropy of the characters of `text`, in bits per character. */
export function entropy(text: string): number {
  const counts = new Map<string, number>();
  let n = 0;
  for (const character of text) {
    counts.set(character, (counts.get(character) ?? 0) + 1);
    n++;
  }
  let bits = 0;
  for (const count of counts.values()) bits -= (count / n) * Math.log2(count / n);
  return bits;
}

/** Letter pairs of English words and of names in code, from frequent to rare; drawn letters make one of them in about 4 of 10 cases, words in 19 of 20. */
const COMMON_PAIRS = new Set((
  "th he in er an re on at en nd ti es or te of ed is it al ar st to nt ng se ha as ou io le ve co me de hi ri ro ic ne ea ra ce li ch ll be ma si om ur ca el ta la ns di fo ho pe ec pr no ct us ac ot il tr ly nc et ut ss so rs un lo wa ge ie wh ee wi em ad ol rt po we na ul ni ts mo ow pa im mi ai sh ir su id os iv ia am fi ci vi pl ig tu ev ld ry mp fe bl ab gh ty op wo sa ay ex ke fr oo av ag if ap gr od bo sp rd do uc bu ei ov by rm ep tt oc fa ef cu rn sc gi da yo cr cl du ga qu ue ff ba ey ls va um pp up lu go ht ru ug ds lt pi rc rr eg au ck ew mu br bi pt ak pu ui rg ib tl ny ki rk ys ob mm fu ph og ms ye ud mb ip ub oi rl gu dr cc tw ft wn nu af hu nn eo vo rv nf xp gn sm fl iz ok my gl aw ju oa sy sl ps jo je nk kn gs dy hy ze ks xt bs ik dd ax ix ox db id js ts py"
).split(" "));

const CLASS = (code: number): number => (code >= 48 && code <= 57 ? 1 : code >= 97 && code <= 122 ? 2 : code >= 65 && code <= 90 ? 3 : 0);

/** Share of neighbouring characters of different classes (lower, upper, digit), and of letter pairs that words have (NaN where there are fewer than four). */
export function texture(text: string): { changes: number; wordPairs: number; nDigits: number } {
  let changes = 0;
  let nPairs = 0;
  let nCommon = 0;
  let nDigits = 0;
  const lower = text.toLowerCase();
  for (let i = 0; i < text.length; i++) {
    const kind = CLASS(text.charCodeAt(i));
    if (kind === 1) nDigits++;
    if (i === 0) continue;
    const before = CLASS(text.charCodeAt(i - 1));
    if (kind !== before && kind !== 0 && before !== 0) changes++;
    if (kind >= 2 && before >= 2) {
      nPairs++;
      if (COMMON_PAIRS.has(lower.slice(i - 1, i + 1))) nCommon++;
    }
  }
  return { changes: changes / Math.max(1, text.length - 1), wordPairs: nPairs < 4 ? NaN : nCommon / nPairs, nDigits };
}

/** Whether a generator is likely to have made `text`. Needs about 14 characters to tell. */
export function looksDrawn(text: string): boolean {
  const core = text.replaceAll(/[-_.=~:/+]/g, "");
  if (core.length < 14 || entropy(core) < 2.9) return false;
  const { changes, wordPairs, nDigits } = texture(core);
  if (/^[0-9a-f]+$/i.test(core)) return nDigits > 0 && /[a-f]/i.test(core) && changes > 0.2;
  if (Number.isNaN(wordPairs)) return nDigits > 0 && changes >= 0.3;
  return (changes >= 0.3 && wordPairs < 0.85) || (changes >= 0.12 && wordPairs < 0.72) || wordPairs < 0.6;
}
