// The sources of training data that a workspace has, by their names in requests: joins the readers of data/ with the walk of
// the index, and says how texts are cleaned. What becomes of the records is in prepareData.ts.
import { readFile, stat } from "node:fs/promises";
import path from "node:path";
import { EngineError } from "../base/errors.ts";
import type { CleanText } from "../data/dataset.ts";
import { FileSource } from "../data/readers/fileSource.ts";
import { gitHistory } from "../data/sources/gitHistory.ts";
import { workspaceCode } from "../data/sources/workspaceCode.ts";
import type { PrepareDataParams } from "../protocol/training.ts";
import { languageOf } from "../retrieval/chunking/languages.ts";
import { readContents, reasonBeforeReading } from "../retrieval/walk/contents.ts";
import { walk } from "../retrieval/walk/walk.ts";
import { redactPersonalData } from "../safety/personalData.ts";
import { redactSecrets } from "../safety/secrets.ts";
import type { Settings } from "../settings.ts";
import { DEFAULT_SEED } from "./prepareData.ts";
import type { OpenedSource } from "./prepareData.ts";

export interface DataSourceParts {
  workspaceDir: string | null;
  settings: Settings;
}

/** Opens what the parameters name. Errors: `badRequest`, `noWorkspace`, `notFound`. */
export async function openDataSource(params: PrepareDataParams, { workspaceDir, settings }: DataSourceParts): Promise<OpenedSource> {
  const { source, seed = DEFAULT_SEED } = params;
  if (source === "file") {
    if (params.path === undefined) throw new EngineError("badRequest", "The source \"file\" needs the path of a data file, or of a folder that holds some.");
    return { source: new FileSource(path.resolve(params.path)) };
  }
  const folder = params.path === undefined ? workspaceDir : path.resolve(params.path);
  if (folder === null) throw new EngineError("noWorkspace", "No folder is open. Open one, or name one, to prepare data from it.");
  if (!(await stat(folder).then((found) => found.isDirectory(), () => false))) throw new EngineError("notFound", `There is no folder ${folder}. Check the path.`, { folder });
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
        inputs: () => ({ folder }),
      };
    case "git":
      return { source: gitHistory({ folder, languageOf, leaveOut: (file) => reasonBeforeReading(file, 0, settings["index.maximumFileKilobytes"]) }), inputs: () => ({ folder }) };
    default:
      throw new EngineError("badRequest", `There is no source of data "${source}" here.`, { source });
  }
}

/** Takes secrets and personal data out of a text and counts them. */
export const cleanText: CleanText = (text) => {
  const secrets = redactSecrets(text);
  const personal = redactPersonalData(secrets.text);
  return { text: personal.text, secrets: secrets.spans.length, personalData: personal.spans.length };
};
