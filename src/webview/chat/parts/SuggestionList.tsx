// The list that opens above the field after / @ or #. Focus stays in the field; the field moves through the list.
import { useEffect, useRef } from "preact/hooks";
import type { ChatAttachment, EditorContext, FileSuggestion } from "../../protocol.ts";
import { MEMORY_COMMANDS, SLASH_COMMANDS } from "../../protocol.ts";
import type { Trigger } from "../mentions.ts";
import { Icon } from "../../shared/Icon.tsx";
import { mark, t, translated } from "../../shared/l10n.ts";

export interface Suggestion {
  kind: "command" | "file" | "selection" | "memory";
  icon: string;
  label: string;
  detail: string;
  /** What replaces the trigger in the text. */
  insert: string;
  attachment: ChatAttachment | null;
}

/** The suggestions for a trigger, best first. Files come from the host already ranked. */
export function suggestionsFor(trigger: Trigger, files: readonly FileSuggestion[], editor: EditorContext): Suggestion[] {
  switch (trigger.kind) {
    case "command":
      return [...SLASH_COMMANDS, ...MEMORY_COMMANDS].filter(({ name }) => name.startsWith(trigger.query)).map(({ name, description }) => ({
        kind: "command", icon: "", label: `/${name}`, detail: translated(description), insert: `/${name}`, attachment: null,
      }));
    case "file":
      return [
        ...("memory".startsWith(trigger.query.toLowerCase()) ? [{ ...MEMORY_SUGGESTION, detail: translated(MEMORY_SUGGESTION.detail) }] : []),
        ...files.map(({ path, open }) => fileSuggestion(path, open ? t("open") : "")),
      ];
    case "context": {
      const all: Suggestion[] = [];
      if ("selection".startsWith(trigger.query.toLowerCase())) {
        const detail = editor.selection ? t("Lines {0}–{1} of {2}", editor.selection.startLine, editor.selection.endLine, editor.selection.path) : t("What is selected in the editor");
        all.push({ kind: "selection", icon: "list-selection", label: "#selection", detail, insert: "#selection", attachment: editor.selection });
      }
      if (editor.activePath !== null && "file".startsWith(trigger.query.toLowerCase())) {
        all.push({ ...fileSuggestion(editor.activePath, t("the active file")), label: "#file" });
      }
      return all;
    }
  }
}

const MEMORY_SUGGESTION: Suggestion = { kind: "memory", icon: "history", label: "@memory", detail: mark("What was said, decided and run before"), insert: "@memory", attachment: null };

function fileSuggestion(path: string, note: string): Suggestion {
  const slash = path.lastIndexOf("/") + 1;
  const folder = path.slice(0, Math.max(0, slash - 1));
  return {
    kind: "file", icon: "file", label: path.slice(slash), detail: [folder, note].filter(Boolean).join(" · "), insert: `@${path.slice(slash)}`,
    attachment: { kind: "file", path, startLine: 1, endLine: 1 },
  };
}

interface SuggestionListProps {
  suggestions: readonly Suggestion[];
  chosen: number;
  onChoose: (suggestion: Suggestion) => void;
  onPoint: (index: number) => void;
}

export function SuggestionList({ suggestions, chosen, onChoose, onPoint }: SuggestionListProps) {
  const list = useRef<HTMLUListElement>(null);
  useEffect(() => { list.current?.children[chosen]?.scrollIntoView({ block: "nearest" }); }, [chosen]);
  return (
    <ul ref={list} class="suggestions" id="suggestions" role="listbox" aria-label={t("Suggestions")} data-testid="suggestions">
      {suggestions.map((suggestion, index) => (
        <li
          key={suggestion.label + suggestion.detail} id={`suggestion-${index}`} role="option" aria-selected={index === chosen}
          onMouseDown={(event) => { event.preventDefault(); onChoose(suggestion); }} onMouseMove={() => { if (index !== chosen) onPoint(index); }}
        >
          {suggestion.icon !== "" && <Icon name={suggestion.icon} />}
          <span class="suggestion-label">{suggestion.label}</span>
          <span class="suggestion-detail ellipsis">{suggestion.detail}</span>
        </li>
      ))}
    </ul>
  );
}
