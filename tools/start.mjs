#!/usr/bin/env node
// `npm start`: hands over to start/main.ts under the pinned Node, so that it runs from any Node of 20 or later.
import { runWithNode24 } from "./node24.mjs";

process.exitCode = await runWithNode24("tools/start/main.ts", process.argv.slice(2));
