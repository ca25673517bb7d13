// The steps of the walkthrough "Get Started with KaLactica": what each says, its one button, and by which context key it is ticked. The
// manifest is generated from here. What a message shows to have been done is here too; who listens is walkthrough.ts.
import type { EngineTraffic } from "./engineClient.ts";

export const WALKTHROUGH = "kalactica.start";

export interface WalkthroughStep {
  id: "machine" | "model" | "index" | "completion" | "answer" | "evaluation" | "fineTune";
  title: string;
  text: string;
  button: { label: string; command: string };
  /** Shown beside the text; media/walkthrough/<picture>.svg. */
  picture: string;
  alt: string;
}

export const STEPS: readonly WalkthroughStep[] = [
  {
    id: "machine", title: "Check this machine",
    text: "Hardware, libraries and disk are tried out, and what KaLactica decides from them is explained. Nothing is sent anywhere.",
    button: { label: "Check This Machine", command: "kalactica.doctor" },
    picture: "machine", alt: "A list of checks of this machine, each with its result",
  },
  {
    id: "model", title: "Look at the models",
    text: "A small model that completes code came with KaLactica and is in use. The gallery shows which larger ones fit this machine, under which licence, and measures how quick they are here.",
    button: { label: "Show Models", command: "kalactica.showModels" },
    picture: "model", alt: "A list of models beside the details of one, with its size, licence and measured speed",
  },
  {
    id: "index", title: "Let your folder be indexed",
    text: "Answers and completions draw on the files of the open folder. They are read once and kept up to date while you work; what .gitignore names is left out.",
    button: { label: "Update Index", command: "kalactica.updateIndex" },
    picture: "index", alt: "Files of a folder becoming passages that can be found by words and by meaning",
  },
  {
    id: "completion", title: "Take a first completion",
    text: "Grey text appears as you type. Tab takes it, Esc lets it go, Ctrl+→ (Cmd+→) takes a word. Where KaLactica is not sure, it stays silent.",
    button: { label: "Try It in an Example", command: "kalactica.tryCompletion" },
    picture: "completion", alt: "A line of code whose end is suggested in grey",
  },
  {
    id: "answer", title: "Ask about your code",
    text: "Every answer names its sources, and every source is read again before it is shown. A click opens the lines.",
    button: { label: "Ask About This Folder", command: "kalactica.tryQuestion" },
    picture: "answer", alt: "An answer with numbered sources below it",
  },
  {
    id: "evaluation", title: "Measure it on your own code",
    text: "Search, completion and answers are scored on your folder and its history, with intervals, so that you know what to expect before you rely on it.",
    button: { label: "Evaluate…", command: "kalactica.evaluate" },
    picture: "evaluation", alt: "Scores with their intervals, before and after a change",
  },
  {
    id: "fineTune", title: "Teach it your code",
    text: "An adapter is learnt from your folder, on this machine. It goes live only if it is better on files that it has not seen, and one click takes it back.",
    button: { label: "Fine-tune on This Workspace", command: "kalactica.fineTuneWorkspace" },
    picture: "fineTune", alt: "A falling curve of the loss, and the comparison before and after",
  },
];

export type StepId = WalkthroughStep["id"];

/** The context key that says that a step was done. */
export function doneKey(id: StepId): string {
  return `kalactica.done.${id}`;
}

/** `contributes.walkthroughs`. */
export function walkthroughContribution(): unknown[] {
  return [{
    id: WALKTHROUGH, title: "Get Started with KaLactica", description: "Answers, completions and learning, all on this machine.",
    steps: STEPS.map(({ id, title, text, button, picture, alt }) => ({
      id, title, description: `${text}\n[${button.label}](command:${button.command})`,
      media: { svg: `media/walkthrough/${picture}.svg`, altText: alt }, completionEvents: [`onContext:${doneKey(id)}`],
    })),
  }];
}

/** What a message shows to have happened. A step is done when its end is seen, never when its button is pressed. */
export function stepsDoneBy(traffic: EngineTraffic): StepId[] {
  switch (traffic.method) {
    case "engine/doctor":
      return ["machine"];
    // The gallery was filled, with a model in use.
    case "model/gallery":
      return traffic.result.models.some(({ active, installed }) => active && installed) ? ["model"] : [];
    case "model/use":
    case "model/measure":
      return ["model"];
    case "index/update":
      return traffic.result.files > 0 ? ["index"] : [];
    case "completion/outcome":
      return traffic.params.outcome === "accepted" || traffic.params.outcome === "partiallyAccepted" ? ["completion"] : [];
    case "answer/ask":
      return traffic.result.citations.some(({ verified }) => verified) ? ["answer"] : [];
    case "evaluate/run":
      return ["evaluation"];
    default:
      return [];
  }
}
