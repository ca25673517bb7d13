// Which commits say in words of a person what they did, and what of their messages is worth learning.

/** Authors that are programs. */
const BOT = /\[bot\]|\bbot\b|dependabot|renovate|greenkeeper|snyk|github-actions|gitlab-ci|semantic-release|pre-commit-ci|weblate|crowdin|transifex|mergify|imgbot|allcontributors|pyup|codecov|jenkins|buildbot|azure-pipelines|web-flow|scala-steward|copybara|service[- ]account|automat/i;

/** Whether a commit's author is a program. */
export function isBot(author: string): boolean {
  return BOT.test(author);
}

/** Messages that programs or haste write: they say nothing about their diff. */
const EMPTY_TALK: readonly RegExp[] = [
  /^merge\b/i, /^revert\b/i, /^(?:chore|build|ci|deps?)(?:\([^)]*\))?: ?(?:bump|update|release|upgrade)\b/i, /^bump\b.*\b(?:from|to|version)\b/i, /^v?\d+\.\d+(?:\.\d+)?(?:[-.\w]*)?$/i,
  /^(?:release|prepare|bump)\b.{0,20}\d+\.\d+/i, /^(?:wip|tmp|temp|test|tests|fix|fixes|fixed|update|updates|updated|cleanup|clean up|minor|misc|stuff|changes?|typo|typos|lint|format|formatting|initial commit|first commit|init|squash|fixup|amend|save|checkpoint|commit|push|more|again|oops|nit|nits|done|review|refactor|address (?:review|comments|feedback|pr comments?)|pr (?:feedback|comments?)|code review|\.+)[.!]*$/i,
  /^(?:fixup|squash|amend)!/, /^update [\w./-]+\.(?:md|txt|json|ya?ml|lock)$/i, /^(?:update|create|delete|rename|add) [\w.-]+$/i, /^apply suggestions? from code review/i, /^\[?(?:auto|automated|automatic)\b/i, /^translated using weblate/i, /^sync\b/i, /^publish\b/i, /^changeset/i, /^version packages/i,
];

const TRAILER = /^(?:signed-off-by|co-authored-by|reviewed-by|acked-by|tested-by|reported-by|suggested-by|cc|change-id|git-svn-id|approved-by|pull request|pr-url|pr|issue|refs?|closes?|fixes|resolves|see also|bug|jira|reviewers?|differential revision|test plan|bors|x-[\w-]+|authored-by|committed-by|helped-by|link|[\w-]+-by)\s*[:#]/i;

/** Most characters of a message; the rest is dropped at a paragraph. */
const MOST_CHARACTERS = 1_000;

/** The message as a person would write it again, without trailers, numbers of pull requests and names; null where it says nothing. */
export function learnableMessage(message: string, author: string): string | null {
  if (isBot(author)) return null;
  const lines = message.replaceAll("\r", "").split("\n").filter((line) => !TRAILER.test(line.trim()));
  const subject = (lines[0] ?? "").replace(/\s*\((?:#|gh-)\d+\)\s*/gi, " ").replace(/\s+#\d+\s*$/, "").trim();
  if (subject.length < 12 || subject.length > 200 || !/\p{L}{2,}\s+\S*\p{L}/u.test(subject)) return null;
  if (EMPTY_TALK.some((pattern) => pattern.test(subject))) return null;
  const paragraphs = lines.slice(1).join("\n").split(/\n\s*\n/).map((paragraph) => paragraph.trim()).filter((paragraph) => paragraph !== "");
  let text = subject;
  for (const paragraph of paragraphs) {
    // A squashed pull request lists its commits; what was typed on the way is not the summary.
    if (/^\* /.test(paragraph) && paragraphs.length > 3) break;
    if (/^-{3,}$/.test(paragraph) || text.length + paragraph.length + 2 > MOST_CHARACTERS) break;
    text += `\n\n${paragraph}`;
  }
  return text;
}
