// Entry of the chat view: styles, then the one component.
import "@vscode/codicons/dist/codicon.css";
import "../shared/controls.css";
import "./chat.css";
import "./answer.css";
import "./composer.css";
import "./code.css";
import "./memory.css";
import { render } from "preact";
import { App } from "./App.tsx";

const root = document.getElementById("root");
if (root) render(<App />, root);
