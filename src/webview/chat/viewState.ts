// What the chat view shows, and how a message from the host changes it. Pure: no DOM, no clock.
import { applyAnswerEvent } from "../protocol.ts";
import type { ChangeProposal, ChatStatus, ChatTurn, Conversation, ConversationSummary, EditorContext, HostMessage } from "../protocol.ts";

export interface ViewState {
  /** False until the first snapshot: nothing is drawn before, so that the view does not flash an empty state. */
  loaded: boolean;
  conversation: Conversation;
  conversations: ConversationSummary[];
  status: ChatStatus;
  editor: EditorContext;
  proposal: ChangeProposal | null;
  notice: string | null;
}

export const INITIAL_STATE: ViewState = {
  loaded: false,
  conversation: { id: "", title: "", updatedAt: 0, turns: [] },
  conversations: [],
  status: { engine: "starting", engineFailure: null, folderOpen: true, trusted: true, model: null, index: null, bytesOut: null },
  editor: { activePath: null, selection: null },
  proposal: null,
  notice: null,
};

export type ViewAction = HostMessage | { type: "dismissNotice" };

/** The state after `action`. Messages about files, focus and the composer are none of its business and change nothing. */
export function reduce(state: ViewState, action: ViewAction): ViewState {
  switch (action.type) {
    case "snapshot":
      return {
        ...state, loaded: true, conversation: action.conversation, conversations: action.conversations,
        status: action.status, editor: action.editor, proposal: action.proposal,
      };
    case "conversation":
      return { ...state, conversation: action.conversation, notice: null };
    case "conversations":
      return { ...state, conversations: action.conversations };
    case "turn":
      // What was said about the field's last command has been read once something new is asked.
      return withTurns(state.conversation.turns.some(({ id }) => id === action.turn.id) ? state : { ...state, notice: null }, upsert(state.conversation.turns, action.turn));
    case "turnEvent":
      return withTurns(state, state.conversation.turns.map((turn) => (turn.id === action.turnId ? applyAnswerEvent(turn, action.event) : turn)));
    case "status":
      return { ...state, status: action.status };
    case "editor":
      return { ...state, editor: action.editor };
    case "proposal":
      return { ...state, proposal: action.proposal };
    case "notice":
      return { ...state, notice: action.text };
    case "dismissNotice":
      return state.notice === null ? state : { ...state, notice: null };
    case "files":
    case "compose":
    case "focus":
      return state;
  }
}

export function runningTurn(state: ViewState): ChatTurn | null {
  return state.conversation.turns.find((turn) => turn.state === "running") ?? null;
}

function withTurns(state: ViewState, turns: ChatTurn[]): ViewState {
  return { ...state, conversation: { ...state.conversation, turns } };
}

function upsert(turns: ChatTurn[], turn: ChatTurn): ChatTurn[] {
  return turns.some((other) => other.id === turn.id) ? turns.map((other) => (other.id === turn.id ? turn : other)) : [...turns, turn];
}
