// Types of what tools/package/ takes from esbuild.mjs, which stays JavaScript so that any Node can run it before `npm ci` is complete.
import type { Metafile } from "esbuild";

export declare const EXTERNAL: readonly string[];
export declare function build(options: { outdir: string; production: boolean }): Promise<Metafile[]>;
