// The list of earlier conversations, in place of the open one.
import type { ConversationSummary } from "../../protocol.ts";
import { post } from "../host.ts";
import { IconButton } from "../../shared/Icon.tsx";
import { t } from "../../shared/l10n.ts";

interface HistoryProps {
  conversations: readonly ConversationSummary[];
  currentId: string;
  onClose: () => void;
}

export function History({ conversations, currentId, onClose }: HistoryProps) {
  const open = (id: string): void => {
    post({ type: "openConversation", id });
    onClose();
  };
  return (
    <section class="history" aria-label={t("Chat History")} data-testid="history">
      <div class="history-head"><h2>{t("Chat History")}</h2><IconButton icon="close" label={t("Close History")} onClick={onClose} /></div>
      {conversations.length === 0 && <p class="quiet">{t("Conversations of this folder are kept here.")}</p>}
      <ul onKeyDown={moveUpAndDown}>
        {conversations.map((conversation) => (
          <li key={conversation.id} class="history-row">
            <button type="button" class="history-open" aria-current={conversation.id === currentId} onClick={() => open(conversation.id)}>
              <span class="ellipsis" dir="auto">{conversation.title}</span>
              <span class="history-when">{ago(Date.now() - conversation.updatedAt)}</span>
            </button>
            <IconButton icon="trash" label={t("Delete “{0}”", conversation.title)} onClick={() => post({ type: "deleteConversation", id: conversation.id })} />
          </li>
        ))}
      </ul>
    </section>
  );
}

function moveUpAndDown(event: KeyboardEvent & { currentTarget: HTMLElement }): void {
  if (event.key !== "ArrowDown" && event.key !== "ArrowUp") return;
  const rows = [...event.currentTarget.querySelectorAll<HTMLButtonElement>(".history-open")];
  rows[rows.indexOf(document.activeElement as HTMLButtonElement) + (event.key === "ArrowDown" ? 1 : -1)]?.focus();
  event.preventDefault();
}

/** "now", "5 min", "3 h", "2 d", "6 wk". */
export function ago(ms: number): string {
  const minutes = Math.floor(ms / 60_000);
  if (minutes < 1) return t("now");
  if (minutes < 60) return t("{0} min", minutes);
  if (minutes < 1_440) return t("{0} h", Math.floor(minutes / 60));
  return minutes < 20_160 ? t("{0} d", Math.floor(minutes / 1_440)) : t("{0} wk", Math.floor(minutes / 10_080));
}
