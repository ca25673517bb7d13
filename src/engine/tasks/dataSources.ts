// The sources of training data that a workspace has, by their names in requests: joins the readers of data/ with the walk of
// the index, and says how texts are cleaned. What becomes of the records is in prepareData.ts.
import { readFile, stat } from "node:fs/promises";
import path from "node:path";
import { EngineError } from "../base/errors.ts";
import { OutcomeStore } from "../completion/outcomes.ts";
import type { CleanText } from "../data/dataset.ts";
import { FileSource } from "../data/readers/fileSource.ts";
import { feedback } from "../data/sources/feedback.ts";
import { headCommit } from "../data/sources/gitProcess.ts";
import { gitHistory } from "../data/sources/gitHistory.ts";
import { notebooks } from "../data/sources/notebooks.ts";
import { workspaceCode } from "../data/sources/workspaceCode.ts";
import type { PrepareDataParams } from "../protocol/training.ts";
import { languageOf } from "../retrieval/chunking/languages.ts";
import { decodeText, readContents, reasonBeforeReading } from "../retrieval/walk/contents.ts";
import { walk } from "../retrieval/walk/walk.ts";
import { redactPersonalData } from "../safety/personalData.ts";
import { redactSecrets } from "../safety/secrets.ts";
import type { Settings } from "../settings.ts";
import { DEFAULT_SEED } from "./prepareData.ts";
import type { OpenedSource } from "./prepareData.ts";
import type { UserMemory } from "./userMemory.ts";

/** Notebooks carry their pictures with them, so the bound of the index is not theirs. */
const LARGEST_NOTEBOOK_BYTES = 64 * 1024 * 1024;

export interface DataSourceParts {
  workspaceDir: string | null;
  settings: Settings;
  /** What was learnt from the user of this workspace; null where there is none to read. */
  memory: UserMemory | null;
}

/** Opens what the parameters name. Errors: `badRequest`, `noWorkspace`, `notFound`. */
export async function openDataSource(params: PrepareDataParams, { workspaceDir, settings, memory }: DataSourceParts): Promise<OpenedSource> {
  const { source, seed = DEFAULT_SEED } = params;
  if (source === "file") {
    if (params.path === undefined) throw new EngineError("badRequest", "The source \"file\" needs the path of a data file, or of a folder that holds some.");
    return { source: new FileSource(path.resolve(params.path)) };
  }
  if (source === "feedback") return openFeedback(memory);
  const folder = params.path === undefined ? workspaceDir : path.resolve(params.path);
  if (folder === null) throw new EngineError("noWorkspace", "No folder is open. Open one, or name one, to prepare data from it.");
  if (!(await stat(folder).then((found) => found.isDirectory(), () => false))) throw new EngineError("notFound", `There is no folder ${folder}. Check the path.`, { folder });
  // What was read can be found again only with the commit that it stood at.
  const commit = await headCommit(folder).catch(() => null);
  const inputs = (): Record<string, unknown> => ({ folder, ...(commit === null ? {} : { commit }) });
  switch (source) {
    case "workspace":
      return {
        source: workspaceCode({
          seed,
          files: {
            folder, languageOf,
            walk: (signal) => walk(folder, settings, signal),
            read: async (relative) => {
              try {
                return readContents(relative, await readFile(path.join(folder, relative)));
              } catch {
                return { reason: "it is gone, or cannot be read" };
              }
            },
          },
        }),
        inputs,
      };
    case "git":
      return { source: gitHistory({ folder, languageOf, leaveOut: (file) => reasonBeforeReading(file, 0, settings["index.maximumFileKilobytes"]) }), inputs };
    case "notebooks":
      return {
        source: notebooks({
          files: {
            folder,
            async *list(signal) {
              for await (const { path: relative, reason } of walk(folder, settings, signal)) {
                if (languageOf(relative) === "jupyter" && (reason === null || reason.startsWith("too large"))) yield relative;
              }
            },
            read: (relative) => readNotebook(path.join(folder, relative)),
          },
          // What was recorded belongs to the workspace, not to whatever other folder is named.
          ...(memory && folder === workspaceDir ? { runs: memory.notebookRuns.stored() } : {}),
          ...(memory ? { excluded: memory.review.list() } : {}),
        }),
        inputs,
      };
    default:
      throw new EngineError("badRequest", `There is no source of data "${String(source)}" here.`, { source });
  }
}

function openFeedback(memory: UserMemory | null): OpenedSource {
  if (!memory) throw new EngineError("noWorkspace", "No workspace is open whose feedback could be learnt from.");
  const { database, applied, answers, review } = memory;
  const completions = new OutcomeStore(database, () => null);
  return { source: feedback({ completions: completions.stored(), applied: applied.stored(), ratings: answers.all().reverse(), excluded: review.list() }) };
}

async function readNotebook(file: string): Promise<{ text: string } | { reason: string }> {
  try {
    const { size } = await stat(file);
    if (size > LARGEST_NOTEBOOK_BYTES) return { reason: `it has ${Math.round(size / 1_048_576)} MB, more than ${LARGEST_NOTEBOOK_BYTES / 1_048_576} MB` };
    return decodeText(await readFile(file));
  } catch {
    return { reason: "it is gone, or cannot be read" };
  }
}

/** Takes secrets and personal data out of a text and counts them. */
export const cleanText: CleanText = (text) => {
  const secrets = redactSecrets(text);
  const personal = redactPersonalData(secrets.text);
  return { text: personal.text, secrets: secrets.spans.length, personalData: personal.spans.length };
};
