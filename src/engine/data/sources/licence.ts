// Under which licence a file stands: its SPDX line, or the nearest licence file or package description above it.
// It recognises the common licences by what only they say; a text that it does not know gives no answer.
import { readFile } from "node:fs/promises";
import path from "node:path";

const LICENCE_FILES = ["LICENSE", "LICENSE.md", "LICENSE.txt", "LICENCE", "LICENCE.md", "LICENCE.txt", "COPYING", "COPYING.txt", "LICENSE-MIT", "LICENSE-APACHE", "UNLICENSE"];
const MOST_CHARACTERS = 60_000;

/** Finds licences below one folder; remembers what it found per folder. */
export class LicenceFinder {
  readonly #folder: string;
  readonly #known = new Map<string, Promise<string | undefined>>();

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** SPDX identifier of the file at `relative` (forward slashes) with the given text, or undefined. */
  async of(relative: string, text: string): Promise<string | undefined> {
    const named = /SPDX-License-Identifier:\s*([A-Za-z0-9.+-]+(?:\s+(?:OR|AND|WITH)\s+[A-Za-z0-9.+-]+)*)/.exec(text.slice(0, 3_000))?.[1];
    if (named !== undefined) return named;
    return this.#ofFolder(path.posix.dirname(relative));
  }

  #ofFolder(relative: string): Promise<string | undefined> {
    let known = this.#known.get(relative);
    if (!known) {
      known = this.#read(relative);
      this.#known.set(relative, known);
    }
    return known;
  }

  async #read(relative: string): Promise<string | undefined> {
    const here = path.join(this.#folder, relative);
    for (const name of LICENCE_FILES) {
      const licence = licenceOfText(await textOf(path.join(here, name)));
      if (licence !== undefined) return licence;
    }
    const described = licenceOfManifest(await textOf(path.join(here, "package.json")), await textOf(path.join(here, "pyproject.toml")) + await textOf(path.join(here, "Cargo.toml")));
    if (described !== undefined) return described;
    return relative === "." ? undefined : this.#ofFolder(path.posix.dirname(relative));
  }
}

/** The licence that a text is, as an SPDX identifier, or undefined. */
export function licenceOfText(text: string): string | undefined {
  const plain = text.slice(0, MOST_CHARACTERS).replaceAll(/\s+/g, " ").toLowerCase();
  const version = /version (\d(?:\.\d)?)/.exec(plain)?.[1];
  if (plain.includes("gnu affero general public license")) return "AGPL-3.0";
  if (plain.includes("gnu lesser general public license") && !/^.{0,200}gnu general public license/.test(plain)) return version?.startsWith("2") ? "LGPL-2.1" : "LGPL-3.0";
  if (plain.includes("gnu general public license")) return version?.startsWith("2") ? "GPL-2.0" : "GPL-3.0";
  if (plain.includes("mozilla public license")) return "MPL-2.0";
  if (plain.includes("apache license") && plain.includes("version 2.0")) return "Apache-2.0";
  if (plain.includes("eclipse public license")) return version?.startsWith("1") ? "EPL-1.0" : "EPL-2.0";
  if (plain.includes("boost software license")) return "BSL-1.0";
  if (plain.includes("redistribution and use in source and binary forms")) return /neither the names? of|endorse or promote/.test(plain) ? "BSD-3-Clause" : "BSD-2-Clause";
  if (plain.includes("this is free and unencumbered software released into the public domain")) return "Unlicense";
  if (plain.includes("cc0 1.0 universal")) return "CC0-1.0";
  if (plain.includes("permission to use, copy, modify, and/or distribute this software") || plain.includes("permission to use, copy, modify, and distribute this software for any purpose with or without fee")) return plain.includes("above copyright notice and this permission notice appear") ? "ISC" : "0BSD";
  if (plain.includes("permission is hereby granted, free of charge, to any person obtaining a copy")) return "MIT";
  return undefined;
}

function licenceOfManifest(packageJson: string, toml: string): string | undefined {
  const named = /"license"\s*:\s*"([A-Za-z0-9.+-]+(?: (?:OR|AND|WITH) [A-Za-z0-9.+-]+)*)"/.exec(packageJson)?.[1]
    ?? /^\s*license\s*=\s*(?:\{\s*text\s*=\s*)?"([A-Za-z0-9.+-]+(?: (?:OR|AND|WITH) [A-Za-z0-9.+-]+)*)"/m.exec(toml)?.[1];
  return named === "UNLICENSED" || named === "SEE" ? undefined : named;
}

async function textOf(file: string): Promise<string> {
  try {
    return (await readFile(file, "utf8")).slice(0, MOST_CHARACTERS);
  } catch {
    return ""; // absent or unreadable: it says nothing
  }
}
