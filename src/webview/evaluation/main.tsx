// Entry of the evaluation page: styles, then the one component. The frame is that of the training monitor.
import "@vscode/codicons/dist/codicon.css";
import "../shared/controls.css";
import "../monitor/monitor.css";
import "../monitor/report.css";
import "./evaluation.css";
import { render } from "preact";
import { App } from "./App.tsx";

const root = document.getElementById("root");
if (root) render(<App />, root);
