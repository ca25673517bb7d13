// What the view says when there is no conversation, or when something stands in the way: a sentence and one button.
import type { ChangeProposal, ChatStatus, HostCommand } from "../../protocol.ts";
import { post } from "../host.ts";
import { Icon, IconButton } from "../../shared/Icon.tsx";
import { t } from "../../shared/l10n.ts";

/** Questions that any folder can answer; a click puts them in the field's place and asks. In English, which the engine understands best. */
const STARTERS = ["What does this project do?", "Where is the entry point?", "Which files are tests?"];

export function Welcome({ status }: { status: ChatStatus }) {
  if (!status.folderOpen) {
    return <Empty icon="folder" text={t("Open a folder to ask about its code. Everything stays on this machine.")} button={{ label: t("Open Folder"), command: "openFolder" }} />;
  }
  const index = status.index;
  if (index?.state === "failed") {
    return <Empty icon="warning" text={index.failure ?? t("The index could not be built.")} button={{ label: t("Build Again"), command: "updateIndex" }} />;
  }
  const building = index?.state === "scanning" || index?.state === "indexing";
  return (
    <div class="welcome" data-testid="welcome">
      <h2>{t("Ask about this folder")}</h2>
      <p class="quiet">
        {t("Answers show where they come from, each source re-read before it is shown. Nothing leaves this machine.")}
        {building && ` ${t("The folder is still being read; you can already ask.")}`}
      </p>
      <ul class="starters">
        {STARTERS.map((question) => (
          <li key={question}>
            <button type="button" class="link" onClick={() => post({ type: "ask", question, command: null, attachments: [], useActiveFile: false })}>{question}</button>
          </li>
        ))}
      </ul>
      <dl class="hints">
        <div><dt><kbd>/</kbd></dt><dd>explain, fix, tests, doc, search</dd></div>
        <div><dt><kbd>@</kbd></dt><dd>{t("a file, or memory")}</dd></div>
        <div><dt><kbd>#</kbd></dt><dd>{t("the selection")}</dd></div>
      </dl>
    </div>
  );
}

function Empty({ icon, text, button }: { icon: string; text: string; button: { label: string; command: HostCommand } }) {
  return (
    <div class="empty" data-testid="empty">
      <Icon name={icon} />
      <p>{text}</p>
      <button type="button" class="button" onClick={() => post({ type: "command", command: button.command })}>{button.label}</button>
    </div>
  );
}

/** One line above the field while something is wrong that does not keep the rest from working. */
export function Banner({ status }: { status: ChatStatus }) {
  if (status.engine === "failed") {
    return <BannerLine icon="error" text={status.engineFailure ?? t("The engine could not be started.")} button={{ label: t("Restart Engine"), command: "restartEngine" }} />;
  }
  if (status.engine === "restarting") {
    return <BannerLine icon="loading" text={t("The engine stopped and is being started again.")} button={{ label: t("Show Log"), command: "showLog" }} />;
  }
  if (!status.trusted && status.folderOpen) {
    return <BannerLine icon="shield" text={t("Restricted Mode: this folder’s own settings are ignored, and nothing in it is run.")} button={{ label: t("Manage Trust"), command: "manageTrust" }} />;
  }
  return null;
}

function BannerLine({ icon, text, button }: { icon: string; text: string; button: { label: string; command: HostCommand } }) {
  return (
    <div class="banner" role="status" data-testid="banner">
      <Icon name={icon} spin={icon === "loading"} />
      <span class="banner-text">{text}</span>
      <button type="button" class="link" onClick={() => post({ type: "command", command: button.command })}>{button.label}</button>
    </div>
  );
}

export function ProposalBar({ proposal }: { proposal: ChangeProposal }) {
  const resolve = (accept: boolean): void => post({ type: "resolveProposal", id: proposal.id, accept });
  return (
    <div class="banner proposal" role="status" data-testid="proposal">
      <Icon name="diff" />
      <span class="banner-text" title={proposal.path}>{t("Change to {0}", proposal.path.split("/").at(-1) ?? "")}</span>
      <span class="banner-buttons">
        <button type="button" class="button small" onClick={() => resolve(true)}>{t("Accept")}</button>
        <button type="button" class="button small secondary" onClick={() => resolve(false)}>{t("Discard")}</button>
      </span>
    </div>
  );
}

export function Notice({ text, onDismiss }: { text: string; onDismiss: () => void }) {
  return (
    <div class="banner" role="status" data-testid="notice">
      <Icon name="info" />
      <span class="banner-text">{text}</span>
      <IconButton icon="close" label={t("Dismiss")} onClick={onDismiss} />
    </div>
  );
}
