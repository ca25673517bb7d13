// The table of all commands. A new command is a file in this folder and a line here.
import { ADAPTER_COMMANDS } from "./adapters.ts";
import { askCommand, searchCommand } from "./askAndSearch.ts";
import { checkCommand } from "./check.ts";
import type { Command } from "./command.ts";
import { completeCommand } from "./complete.ts";
import { DATA_COMMANDS } from "./data.ts";
import { doctorCommand } from "./doctor.ts";
import { EVALUATE_COMMANDS } from "./evaluate.ts";
import { indexCommand } from "./indexFolder.ts";
import { MEMORY_COMMANDS } from "./memory.ts";
import { mcpCommand } from "./mcp.ts";
import { metricsCommand } from "./metrics.ts";
import { ENDPOINT_COMMANDS } from "./endpoints.ts";
import { MODEL_COMMANDS } from "./models.ts";
import { proveOfflineCommand } from "./proveOffline.ts";
import { rewardModelCommand } from "./rewardModel.ts";
import { notebookCommand } from "./notebook.ts";
import { pretrainCommand, trainEmbedCommand } from "./train.ts";
import { TRAIN_RUN_COMMANDS } from "./trainRuns.ts";

export const COMMANDS: readonly Command[] = [doctorCommand, ...MODEL_COMMANDS, ...ENDPOINT_COMMANDS, ...MEMORY_COMMANDS, indexCommand, searchCommand, askCommand, completeCommand, notebookCommand, checkCommand, ...DATA_COMMANDS, ...TRAIN_RUN_COMMANDS, rewardModelCommand, pretrainCommand, trainEmbedCommand, ...ADAPTER_COMMANDS, ...EVALUATE_COMMANDS, metricsCommand, mcpCommand, proveOfflineCommand];
