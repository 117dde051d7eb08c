/**
 * The entity tags that an If-None-Match names (RFC 9110 §13.1.2), each without its weakness, `*` for any, or undefined
 * where the header is malformed and to be ignored.
 */
export function parseEntityTags(header: string | undefined): readonly string[] | "*" | undefined {
  if (header === undefined) return undefined;
  if (header.trim() === "*") return "*";
  const tags: string[] = [];
  let at = skipSpace(header, 0);
  while (at < header.length) {
    if (header.startsWith("W/", at)) at += 2;
    const end = header.charAt(at) === '"' ? header.indexOf('"', at + 1) : -1;
    if (end < 0) return undefined;
    tags.push(header.slice(at, end + 1));
    at = skipSpace(header, end + 1);
    if (at === header.length) return tags;
    if (header.charAt(at) !== ",") return undefined;
    at = skipSpace(header, at + 1);
  }
  return undefined;
}

/** Whether an If-None-Match names a file's entity tag, so that 304 answers it: the weak comparison. */
export function namesEntityTag(ifNoneMatch: string | undefined, tag: string | undefined): boolean {
  const tags = parseEntityTags(ifNoneMatch);
  if (tags === undefined) return false;
  if (tags === "*") return true;
  return tag !== undefined && tags.includes(tag.startsWith("W/") ? tag.slice(2) : tag);
}

/**
 * Whether an If-Range holds (RFC 9110 §13.1.5), so that its range is still a part of the file the viewer has begun:
 * the strong comparison with the entity tag, or the very date of Last-Modified.
 */
export function ifRangeHolds(ifRange: string, tag: string | null, lastModified: string | null): boolean {
  return ifRange.startsWith('"') ? ifRange === tag : ifRange === lastModified;
}

function skipSpace(text: string, at: number): number {
  while (at < text.length && (text.charCodeAt(at) === 0x20 || text.charCodeAt(at) === 0x09)) at++;
  return at;
}
