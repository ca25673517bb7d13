// The one gate through which HTML enters the page. What is not on these lists does not get in: no images, no styles,
// no scripts, no forms, so that an answer can neither run code nor fetch anything.
import DOMPurify from "dompurify";
import { remember } from "./remember.ts";

const ALLOWED_TAGS = [
  "p", "br", "hr", "h1", "h2", "h3", "h4", "h5", "h6", "strong", "em", "s", "code", "pre", "blockquote", "ul", "ol", "li",
  "table", "thead", "tbody", "tr", "th", "td", "a", "span", "div", "button",
];
const ALLOWED_ATTR = ["class", "href", "title", "type", "dir", "start", "tabindex", "role", "aria-label", "aria-hidden", "data-cite", "data-action", "data-language", "data-path", "data-key", "data-tone"];

/** Links that may be followed: the web, mail, and files of the workspace. */
export const ALLOWED_LINK = /^(?:https?:\/\/|mailto:|(?![a-z][a-z0-9+.-]*:|\/\/|\\)[^\s])/i;

/** The HTML without whatever is not on the lists. */
export const sanitise = remember(1_000, (html) => DOMPurify.sanitize(html, {
  ALLOWED_TAGS, ALLOWED_ATTR, ALLOW_DATA_ATTR: false, ALLOW_ARIA_ATTR: false, ALLOWED_URI_REGEXP: ALLOWED_LINK, SANITIZE_NAMED_PROPS: true,
}));
