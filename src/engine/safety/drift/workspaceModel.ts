// Fits the model and the calibration of one language to files, and judges snippets by them. Where files and senses come from
// is the caller's business; storing is nobody's, as all of it can be counted anew in seconds.
import { SeededRandom } from "../../base/random.ts";
import { pause } from "../../base/pause.ts";
import { throwIfCancelled } from "../../base/errors.ts";
import { DriftCalibration } from "./calibration.ts";
import { DriftModel } from "./driftModel.ts";
import type { DriftSenses, Measures, SourceFile } from "./driftModel.ts";
import { snippetsOf } from "./snippets.ts";

/** Own snippets that the threshold stands on: at 5 % the standard error of the rate is then .013. */
export const CALIBRATION_SNIPPETS = 300;
/** No file may decide alone. */
const SNIPPETS_A_FILE = 12;
/** Text counted of one language, in characters; files are drawn at random beyond it. */
const MOST_CHARACTERS = 1_000_000;
const SEED = 5;

export interface OwnSnippet {
  readonly path: string;
  readonly startLine: number;
  readonly text: string;
}

export class WorkspaceModel {
  readonly model: DriftModel;
  readonly calibration: DriftCalibration;
  /** The snippets that the calibration stands on, with their measures, each taken without its file. */
  readonly own: readonly { readonly snippet: OwnSnippet; readonly measures: Measures }[];

  private constructor(model: DriftModel, own: WorkspaceModel["own"]) {
    this.model = model;
    this.own = own;
    this.calibration = new DriftCalibration(own.map(({ measures }) => measures), own.map(({ snippet }) => snippet.path));
  }

  /** Null where the files hold no snippet. Gives the event loop back as it goes; errors: `cancelled`. */
  static async fit(language: string, files: readonly SourceFile[], senses: DriftSenses, signal?: AbortSignal): Promise<WorkspaceModel | null> {
    const model = new DriftModel(language, senses);
    const drawn = new SeededRandom(SEED).shuffle([...files]);
    let characters = 0, started = performance.now();
    const used: SourceFile[] = [];
    for (const file of drawn) {
      if (characters + file.text.length > MOST_CHARACTERS) continue;
      characters += file.text.length;
      used.push(file);
      await model.add(file);
      throwIfCancelled(signal);
      started = await pause(started);
    }
    const snippets = ownSnippets(used, CALIBRATION_SNIPPETS, SEED);
    if (snippets.length === 0) return null;
    model.setReference(snippets);
    const own: { snippet: OwnSnippet; measures: Measures }[] = [];
    for (const snippet of snippets) {
      own.push({ snippet, measures: await model.measure(snippet.text, snippet.path) });
      throwIfCancelled(signal);
      started = await pause(started);
    }
    model.forgetCounts();
    return new WorkspaceModel(model, own);
  }
}

/** Snippets of files, an even draw of `most`, none of a file more than a dozen. */
export function ownSnippets(files: readonly SourceFile[], most: number, seed: number): OwnSnippet[] {
  const random = new SeededRandom(seed);
  const all = files.flatMap(({ path, text }) => random.shuffle(snippetsOf(text, seed)).slice(0, SNIPPETS_A_FILE).map((snippet) => ({ path, ...snippet })));
  return random.shuffle(all).slice(0, most);
}
