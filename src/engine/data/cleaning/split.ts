// Decides which records are kept for validation: whole groups (a file, a commit, a prompt), drawn by a seeded hash or taken
// from the newest. Leaks between the splits are for duplicates.ts.
import { Bits } from "./column.ts";
import type { Column } from "./column.ts";

export interface SplitSettings {
  /** Wanted share of records, 0 to 0.5. */
  readonly share: number;
  readonly seed: number;
  /** "time": the newest groups, where every record carries a time; otherwise, and for "group", by a seeded hash of the group. */
  readonly by: "group" | "time";
}

export interface Split {
  readonly validation: Bits;
  /** How it was split in the end. */
  readonly by: "group" | "time";
  readonly groups: number;
}

/** Up to here groups are counted and chosen exactly (8 bytes each); above, the law of large numbers chooses. */
const MAXIMUM_EXACT = 4_000_000;

/**
 * Splits the records not in `skip`. `groups` holds 8 bytes a record (a hash of its group), `times` a 64-bit float (NaN: none).
 * Every group lies in one split whole. One group cannot be split: validation is empty then.
 */
export function splitGroups(groups: Column, times: Column, skip: Bits, settings: SplitSettings): Split {
  const kept = groups.length - skip.count;
  const target = Math.round(kept * settings.share);
  if (target === 0 && settings.share === 0 || kept < 2) return { validation: new Bits(groups.length), by: "group", groups: kept };
  if (settings.by === "time") {
    const split = kept <= MAXIMUM_EXACT ? byTime(groups, times, skip, target) : null;
    if (split !== null) return split;
  }
  return kept <= MAXIMUM_EXACT ? exactly(groups, skip, settings.seed, Math.max(1, target)) : byThreshold(groups, skip, settings);
}

/** Groups in the order of their seeded hashes, until the target is reached; groups that would overshoot it by half are passed over. */
function exactly(groups: Column, skip: Bits, seed: number, target: number): Split {
  const mixed = new BigUint64Array(groups.length - skip.count);
  let n = 0;
  eachGroup(groups, skip, (_, high, low) => (mixed[n++] = mix(high, low, seed)));
  mixed.sort();
  const chosen = new Set<bigint>();
  let count = 0;
  let nGroups = 0;
  let smallest: { key: bigint; size: number } | null = null;
  for (let i = 0; i < n;) {
    const key = mixed[i] as bigint;
    let end = i + 1;
    while (end < n && mixed[end] === key) end++;
    const size = end - i;
    nGroups++;
    if (smallest === null || size < smallest.size) smallest = { key, size };
    if (count < target && count + size <= target * 1.5) {
      chosen.add(key);
      count += size;
    }
    i = end;
  }
  const validation = new Bits(groups.length);
  if (nGroups < 2) return { validation, by: "group", groups: nGroups };
  // All groups are larger than what is wanted: the smallest one, unless it is most of the data.
  if (chosen.size === 0 && smallest !== null && smallest.size <= n / 2) chosen.add(smallest.key);
  if (chosen.size < nGroups) eachGroup(groups, skip, (index, high, low) => chosen.has(mix(high, low, seed)) && validation.add(index));
  return { validation, by: "group", groups: nGroups };
}

function byThreshold(groups: Column, skip: Bits, { seed, share }: SplitSettings): Split {
  const validation = new Bits(groups.length);
  const limit = BigInt(Math.floor(share * 2 ** 32)) << 32n;
  eachGroup(groups, skip, (index, high, low) => mix(high, low, seed) < limit && validation.add(index));
  return { validation, by: "group", groups: groups.length - skip.count };
}

/** The groups whose last record is newest; null where a record has no time, or times do not tell enough groups apart. */
function byTime(groups: Column, times: Column, skip: Bits, target: number): Split | null {
  const newest = new Map<bigint, { time: number; size: number }>();
  const time = timesOf(times);
  let complete = true;
  eachGroup(groups, skip, (index, high, low) => {
    const at = time(index);
    if (Number.isNaN(at)) complete = false;
    const key = mix(high, low, 0);
    const group = newest.get(key);
    if (group === undefined) newest.set(key, { time: at, size: 1 });
    else {
      group.time = Math.max(group.time, at);
      group.size++;
    }
  });
  if (!complete || newest.size < 2) return null;
  const ordered = [...newest.entries()].sort((a, b) => b[1].time - a[1].time);
  const chosen = new Set<bigint>();
  let count = 0;
  for (const [key, { size }] of ordered) {
    if (count >= Math.max(1, target) || chosen.size === ordered.length - 1) break;
    chosen.add(key);
    count += size;
  }
  // Equal times on both sides of the border would make "newest" an accident of the order.
  const border = ordered[chosen.size - 1]?.[1].time;
  if (border === ordered[chosen.size]?.[1].time || count > (groups.length - skip.count) / 2) return null;
  const validation = new Bits(groups.length);
  eachGroup(groups, skip, (index, high, low) => chosen.has(mix(high, low, 0)) && validation.add(index));
  return { validation, by: "time", groups: newest.size };
}

function eachGroup(groups: Column, skip: Bits, visit: (index: number, high: number, low: number) => void): void {
  for (const { first, count, bytes } of groups.blocks()) {
    for (let i = 0; i < count; i++) if (!skip.has(first + i)) visit(first + i, bytes.readUInt32LE(i * 8), bytes.readUInt32LE(i * 8 + 4));
  }
}

/** Times by index, read in the order of the records. */
function timesOf(times: Column): (index: number) => number {
  const blocks = times.blocks();
  let block = blocks.next();
  return (index) => {
    while (!block.done && index >= block.value.first + block.value.count) block = blocks.next();
    return block.done ? Number.NaN : block.value.bytes.readDoubleLE((index - block.value.first) * 8);
  };
}

/** A 64-bit number of a group's hash and the seed, so that another seed draws other groups. */
function mix(high: number, low: number, seed: number): bigint {
  let a = Math.imul(high ^ seed, 0x85ebca6b);
  a = Math.imul(a ^ (a >>> 13) ^ low, 0xc2b2ae35);
  a = (a ^ (a >>> 16)) >>> 0;
  return (BigInt(a) << 32n) | BigInt((low ^ Math.imul(high, 0x9e3779b1)) >>> 0);
}
