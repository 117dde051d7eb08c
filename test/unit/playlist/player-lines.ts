import { textBytes } from "../../../src/base/lossless-text.ts";
import { uriAttributes } from "../../../src/playlist/tags.ts";

const separators = "\x1C\x1D\x1E\x1F";

/** The characters at which each reader starts a new line. */
const breaks: Readonly<Record<string, string>> = {
  VHS: "\n",
  Shaka: "\r\n",
  "hls.js": "\r\n\u2028\u2029",
  ffmpeg: "\r\n\0",
  Python: `\r\n\v\f${separators}\x85\u2028\u2029`,
};

/** The lines of the text as UTF-8, and as Latin-1. */
function linesFor(player: string, text: string): readonly string[] {
  const at = breaks[player] ?? "\n";
  return [...splitAt(text, at), ...splitAt(latin1(text), at)];
}

function splitAt(text: string, at: string): readonly string[] {
  const lines: string[] = [];
  let from = 0;
  for (let i = 0; i < text.length; i++) {
    if (!at.includes(text.charAt(i))) continue;
    lines.push(text.slice(from, i));
    from = i + 1;
  }
  return [...lines, text.slice(from)];
}

function latin1(text: string): string {
  return Array.from(textBytes(text), (byte) => String.fromCharCode(byte)).join("");
}

/** A URI that a player finds in a rewritten playlist. */
export interface FoundUri {
  readonly player: string;
  readonly written: string;
  /** Whether it has a scheme or a host. */
  readonly absolute: boolean;
  /** As a browser resolves it; undefined if it refuses to. */
  readonly url: URL | undefined;
}

/** Everything that some player may read as a URI: lines, and attributes after a tag's name at any position. */
export function foundUris(text: string, base: string): readonly FoundUri[] {
  return Object.keys(breaks).flatMap((player) =>
    linesFor(player, text)
      .map((line) => line.trim())
      .flatMap((line) => (line.startsWith("#") ? inTag(line) : [line]))
      .filter((written) => written !== "")
      .map((written) => ({
        player,
        written,
        absolute: isAbsolute(written),
        url: URL.parse(written, base) ?? undefined,
      })),
  );
}

/** Whether some reader starts a new line inside a line. */
export function hasInnerBreak(text: string): boolean {
  return ["\r", "\0", "\v", "\f", "\x85", "\u2028", "\u2029", ...separators].some((code) => text.includes(code));
}

/** A browser drops control characters and spaces in front of a URL. */
function isAbsolute(written: string): boolean {
  let start = 0;
  while (written.charCodeAt(start) <= 0x20) start++;
  return /^(?:[a-z][a-z0-9+.-]*:|[/\\][/\\])/i.test(written.slice(start));
}

function inTag(line: string): readonly string[] {
  return [...uriAttributes].flatMap(([tag, roles]) => {
    const at = line.indexOf(`${tag}:`);
    if (at < 0) return [];
    return [...roles.keys()].flatMap((name) =>
      Array.from(
        line.slice(at).matchAll(new RegExp(`(?<=[:,"\\s])${name}\\s*=\\s*(?:"([^"]*)"?|([^,"]*))`, "g")),
        (match) => (match[1] ?? match[2] ?? "").trim().replace(/^['"]+/, ""),
      ),
    );
  });
}
