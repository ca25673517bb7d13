// The list of suites that run inside the extension host; a new suite is added here.
import "./activation.test.ts";
import "./answer.test.ts";
import "./assistantTools.test.ts";
import "./chatParticipant.test.ts";
import "./codeActions.test.ts";
import "./feedback.test.ts";
import "./host.test.ts";
import "./index.test.ts";
import "./languageModel.test.ts";
import "./notebook.test.ts";
import "./terminal.test.ts";
import "./training.test.ts";
