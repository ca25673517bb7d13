// What the extension shows VS Code in its manifest: commands, views, menus. `npm run manifest` writes it, with the settings
// of src/engine/settings.ts, into package.json; a test fails when the two disagree.

import { ASSISTANT_TOOLS } from "../engine/protocol/assistantTools.ts";
import { walkthroughContribution } from "./walkthroughSteps.ts";

interface CommandContribution {
  title: string;
  icon?: string;
  /** When it may be run from the palette; always, when absent. */
  when?: string;
}

/** All commands by id (without the "kalactica." prefix). */
export const COMMANDS = {
  openChat: { title: "Open Chat", icon: "$(comment-discussion)" },
  newChat: { title: "New Chat", icon: "$(add)" },
  stopAnswer: { title: "Stop Answer", when: "kalactica.answering" },
  explainSelection: { title: "Explain Selection", when: "editorHasSelection" },
  fixSelection: { title: "Fix Selection", when: "editorHasSelection" },
  testSelection: { title: "Write Tests for Selection", when: "editorHasSelection" },
  documentSelection: { title: "Document Selection", when: "editorHasSelection" },
  acceptChange: { title: "Accept Proposed Change", icon: "$(check)", when: "kalactica.proposalOpen" },
  discardChange: { title: "Discard Proposed Change", icon: "$(discard)", when: "kalactica.proposalOpen" },
  searchWorkspace: { title: "Search Workspace by Meaning" },
  toggleCompletions: { title: "Toggle Inline Completions" },
  explainCompletion: { title: "Why Was No Completion Shown?" },
  whyHidden: { title: "Why Was the Suggestion Hidden?" },
  showSafetyOverrides: { title: "Show Safety Overrides" },
  showModels: { title: "Show Models", icon: "$(package)" },
  chooseModel: { title: "Choose Model" },
  downloadModel: { title: "Download Model", when: "isWorkspaceTrusted" },
  useModelFile: { title: "Use a Model File…", when: "isWorkspaceTrusted" },
  inspectModel: { title: "Inspect Model File" },
  addEndpoint: { title: "Add Endpoint…", when: "isWorkspaceTrusted" },
  removeEndpoint: { title: "Remove Endpoint…" },
  updateIndex: { title: "Update Index" },
  showIndexReport: { title: "Show Index Report" },
  fineTuneWorkspace: { title: "Fine-tune on This Workspace", when: "isWorkspaceTrusted && workspaceFolderCount != 0" },
  train: { title: "Train…", when: "isWorkspaceTrusted && workspaceFolderCount != 0" },
  prepareTrainingData: { title: "Prepare Training Data…", when: "isWorkspaceTrusted && workspaceFolderCount != 0" },
  reviewTrainingData: { title: "Review Training Data…", when: "isWorkspaceTrusted && workspaceFolderCount != 0" },
  showTrainingRuns: { title: "Show Training Runs", icon: "$(graph-line)" },
  pauseTraining: { title: "Pause Training", when: "kalactica.trainingCanPause" },
  resumeTraining: { title: "Resume Training", when: "isWorkspaceTrusted && kalactica.trainingCanResume" },
  cancelTraining: { title: "Cancel Training", when: "kalactica.trainingCanCancel" },
  explainCellState: { title: "Explain Cell State", when: "notebookEditorFocused" },
  rerunStaleCells: { title: "Re-run Stale Cells", when: "notebookEditorFocused && isWorkspaceTrusted" },
  explainCellOutput: { title: "Explain Output", icon: "$(comment-discussion)", when: "notebookEditorFocused" },
  fixCellError: { title: "Fix Error", icon: "$(lightbulb)", when: "notebookEditorFocused" },
  whatIsStale: { title: "What Is Stale?", icon: "$(history)", when: "notebookEditorFocused" },
  manageAdapters: { title: "Manage Adapters…" },
  evaluate: { title: "Evaluate…" },
  evaluateRepository: { title: "Find the Best Model for This Repository", when: "workspaceFolderCount != 0" },
  showEvaluations: { title: "Show Evaluations", icon: "$(beaker)" },
  showUse: { title: "Show Figures of Use" },
  showMemory: { title: "Show Memory", icon: "$(history)" },
  remember: { title: "Remember…" },
  searchMemory: { title: "Search Memory", icon: "$(search)" },
  clearMemorySearch: { title: "Clear Search", icon: "$(clear-all)", when: "kalactica.memorySearched" },
  refreshMemory: { title: "Refresh Memory", icon: "$(refresh)", when: "false" },
  inspectMemory: { title: "Inspect", icon: "$(open-preview)", when: "false" },
  editMemory: { title: "Edit…", icon: "$(edit)", when: "false" },
  pinMemory: { title: "Pin or Unpin", icon: "$(pin)", when: "false" },
  forgetMemory: { title: "Forget…", icon: "$(trash)" },
  doctor: { title: "Check This Machine (Doctor)" },
  proveOffline: { title: "Prove That Nothing Leaves This Machine" },
  reportProblem: { title: "Report a Problem…" },
  getStarted: { title: "Get Started" },
  tryCompletion: { title: "Try a Completion in an Example" },
  tryQuestion: { title: "Ask About This Folder", when: "workspaceFolderCount != 0" },
  restartEngine: { title: "Restart Engine" },
  showLog: { title: "Show Log" },
} as const satisfies Record<string, CommandContribution>;

export type CommandId = keyof typeof COMMANDS;

/** The participant of VS Code's own chat. */
export const PARTICIPANT_ID = "kalactica.chat.participant";

/** Its slash commands: those of our own chat, and memory. */
const PARTICIPANT_COMMANDS = [
  { name: "explain", description: "Explain how the code works", sampleRequest: "/explain #selection" },
  { name: "fix", description: "Propose a fix", sampleRequest: "/fix #selection" },
  { name: "tests", description: "Write tests", sampleRequest: "/tests #selection" },
  { name: "doc", description: "Write documentation", sampleRequest: "/doc #selection" },
  { name: "search", description: "List matching places only", sampleRequest: "/search where requests are retried" },
  { name: "memory", description: "What was said, decided and run in this folder before", sampleRequest: "/memory what did we decide about retries?" },
];

/** A cell's actions stand in its toolbar where they apply, and nowhere else. */
const CODE_CELL = "notebookCellType == code && config.kalactica.notebook.actions";
const FAILED_CELL = "notebookCellResource in kalactica.failedCells";

const SELECTION_COMMANDS: readonly CommandId[] = ["explainSelection", "fixSelection", "testSelection", "documentSelection"];

/** Everything under `contributes` but the settings. */
export function staticContributions(): Record<string, unknown> {
  const commands: Record<string, CommandContribution> = COMMANDS;
  return {
    commands: Object.entries(commands).map(([id, { title, icon }]) => ({ command: `kalactica.${id}`, category: "KaLactica", title, ...(icon ? { icon } : {}) })),
    viewsContainers: { activitybar: [{ id: "kalactica", title: "KaLactica", icon: "media/icons/kalactica.svg" }] },
    views: {
      kalactica: [
        { type: "webview", id: "kalactica.chat", name: "Chat", icon: "media/icons/kalactica.svg" },
        { id: "kalactica.memory", name: "Memory", icon: "$(history)", visibility: "collapsed", when: "workspaceFolderCount != 0" },
      ],
    },
    viewsWelcome: [
      { view: "kalactica.memory", contents: "Nothing is remembered yet. Questions, decisions and notebook runs of this folder are kept here, on this machine.\n[Remember Something](command:kalactica.remember)", when: "!kalactica.memorySearched" },
      { view: "kalactica.memory", contents: "Nothing that is remembered has these words.\n[Clear Search](command:kalactica.clearMemorySearch)", when: "kalactica.memorySearched" },
    ],
    menus: {
      commandPalette: Object.entries(commands).filter(([, { when }]) => when).map(([id, { when }]) => ({ command: `kalactica.${id}`, when })),
      "view/title": [
        { command: "kalactica.newChat", when: "view == kalactica.chat", group: "navigation" },
        { command: "kalactica.clearMemorySearch", when: "view == kalactica.memory && kalactica.memorySearched", group: "navigation@1" },
        { command: "kalactica.searchMemory", when: "view == kalactica.memory", group: "navigation@2" },
        { command: "kalactica.refreshMemory", when: "view == kalactica.memory", group: "navigation@3" },
        { command: "kalactica.remember", when: "view == kalactica.memory", group: "1_memory" },
      ],
      "view/item/context": [
        { command: "kalactica.editMemory", when: "view == kalactica.memory && viewItem =~ /editable/", group: "inline@1" },
        { command: "kalactica.forgetMemory", when: "view == kalactica.memory && viewItem =~ /memory/", group: "inline@2" },
        { command: "kalactica.inspectMemory", when: "view == kalactica.memory && viewItem =~ /memory/", group: "1_open" },
        { command: "kalactica.editMemory", when: "view == kalactica.memory && viewItem =~ /editable/", group: "2_change@1" },
        { command: "kalactica.pinMemory", when: "view == kalactica.memory && viewItem =~ /memory/", group: "2_change@2" },
        { command: "kalactica.forgetMemory", when: "view == kalactica.memory && viewItem =~ /memory/", group: "3_forget" },
      ],
      "editor/title": (["acceptChange", "discardChange"] satisfies CommandId[]).map((id, index) => ({ command: `kalactica.${id}`, when: "kalactica.proposalOpen && resourceScheme == kalactica-proposed", group: `navigation@${index + 1}` })),
      "editor/context": [{ submenu: "kalactica.editor", when: "editorHasSelection", group: "1_modification@99" }],
      "notebook/cell/title": [
        { command: "kalactica.fixCellError", when: `${CODE_CELL} && ${FAILED_CELL}`, group: "inline@90" },
        { command: "kalactica.explainCellOutput", when: `${CODE_CELL} && notebookCellHasOutputs && ${FAILED_CELL.replace(" in ", " not in ")}`, group: "inline@90" },
      ],
      "notebook/toolbar": [{ command: "kalactica.whatIsStale", when: "notebookType != interactive && config.kalactica.notebook.actions", group: "navigation/execute@90" }],
      "kalactica.editor": SELECTION_COMMANDS.map((id) => ({ command: `kalactica.${id}` })),
    },
    chatParticipants: [{
      id: PARTICIPANT_ID, name: "kalactica", fullName: "KaLactica", description: "Ask about this folder, answered on this machine with verified sources", isSticky: true, commands: PARTICIPANT_COMMANDS,
      disambiguation: [{
        category: "kalactica_workspace", description: "The user asks about the code, the notebooks or the history of the open folder: where something is defined or used, what it does, why a notebook's cell failed, what was decided earlier.",
        examples: ["Where is the retry policy defined?", "Who calls parseConfig?", "Which file handles authentication?", "Why did cell 3 of the notebook fail, and what fixed it?", "What did we decide about the cache last week?"],
      }],
    }],
    walkthroughs: walkthroughContribution(),
    languageModelChatProviders: [{ vendor: "kalactica", displayName: "KaLactica" }],
    languageModelTools: ASSISTANT_TOOLS.map(({ name, reference, title, summary, description, input, icon }) => ({
      name, displayName: title, userDescription: summary, modelDescription: description, inputSchema: input, icon, toolReferenceName: reference, canBeReferencedInPrompt: true, tags: ["kalactica"],
    })),
    submenus: [{ id: "kalactica.editor", label: "KaLactica" }],
  };
}
