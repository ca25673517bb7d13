// Finds the lines of attached notebook cells in the notebook's file, so that they are cited and recognised like other attachments.
// A notebook that is not saved, or not known, keeps the attachment as it came: its text then stands for it.
import type { WorkspaceAccess } from "../answering/workspaceAccess.ts";
import { locateCells } from "../notebooks/file/locateCells.ts";
import type { AskParams } from "../protocol/types.ts";
import type { NotebookKnowledge } from "./notebookAnswers.ts";

/** `params` with the lines of its cells put in. */
export async function withCellPlaces(params: AskParams, knowledge: Pick<NotebookKnowledge, "remembered">, readLines: WorkspaceAccess["readLines"]): Promise<AskParams> {
  if (!params.attachments.some(({ cell }) => cell)) return params;
  const attachments = await Promise.all(params.attachments.map(async (attachment) => {
    if (!attachment.cell) return attachment;
    const file = await readLines({ path: attachment.path, startLine: 1, endLine: Number.MAX_SAFE_INTEGER });
    if (!file) return attachment;
    const place = locateCells(file.text, (await knowledge.remembered(attachment.path)).cells).get(attachment.cell.id);
    return place ? { ...attachment, ...place } : attachment;
  }));
  return { ...params, attachments };
}
