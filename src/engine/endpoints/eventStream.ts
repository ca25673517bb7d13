// Reads server-sent events from bytes as they come, however they are cut. Strict: what is no valid stream is refused with a sentence, and
// no line or event grows beyond a bound. It knows nothing of what the events mean.
// Source: WHATWG HTML, "Server-sent events", section 9.2.6 (interpreting an event stream).

/** Longest event that is taken, in UTF-16 units. Real ones are of a few hundred. */
const LONGEST_EVENT = 1 << 20;

export class EventStream {
  readonly #decoder = new TextDecoder("utf-8", { fatal: true });
  readonly #fail: (finding: string, cause?: unknown) => Error;
  #line = "";
  #data: string[] = [];
  #dataLength = 0;
  #lastWasReturn = false;

  /** `fail` makes the error of a finding, which goes on after the server's name: "sends text that is not UTF-8". */
  constructor(fail: (finding: string, cause?: unknown) => Error) {
    this.#fail = fail;
  }

  /** The data of the events that `bytes` completes. Errors: those of `fail`. */
  push(bytes: Uint8Array): string[] {
    return this.#take(this.#decode(bytes, true));
  }

  /** The stream is over: an event without its empty line is dropped, as the standard has it. Errors: those of `fail`, for half a character. */
  end(): void {
    this.#decode(new Uint8Array(), false);
  }

  /** Whether part of an event was read and not yet given. */
  get hasRest(): boolean {
    return this.#line !== "" || this.#data.length > 0;
  }

  #decode(bytes: Uint8Array, stream: boolean): string {
    try {
      return this.#decoder.decode(bytes, { stream });
    } catch (error) {
      throw this.#fail("sends text that is not UTF-8. Check that the address is that of a model server", error);
    }
  }

  #take(text: string): string[] {
    const events: string[] = [];
    let from = 0;
    for (let at = 0; at < text.length; at++) {
      const unit = text.charCodeAt(at);
      if (unit !== 10 && unit !== 13) continue;
      // CR LF is one end of a line, also where the two come in different pieces.
      const isSecondHalf = unit === 10 && at === from && (at > 0 ? text.charCodeAt(at - 1) === 13 : this.#lastWasReturn && this.#line === "");
      if (!isSecondHalf) {
        this.#line += text.slice(from, at);
        const event = this.#endLine();
        if (event !== null) events.push(event);
      }
      from = at + 1;
    }
    if (text !== "") this.#lastWasReturn = text.charCodeAt(text.length - 1) === 13;
    this.#line += text.slice(from);
    if (this.#line.length + this.#dataLength > LONGEST_EVENT) {
      throw this.#fail("sends events of more than a million characters; that is no stream of a model. Check the address");
    }
    return events;
  }

  #endLine(): string | null {
    const line = this.#line;
    this.#line = "";
    if (line === "") {
      const event = this.#data.length === 0 ? null : this.#data.join("\n");
      this.#data = [];
      this.#dataLength = 0;
      return event;
    }
    const colon = line.indexOf(":");
    // A comment keeps the connection alive and says nothing.
    if (colon === 0) return null;
    const field = colon === -1 ? line : line.slice(0, colon);
    const value = colon === -1 ? "" : line.slice(line.charCodeAt(colon + 1) === 32 ? colon + 2 : colon + 1);
    switch (field) {
      case "data":
        this.#data.push(value);
        this.#dataLength += value.length;
        return null;
      case "event":
      case "id":
      case "retry":
        return null;
      default:
        throw this.#fail(`answers with something that is no stream of events: "${field.slice(0, 60)}". Check that the address is that of a model server`);
    }
  }
}
