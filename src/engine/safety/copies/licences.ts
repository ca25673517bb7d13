// Which licence a file is under, by its own header or by the licence file of the nearest folder; null for the workspace's own.
// Names licences by their SPDX identifiers; it gives no legal advice.

const HEADERS: readonly (readonly [string, RegExp])[] = [
  ["AGPL-3.0", /GNU AFFERO GENERAL PUBLIC LICENSE/i],
  ["LGPL", /GNU (?:LESSER|LIBRARY) GENERAL PUBLIC LICENSE/i],
  ["GPL", /GNU GENERAL PUBLIC LICENSE/i],
  ["MPL-2.0", /Mozilla Public License/i],
  ["Apache-2.0", /Apache License,?\s+Version 2\.0|www\.apache\.org\/licenses\/LICENSE-2\.0/i],
  ["EPL", /Eclipse Public License/i],
  ["BSD", /Redistribution and use in source and binary forms|\bBSD[- ](?:2|3|style|license)/i],
  ["MIT", /Permission is hereby granted, free of charge|\bMIT License\b|\bunder the MIT\b/i],
  ["ISC", /Permission to use, copy, modify, and\/or distribute|\bISC License\b/i],
  ["CC-BY-SA", /Creative Commons Attribution-ShareAlike/i],
  ["proprietary", /\ball rights reserved\b[\s\S]{0,400}\b(?:confidential|proprietary)\b/i],
];

/** The licence that a text names, or null. */
export function licenceNamedIn(text: string): string | null {
  const spdx = /SPDX-License-Identifier:\s*([\w.+-]+(?:\s+(?:OR|AND|WITH)\s+[\w.+-]+)*)/.exec(text)?.[1];
  return spdx ?? HEADERS.find(([, pattern]) => pattern.test(text))?.[0] ?? null;
}

/** The licence in a file's first lines. */
export function headerLicence(text: string): string | null {
  return licenceNamedIn(text.slice(0, 2_500));
}

const LICENCE_FILE = /(?:^|\/)(?:un)?licen[cs]e(?:[-.][\w.-]+)?$|(?:^|\/)copying(?:\.\w+)?$/i;

/** Whether `path` is a licence file. */
export function isLicenceFile(path: string): boolean {
  return LICENCE_FILE.test(path);
}

/** The licence of the nearest folder above `path` that has one of its own, other than the workspace's root; null where there is none. */
export function folderLicence(path: string, byFolder: ReadonlyMap<string, string>): string | null {
  let folder = path;
  for (;;) {
    const slash = folder.lastIndexOf("/");
    if (slash < 0) return null;
    folder = folder.slice(0, slash);
    const licence = byFolder.get(folder);
    if (licence !== undefined) return licence;
  }
}
