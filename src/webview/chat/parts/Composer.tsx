// Where questions are written: context chips, a field that grows, suggestions for / @ #, and one button that turns into stop.
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import type { ChatAttachment, EditorContext, FileSuggestion, HostMessage, MemoryCommand } from "../../protocol.ts";
import { keepDraft, onHostMessage, post, restoreDraft } from "../host.ts";
import { defaultQuestion, replaceTrigger, splitCommand, splitMemoryCommand, triggerAt } from "../mentions.ts";
import type { Trigger } from "../mentions.ts";
import { attachmentKey, ContextChips } from "./ContextChips.tsx";
import { Icon } from "../../shared/Icon.tsx";
import { suggestionsFor, SuggestionList } from "./SuggestionList.tsx";
import type { Suggestion } from "./SuggestionList.tsx";
import { t } from "../../shared/l10n.ts";

interface ComposerProps {
  editor: EditorContext;
  running: boolean;
  /** Why nothing can be asked now, or null. */
  blocked: string | null;
  /** Earlier questions, oldest first: ArrowUp in an empty field brings them back. */
  earlier: readonly string[];
  /** `/why`: show what the last answer rests on. */
  onWhy: () => void;
}

export function Composer({ editor, running, blocked, earlier, onWhy }: ComposerProps) {
  const restored = useRef(restoreDraft()).current;
  const field = useRef<HTMLTextAreaElement>(null);
  const [text, setText] = useState(restored.draft);
  const [attachments, setAttachments] = useState<ChatAttachment[]>(restored.attachments);
  const [dismissed, setDismissed] = useState<ReadonlySet<string>>(new Set());
  const [trigger, setTrigger] = useState<Trigger | null>(null);
  const [files, setFiles] = useState<FileSuggestion[]>([]);
  const [chosen, setChosen] = useState(0);
  const [recalled, setRecalled] = useState<number | null>(null);
  const lastRequest = useRef(0);
  const nextCaret = useRef<number | null>(null);

  const implicitSelection = editor.selection && !dismissed.has(attachmentKey(editor.selection)) ? editor.selection : null;
  const implicitFile = editor.activePath !== null && !dismissed.has(editor.activePath) ? editor.activePath : null;
  const suggestions = trigger ? suggestionsFor(trigger, files, editor) : [];

  useEffect(() => { keepDraft({ draft: text, attachments }); }, [text, attachments]);
  // With the text, not a frame after it: by then the user may have typed on, and the caret would jump back.
  useLayoutEffect(() => {
    if (nextCaret.current === null || !field.current) return;
    field.current.setSelectionRange(nextCaret.current, nextCaret.current);
    nextCaret.current = null;
  });
  useEffect(() => onHostMessage((message: HostMessage) => {
    if (message.type === "focus") field.current?.focus();
    if (message.type === "files" && message.requestId === lastRequest.current) setFiles(message.files);
    if (message.type === "compose") {
      // A message that only attaches something leaves what is being written alone.
      if (message.command || message.text !== "") setText(message.command ? `/${message.command} ${message.text}` : message.text);
      setAttachments((before) => message.attachments.reduce(withAttachment, before));
      field.current?.focus();
    }
  }), []);

  function look(value: string, caret: number): void {
    const found = triggerAt(value, caret);
    setTrigger(found);
    setChosen(0);
    if (found?.kind === "file") post({ type: "suggestFiles", requestId: ++lastRequest.current, query: found.query });
    else setFiles([]);
  }

  function choose(suggestion: Suggestion): void {
    if (!trigger) return;
    const replaced = replaceTrigger(text, trigger, suggestion.insert);
    if (suggestion.attachment) setAttachments((before) => withAttachment(before, suggestion.attachment!));
    if (suggestion.kind === "selection" && !editor.selection) post({ type: "attachSelection" });
    setText(replaced.text);
    nextCaret.current = replaced.caret;
    setTrigger(null);
    field.current?.focus();
  }

  function send(): void {
    const memory = splitMemoryCommand(text);
    if (memory) {
      runMemoryCommand(memory.command, memory.text);
      return;
    }
    const { command, question } = splitCommand(text);
    const asked = question === "" && command ? defaultQuestion(command) : question;
    if (running || blocked !== null || asked === "") return;
    const sent = implicitSelection ? withAttachment(attachments, implicitSelection) : attachments;
    post({ type: "ask", question: asked, command, attachments: sent, useActiveFile: implicitFile !== null });
    setText("");
    setAttachments([]);
    setTrigger(null);
    setRecalled(null);
  }

  /** Commands about memory work while an answer is being made, and leave what is attached alone. */
  function runMemoryCommand(command: MemoryCommand, argument: string): void {
    // What is to be remembered must be said; the field keeps the command until it is.
    if (blocked !== null || (command === "remember" && argument === "")) return;
    if (command === "why") onWhy();
    else post({ type: command, text: argument });
    setText("");
    setTrigger(null);
    setRecalled(null);
  }

  /** Up and down through earlier questions, only while the field is empty or shows one of them. */
  function recall(step: 1 | -1): boolean {
    if (text !== "" && recalled === null) return false;
    const next = (recalled ?? earlier.length) + step;
    if (next < 0 || next > earlier.length) return false;
    setRecalled(next === earlier.length ? null : next);
    setText(earlier[next] ?? "");
    return true;
  }

  function onKeyDown(event: KeyboardEvent): void {
    if (event.isComposing || event.ctrlKey || event.metaKey || event.altKey) return;
    if (suggestions.length > 0) {
      const step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
      const suggestion = suggestions[chosen];
      // "/why" or "@memory" written out needs no choice any more.
      const written = trigger !== null && suggestion?.insert === text.slice(trigger.start, trigger.end);
      const whole = event.key === "Enter" && !event.shiftKey && written && (suggestion?.kind === "memory" || needsNoText(text));
      if (whole) send();
      else if (step !== 0) setChosen((chosen + step + suggestions.length) % suggestions.length);
      else if ((event.key === "Enter" || event.key === "Tab") && !event.shiftKey && suggestion) choose(suggestion);
      else if (event.key === "Escape") setTrigger(null);
      else return;
      event.preventDefault();
      event.stopPropagation();
      return;
    }
    if (event.key === "Enter" && !event.shiftKey) {
      event.preventDefault();
      send();
    } else if ((event.key === "ArrowUp" && recall(-1)) || (event.key === "ArrowDown" && recall(1))) {
      event.preventDefault();
    } else if (event.key === "Backspace" && text === "" && attachments.length > 0) {
      setAttachments(attachments.slice(0, -1));
    }
  }

  const needsText = splitMemoryCommand(text)?.command === "remember" && splitMemoryCommand(text)?.text === "";
  const empty = needsText || (splitCommand(text).question === "" && splitCommand(text).command === null);
  return (
    <div class="composer-area">
      {suggestions.length > 0 && <SuggestionList suggestions={suggestions} chosen={chosen} onChoose={choose} onPoint={setChosen} />}
      <div class="composer" data-blocked={blocked !== null}>
        <ContextChips
          file={implicitFile} selection={implicitSelection} attachments={attachments}
          onDismiss={(key) => { setDismissed((before) => new Set(before).add(key)); field.current?.focus(); }}
          onRemove={(key) => { setAttachments(attachments.filter((attachment) => attachmentKey(attachment) !== key)); field.current?.focus(); }}
        />
        <textarea
          ref={field} class="composer-field" data-testid="composer" rows={1} dir="auto" value={text}
          placeholder={blocked ?? t("Ask about this folder")} aria-label={t("Question")} disabled={blocked !== null}
          aria-autocomplete="list" aria-haspopup="listbox" aria-controls={suggestions.length > 0 ? "suggestions" : undefined}
          aria-activedescendant={suggestions.length > 0 ? `suggestion-${chosen}` : undefined}
          onInput={(event) => { setText(event.currentTarget.value); setRecalled(null); look(event.currentTarget.value, event.currentTarget.selectionStart); }}
          onClick={(event) => look(text, event.currentTarget.selectionStart)}
          onBlur={() => setTrigger(null)}
          onKeyDown={onKeyDown}
        />
        <div class="composer-bar">
          <button type="button" class="icon-button" title={t("Add a file (@)")} aria-label={t("Add a file")} onClick={() => begin("@")}><Icon name="attach" /></button>
          <button type="button" class="icon-button" title={t("Commands (/)")} aria-label={t("Commands")} onClick={() => begin("/")}><span class="slash-mark" aria-hidden="true">/</span></button>
          <span class="header-space" />
          {running
            ? <button type="button" class="icon-button send" data-testid="stop" title={t("Stop (Escape)")} aria-label={t("Stop")} onClick={() => { post({ type: "stop" }); field.current?.focus(); }}><Icon name="debug-stop" /></button>
            : <button type="button" class="icon-button send" data-testid="send" title={t("Send (Enter)")} aria-label={t("Send")} disabled={empty || blocked !== null} onClick={send}><Icon name="arrow-up" /></button>}
        </div>
      </div>
    </div>
  );

  /** Puts a trigger in as if it had been typed: "/" at the start, "@" at the end. */
  function begin(mark: "@" | "/"): void {
    const value = mark === "/" ? (text.startsWith("/") ? "/" : `/${text}`) : text === "" || /\s$/.test(text) ? `${text}@` : `${text} @`;
    const caret = mark === "/" ? 1 : value.length;
    setText(value);
    nextCaret.current = caret;
    field.current?.focus();
    look(value, caret);
  }
}

/** `/why` and `/forget` mean something by themselves. */
function needsNoText(text: string): boolean {
  const command = splitMemoryCommand(text)?.command;
  return command === "why" || command === "forget";
}

function withAttachment(before: ChatAttachment[], added: ChatAttachment): ChatAttachment[] {
  return before.some((attachment) => attachmentKey(attachment) === attachmentKey(added)) ? before : [...before, added];
}
