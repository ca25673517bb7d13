// Where a value comes from, within one function: written as a literal, put together at run time, or handed in from outside the
// program. Follows names back to their assignments; does not cross functions, so a parameter is "unknown".
import { childByField, textOf, walk } from "../../base/syntaxTree.ts";
import type { SyntaxNode } from "../../base/syntaxTree.ts";
import { functionAround, interpolates, isString, literalText } from "./codeFacts.ts";
import type { Assigned, CodeFacts } from "./codeFacts.ts";

const DEEPEST = 6;
const MOST_STEPS = 400;

/** What other machines decide: requests, messages, addresses of pages. */
const REMOTE = /^(?:req(?:uest)?|ctx|context|event|self\.request|this\.request|flask\.request)\b[\w.$?[\]()'"]*\.(?:query|params?|body|headers?|cookies?|args|form|files|values|json|GET|POST|FormValue|PostFormValue|URL|QueryString|Form|Params|getParameter\w*|getHeader\w*|getQueryString|getCookies|getInputStream|getReader|PathValue|RequestURI|Query|Param|DefaultQuery|PostForm|data|path|url|originalUrl)\b|^(?:r|c)\.(?:URL|FormValue|PostFormValue|PathValue|Header|Body|Query|Param|PostForm|DefaultQuery|RequestURI)\b|^(?:req|request|resp|response)\.getParameter|\$_(?:GET|POST|REQUEST|COOKIE|FILES|SERVER)\b|^(?:location\.(?:hash|search|href)|window\.location\S*|document\.(?:URL|location|referrer|cookie)|document\.getElementById\S*\.value|Request\.(?:QueryString|Form|Params|Cookies|Headers)|HttpContext\S*Request\S*|event\.(?:body|queryStringParameters|pathParameters)|message\.(?:data|content)|file_get_contents\("php:)\b/;
/** What whoever starts the program decides: its arguments, environment and input. */
const LOCAL = /^(?:sys\.argv|os\.environ|os\.getenv|process\.(?:argv|env)|input|raw_input|argv|args|environ|getenv|gets|fgets|scanf|readline|Console\.ReadLine|env::args(?:_os)?|env::var|std::env::\w+|os\.Args|os\.Getenv|prompt|fgetcsv)\b|\$_ENV\b/;
const FORMATTERS = /(?:^|\.)(?:format|Format|Sprintf|sprintf|Sprint|join|concat|Concat|replace|Replace|strip|trim|toString|String|str|encode|decode|append|vsprintf|implode|formatted|Join|format!|to_string|to_owned|as_str|into|unwrap|clone|f|safe_substitute|substitute|lower|upper|toLowerCase|toUpperCase|slice|substring|Substring|parse|resolve|Path|normalize)$/;

export class Flow {
  readonly #facts: CodeFacts;
  readonly #byTarget = new Map<string, Assigned[]>();
  #steps = 0;

  constructor(facts: CodeFacts) {
    this.#facts = facts;
    for (const each of facts.assigned) {
      const list = this.#byTarget.get(each.target);
      if (list) list.push(each);
      else this.#byTarget.set(each.target, [each]);
    }
  }

  /** A literal, or literals put together. */
  isLiteral(node: SyntaxNode): boolean {
    this.#steps = 0;
    return this.#literal(node, 0);
  }

  #literal(node: SyntaxNode, depth: number): boolean {
    if (++this.#steps > MOST_STEPS || depth > DEEPEST) return false;
    if (isString(node)) return !interpolates(node);
    if (/^(?:number|integer|float|true|false|null|none|undefined|nil|number_literal|int_literal|decimal_integer_literal|integer_literal|boolean_literal|null_literal|character_literal|char_literal|None|True|False|boolean|sizeof_expression)$/.test(node.type)) return true;
    if (/^(?:identifier|variable_name|simple_identifier|name)$/.test(node.type)) {
      const text = textOf(this.#facts.tree, node);
      const assigned = this.#assignmentsOf(node);
      if (assigned.length > 0) return assigned.every((each) => each.node.type !== "augmented_assignment" && this.#literal(each.value, depth + 1));
      return /^[A-Z][A-Z0-9_]{2,}$/.test(text);
    }
    if (/^(?:binary_expression|binary_operator|parenthesized_expression|list|array|tuple|array_creation_expression|unary_expression|concatenated_string|array_initializer|initializer_list|argument|unary_op_expression|reference_expression|dictionary|object|pair|composite_literal|literal_value|literal_element|keyed_element|as_expression|not_operator|list_expression)$/.test(node.type)) {
      return node.children.filter((child) => child.named && child.field !== "type").every((child) => this.#literal(child, depth + 1));
    }
    if (/^(?:member_expression|attribute|field_access|member_access_expression|scoped_identifier|class_constant_access_expression|selector_expression|qualified_identifier|field_expression)$/.test(node.type)) return /[.:](?:[A-Z][A-Z0-9_]+|class|name)$/.test(textOf(this.#facts.tree, node));
    return false;
  }

  /** Text that is put together from pieces, not all of them literals. */
  isBuilt(node: SyntaxNode): boolean {
    this.#steps = 0;
    return this.#built(node, 0);
  }

  #built(node: SyntaxNode, depth: number): boolean {
    if (++this.#steps > MOST_STEPS || depth > DEEPEST) return false;
    if (isString(node) && interpolates(node)) return true;
    if (/^(?:binary_expression|binary_operator)$/.test(node.type)) {
      const operator = node.children.find((child) => !child.named)?.type ?? textOf(this.#facts.tree, node).charAt(0);
      return /^(?:\+|%|\.)$/.test(operator) && !this.#literal(node, depth) && (operator !== "+" || this.#hasString(node));
    }
    if (/^(?:parenthesized_expression|argument|expression_list|reference_expression|await_expression|cast_expression|await|unary_expression)$/.test(node.type)) return node.children.some((child) => child.named && this.#built(child, depth + 1));
    const call = this.#facts.calls.find((each) => each.node === node);
    if (call) {
      if (!FORMATTERS.test(call.callee.replace(/^.*\)(?=\.)/, ""))) return false;
      const receiver = childByField(node, "function") ?? childByField(node, "object");
      return call.args.some((arg) => !this.#literal(arg, depth)) || (receiver !== null && receiver.children.some((child) => child.named && this.#built(child, depth + 1)));
    }
    if (/^(?:identifier|variable_name)$/.test(node.type)) return this.#assignmentsOf(node).some((each) => each.node.type.startsWith("augmented") ? !this.#literal(each.value, depth + 1) : this.#built(each.value, depth + 1));
    return false;
  }

  /** Something in `node` was handed in from outside the program. */
  isTainted(node: SyntaxNode): boolean {
    this.#steps = 0;
    if (this.#tainted(node, 0, REMOTE)) return true;
    this.#steps = 0;
    return this.#tainted(node, 0, LOCAL);
  }

  /** Something in `node` was decided by another machine. */
  isRemote(node: SyntaxNode): boolean {
    this.#steps = 0;
    return this.#tainted(node, 0, REMOTE);
  }

  #tainted(node: SyntaxNode, depth: number, sources: RegExp): boolean {
    if (++this.#steps > MOST_STEPS || depth > DEEPEST) return false;
    let found = false;
    walk(node, (inner) => {
      if (found || ++this.#steps > MOST_STEPS) return false;
      if (inner.end - inner.start < 200 && /^(?:member_expression|attribute|subscript|subscript_expression|call|call_expression|method_invocation|invocation_expression|member_access_expression|element_access_expression|identifier|variable_name|selector_expression|scoped_identifier|field_access|macro_invocation)$/.test(inner.type)) {
        if (sources.test(textOf(this.#facts.tree, inner).replace(/\s+/g, ""))) {
          found = true;
          return false;
        }
      }
      if (/^(?:identifier|variable_name)$/.test(inner.type) && inner.field !== "attribute" && inner.field !== "property" && this.#assignmentsOf(inner).some((each) => each.node.start !== inner.start && this.#tainted(each.value, depth + 1, sources))) {
        found = true;
        return false;
      }
      return undefined;
    });
    return found;
  }

  /** Assignments to the name of `node` in its function or, where there is none, outside of functions. */
  #assignmentsOf(node: SyntaxNode): readonly Assigned[] {
    const all = this.#byTarget.get(textOf(this.#facts.tree, node).replace(/\s+/g, "")) ?? [];
    const own = functionAround(node);
    const inside = all.filter((each) => each.scope === own && !(each.node.start <= node.start && each.node.end >= node.end));
    return inside.length > 0 ? inside : all.filter((each) => each.scope.parent === null && each.scope !== own);
  }

  #hasString(node: SyntaxNode): boolean {
    let found = false;
    walk(node, (inner) => {
      if (isString(inner)) found = true;
      return !found;
    });
    return found || /^(?:identifier|variable_name)$/.test(node.children[0]?.type ?? "") && this.#assignmentsOf(node.children[0] as SyntaxNode).some((each) => isString(each.value));
  }

  /** All literal text in `node`, following names once: for looking at what kind of text it is. */
  literalsIn(node: SyntaxNode): string {
    let text = "";
    const collect = (from: SyntaxNode, depth: number): void => {
      walk(from, (inner) => {
        if (isString(inner)) text += ` ${textOf(this.#facts.tree, inner).slice(0, 500)}`;
        else if (depth === 0 && /^(?:identifier|variable_name)$/.test(inner.type)) for (const each of this.#assignmentsOf(inner).slice(0, 4)) collect(each.value, 1);
        return text.length < 4_000;
      });
    };
    collect(node, 0);
    return text;
  }

  literal(node: SyntaxNode | undefined): string | null {
    if (!node) return null;
    const own = literalText(this.#facts.tree, node);
    if (own !== null) return own;
    const assigned = /^(?:identifier|variable_name)$/.test(node.type) ? this.#assignmentsOf(node) : [];
    return assigned.length === 1 ? literalText(this.#facts.tree, (assigned[0] as Assigned).value) : null;
  }
}
