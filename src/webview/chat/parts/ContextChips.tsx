// The chips above the field: what goes along with the question. Each can be taken away, by mouse or keyboard.
import type { ChatAttachment } from "../../protocol.ts";
import { attachmentLabel } from "../healthLine.ts";
import { Icon } from "../../shared/Icon.tsx";
import { t } from "../../shared/l10n.ts";

interface ContextChipsProps {
  /** The active file, which only hints at what the question is about. */
  file: string | null;
  /** The editor's selection, which is sent. */
  selection: ChatAttachment | null;
  attachments: readonly ChatAttachment[];
  onDismiss: (key: string) => void;
  onRemove: (key: string) => void;
}

export function attachmentKey(attachment: ChatAttachment): string {
  return `${attachment.kind}:${attachment.path}:${attachment.cell?.id ?? ""}${attachment.startLine}-${attachment.endLine}`;
}

export function ContextChips({ file, selection, attachments, onDismiss, onRemove }: ContextChipsProps) {
  const showsFile = file !== null && selection?.path !== file && !attachments.some((attachment) => attachment.path === file);
  const showsSelection = selection !== null && !attachments.some((attachment) => attachmentKey(attachment) === attachmentKey(selection));
  if (!showsFile && !showsSelection && attachments.length === 0) return null;
  return (
    <div class="chips context" role="toolbar" aria-label={t("Context")} onKeyDown={moveBetweenChips}>
      {attachments.map((attachment) => (
        <Chip key={attachmentKey(attachment)} icon={attachment.kind === "file" ? "file" : "list-selection"} text={attachmentLabel(attachment)} tip={attachment.path} onRemove={() => onRemove(attachmentKey(attachment))} />
      ))}
      {showsSelection && selection && (
        <Chip icon="list-selection" text={attachmentLabel(selection)} tip={t("Selection in {0}", selection.path)} onRemove={() => onDismiss(attachmentKey(selection))} />
      )}
      {showsFile && <Chip implicit icon="file" text={baseName(file)} tip={t("{0} (the active file: counts as a hint)", file)} onRemove={() => onDismiss(file)} />}
    </div>
  );
}

function Chip({ icon, text, tip, implicit = false, onRemove }: { icon: string; text: string; tip: string; implicit?: boolean; onRemove: () => void }) {
  return (
    <span class={`chip chip-context ${implicit ? "implicit" : ""}`} title={tip}>
      <Icon name={icon} />
      <bdi class="ellipsis">{text}</bdi>
      <button
        type="button" class="chip-remove" aria-label={t("Remove {0}", text)} onClick={onRemove}
        onKeyDown={(event) => { if (event.key === "Delete" || event.key === "Backspace") onRemove(); }}
      >
        <Icon name="close" />
      </button>
    </span>
  );
}

function baseName(path: string): string {
  return path.split("/").at(-1) ?? path;
}

/** Left and right walk over the chips of a row, whatever the direction of writing. */
export function moveBetweenChips(event: KeyboardEvent & { currentTarget: HTMLElement }): void {
  if (event.key !== "ArrowLeft" && event.key !== "ArrowRight") return;
  const buttons = [...event.currentTarget.querySelectorAll("button")];
  const at = buttons.indexOf(document.activeElement as HTMLButtonElement);
  if (at < 0) return;
  const forward = (event.key === "ArrowRight") === (getComputedStyle(event.currentTarget).direction !== "rtl");
  buttons[at + (forward ? 1 : -1)]?.focus();
  event.preventDefault();
}
