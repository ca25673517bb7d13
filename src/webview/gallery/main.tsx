// Entry of the model gallery: styles, then the one component.
import "@vscode/codicons/dist/codicon.css";
import "../shared/controls.css";
import "./gallery.css";
import { render } from "preact";
import { App } from "./App.tsx";

const root = document.getElementById("root");
if (root) render(<App />, root);
