import * as z from "zod";
import { extensionOf, isAlias } from "../base/alias.ts";
import { pathFault } from "../base/canonical-path.ts";

/**
 * Extensions that no glob allows: playlists and presentation descriptions, keys, and containers that only segments use.
 * They are compared in lower case, because some origins ignore case. Files that are one of these under another name are
 * recognised by their bytes (`edge/file-content.ts`).
 */
const neverAllowed: ReadonlyMap<string, string> = new Map([
  ...["m3u8", "m3u", "mpd", "ism", "isml", "ismc", "f4m"].map((extension) => [extension, "playlists"] as const),
  ["key", "keys"],
  ...["ts", "m2ts", "mts", "m4s", "m4f", "cmfv", "cmfa", "cmft", "cmfm"].map(
    (extension) => [extension, "segments"] as const,
  ),
]);

const longestGlob = 256;
const mostGlobs = 50;

export const fileGlobsSchema = z
  .array(
    z.string().superRefine((glob, context) => {
      const fault = globFault(glob);
      if (fault !== undefined) context.addIssue({ code: "custom", message: fault });
    }),
  )
  .max(mostGlobs)
  .default([])
  .describe(
    "Files that no playlist names and that `POST /files` may open: `poster.jpg`, `thumbs/*.vtt`, `downloads/**/*.mp4`. Below " +
      "the origin's prefix. `*` covers any characters of one path segment, `**` any number of whole segments. Each ends in an " +
      "extension. Playlists, keys and segments are never opened, whatever this list says.",
  );

/** How to fix a glob, or undefined if it is valid. */
function globFault(glob: string): string | undefined {
  if (glob.length > longestGlob) return `Use at most ${longestGlob} characters.`;
  const why = glob === "" ? "it is empty" : pathFault(`/${glob}`);
  if (why !== undefined)
    return `Give a path below the origin's prefix in its canonical form, without a slash at its start: ${why}.`;
  if (isAlias(glob)) return "Give the file's own path: ~/ is reserved.";
  const segments = glob.split("/");
  if (segments.some((segment) => segment.includes("**") && segment !== "**"))
    return "Use ** as a whole path segment (thumbs/**/*.jpg), and * within one.";
  const extension = /\.([A-Za-z0-9]{1,8})$/.exec(segments.at(-1) ?? "")?.[1];
  if (extension === undefined) return "End it with a file extension, such as *.jpg: a glob never covers every file.";
  for (const segment of segments) {
    const what = neverAllowed.get(extensionOf(segment).toLowerCase());
    if (what !== undefined) return `Remove it: ${what} (.${extensionOf(segment)}) are opened by a stream only.`;
  }
  return undefined;
}

/**
 * Whether an asset's globs allow a file, by its canonical path below the origin's prefix (no alias, no query). The entry
 * is never allowed, nor a path with a segment that has the extension of a playlist, a key or a segment: some servers
 * answer `index.m3u8/x.jpg` with `index.m3u8`.
 */
export function isAllowedFile(
  { files, entry }: { readonly files: readonly string[]; readonly entry: string },
  path: string,
): boolean {
  if (files.length === 0 || path === "" || isAlias(path) || pathFault(`/${path}`) !== undefined) return false;
  const segments = path.split("/");
  if (segments.some((segment) => neverAllowed.has(extensionOf(segment).toLowerCase()))) return false;
  if (path === entry.split("?", 1)[0]) return false;
  return files.some((glob) => coversSegments(glob.split("/"), segments));
}

function coversSegments(glob: readonly string[], path: readonly string[]): boolean {
  return matches(glob, path, "**", coversName);
}

function coversName(glob: string, name: string): boolean {
  return matches([...glob], [...name], "*", (a, b) => a === b);
}

/**
 * Whether a pattern with a wildcard for any number of items covers the items. On a mismatch the last wildcard takes one
 * item more, so the time is at most the product of both lengths, whatever the pattern.
 */
function matches(
  pattern: readonly string[],
  items: readonly string[],
  wildcard: string,
  covers: (pattern: string, item: string) => boolean,
): boolean {
  let at = 0;
  let star = -1;
  let taken = 0;
  for (let i = 0; i < items.length; ) {
    const own = pattern[at];
    if (own === wildcard) {
      star = at++;
      taken = i;
    } else if (own !== undefined && covers(own, items[i] ?? "")) {
      at++;
      i++;
    } else if (star >= 0) {
      at = star + 1;
      i = ++taken;
    } else return false;
  }
  while (pattern[at] === wildcard) at++;
  return at === pattern.length;
}
