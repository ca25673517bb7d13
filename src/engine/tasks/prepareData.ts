// Prepares a data set: joins a source, the cleaning of secrets and personal data, and the store, with progress and cancellation.
// Which sources there are is for dataSources.ts; what becomes of the records, for data/build.ts.
import { EngineError } from "../base/errors.ts";
import { buildDataset, inputsOf } from "../data/build.ts";
import type { CleanText, PrepareProgress } from "../data/dataset.ts";
import type { RecordSource } from "../data/sources/source.ts";
import { checkDatasetName } from "../data/versions.ts";
import type { DatasetStore } from "../data/versions.ts";
import type { DatasetInfo, DatasetSource, PrepareDataParams } from "../protocol/training.ts";

/** Within the 5 to 10 % that is usual; a small data set gets at least one group. */
export const DEFAULT_VALIDATION_SHARE = 0.1;
export const DEFAULT_SEED = 1;
/** Sources whose records have a time that means something: what came last is what a model must do well at. */
const SPLIT_BY_TIME: ReadonlySet<DatasetSource> = new Set(["git", "feedback"]);

/** A source opened for one preparation, and what is to be written down of it (asked after its end). */
export interface OpenedSource {
  readonly source: RecordSource;
  readonly inputs?: () => Readonly<Record<string, unknown>>;
}

export interface PrepareDataDeps {
  readonly store: DatasetStore;
  /** Opens what the parameters name. Errors: `badRequest`, `noWorkspace`, `notFound`. */
  readonly openSource: (params: PrepareDataParams) => Promise<OpenedSource>;
  readonly clean: CleanText;
  /** Version of KaLactica, for the lineage. */
  readonly codeVersion: string;
}

export interface PrepareDataHooks {
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: PrepareProgress) => void;
}

/**
 * Reads, cleans and stores a data set under `params.name`. Errors: `badRequest` for parameters out of range, `dataInvalid`
 * where no record can be used, `diskFull`, those of the source, and cancellation; the name then points where it did before.
 */
export async function prepareDataset(params: PrepareDataParams, deps: PrepareDataDeps, hooks: PrepareDataHooks = {}): Promise<DatasetInfo> {
  const { validationShare = DEFAULT_VALIDATION_SHARE, seed = DEFAULT_SEED } = params;
  checkDatasetName(params.name);
  if (!(validationShare >= 0 && validationShare <= 0.5)) throw new EngineError("badRequest", `The share for validation is ${validationShare}, but must be from 0 to 0.5.`, { validationShare });
  if (!Number.isSafeInteger(seed)) throw new EngineError("badRequest", `The seed is ${seed}, but must be a whole number.`, { seed });
  const { source, inputs } = await deps.openSource(params);
  const splitBy = params.splitBy ?? (SPLIT_BY_TIME.has(source.source) ? "time" : "group");
  const lineage = () => ({ source: source.source, inputs: { ...inputs?.(), ...filesOf(source) }, codeVersion: deps.codeVersion });
  return deps.store.writeVersion(params.name, lineage, (folder) => buildDataset(source, { validationShare, seed, splitBy }, deps.clean, folder, hooks));
}

function filesOf(source: RecordSource): Record<string, unknown> {
  const files = inputsOf(source).map(({ path, bytes, sha256 }) => ({ path, bytes, sha256 }));
  return files.length === 0 ? {} : { files };
}
