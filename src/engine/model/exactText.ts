// Tokens to text, every space of it. For some vocabularies (that of the embedded model, of GPT-2) llama.cpp takes spaces away before
// ". , ? !" and around apostrophes when it joins tokens: "x ? y : z" becomes "x? y : z", which is other code than was written. Where a
// model does that, its tokens are put together one by one here. Texts of other models pass through as they are.
// Source: `clean_spaces` in src/llama-vocab.cpp of llama.cpp.
import type { LlamaModel, Token } from "node-llama-cpp";
import type { Detokenizer } from "./tokenText.ts";

type Vocabulary = Pick<LlamaModel, "detokenize" | "tokenize">;

const UNTOUCHED = "x ? y . z , a !";
/** What a space is taken away before; a token that shows itself so may have begun with one. */
const CLEANED_BEFORE = /^[ ]*[?!.,']/;
/** Bytes that are no whole character: to be read together with their neighbours. */
const PART = "\uFFFD";

const known = new WeakMap<Vocabulary, Detokenizer>();

/** The model's tokens as exactly the text that they stand for. One for each model; keeps what it looked up. */
export function exactDetokenizer(model: Vocabulary): Detokenizer {
  let exact = known.get(model);
  if (!exact) {
    exact = model.detokenize(model.tokenize(UNTOUCHED, false), false).trimStart() === UNTOUCHED ? model : tokenByToken(model);
    known.set(model, exact);
  }
  return exact;
}

function tokenByToken(model: Vocabulary): Detokenizer {
  const pieces = new Map<Token, string>();
  const pieceOf = (token: Token): string => {
    let piece = pieces.get(token);
    if (piece === undefined) {
      piece = model.detokenize([token], false);
      if (CLEANED_BEFORE.test(piece)) {
        // It stands for the text with a space where that text is this very token.
        const [only, ...more] = model.tokenize(` ${piece}`, false);
        if (only === token && more.length === 0) piece = ` ${piece}`;
      }
      pieces.set(token, piece);
    }
    return piece;
  };
  return {
    detokenize(tokens, specialTokens = false) {
      let text = "";
      for (let i = 0; i < tokens.length;) {
        let end = i + 1;
        if (pieceOf(tokens[i]!).includes(PART)) {
          while (end < tokens.length && pieceOf(tokens[end]!).includes(PART)) end++;
          text += model.detokenize(tokens.slice(i, end), specialTokens);
        } else {
          const piece = pieceOf(tokens[i]!);
          text += piece === "" && specialTokens ? model.detokenize([tokens[i]!], true) : piece;
        }
        i = end;
      }
      return text;
    },
  };
}
