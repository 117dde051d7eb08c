import { readDecimal } from "../base/encoding.ts";
import { type Refusal, type Refused, refuse } from "../base/result.ts";

/** A requested range (RFC 9110 §14.1.2) in bytes; `to` is inclusive. */
export type RequestedRange = { readonly from: number; readonly to: number | undefined } | { readonly suffix: number };

/** A range within a file. */
export interface ByteRange {
  readonly offset: number;
  readonly length: number;
}

const bytesPrefix = "bytes=";

/**
 * The only range of a Range header. Undefined for another unit, a malformed header or several ranges: RFC 9110 §14.2
 * allows a server to answer these with the whole file.
 */
export function parseRange(header: string | undefined): RequestedRange | undefined {
  if (header === undefined || !header.startsWith(bytesPrefix)) return undefined;
  const dash = header.indexOf("-", bytesPrefix.length);
  if (dash < 0) return undefined;
  const to = readDecimal(header, dash + 1, header.length);
  if (dash === bytesPrefix.length) return to === undefined ? undefined : { suffix: to };
  const from = readDecimal(header, bytesPrefix.length, dash);
  if (from === undefined) return undefined;
  if (dash + 1 === header.length) return { from, to: undefined };
  return to === undefined || to < from ? undefined : { from, to };
}

/** A Range header in canonical form, for origins and cache keys. */
export function rangeText(range: RequestedRange): string {
  return "suffix" in range ? `${bytesPrefix}-${range.suffix}` : `${bytesPrefix}${range.from}-${range.to ?? ""}`;
}

/** The part of a file of `size` bytes that the range covers. Undefined if the range is outside the file. */
export function resolveRange(range: RequestedRange, size: number): ByteRange | undefined {
  if ("suffix" in range) {
    const length = Math.min(range.suffix, size);
    return length === 0 ? undefined : { offset: size - length, length };
  }
  if (range.from >= size) return undefined;
  return { offset: range.from, length: Math.min(range.to ?? size - 1, size - 1) - range.from + 1 };
}

/** The Content-Range header for a part of a file. */
export function contentRange({ offset, length }: ByteRange, size: number): string {
  return `bytes ${offset}-${offset + length - 1}/${size}`;
}

/** A Content-Range (RFC 9110 §14.4). A server that does not know the size writes `*`. */
export interface ParsedContentRange {
  /** Undefined in a 416, which has no range: `bytes *\/1000`. */
  readonly range: ByteRange | undefined;
  readonly size: number | undefined;
}

/** Undefined if the header is missing, malformed or has another unit. */
export function parseContentRange(header: string | null): ParsedContentRange | undefined {
  if (header?.slice(0, 6).toLowerCase() !== "bytes ") return undefined;
  const slash = header.indexOf("/");
  if (slash < 0) return undefined;
  const size = readDecimal(header, slash + 1, header.length);
  if (size === undefined && header.slice(slash + 1) !== "*") return undefined;
  if (header.slice(6, slash) === "*") return size === undefined ? undefined : { range: undefined, size };
  const dash = header.indexOf("-");
  const from = readDecimal(header, 6, dash);
  const to = readDecimal(header, dash + 1, slash);
  if (from === undefined || to === undefined || to < from || (size !== undefined && to >= size)) return undefined;
  return { range: { offset: from, length: to - from + 1 }, size };
}

/** The refusal of a range outside the file. */
export function rangeRefusal(size: number | undefined): Refused<Refusal<"range_not_satisfiable">> {
  const code = "range_not_satisfiable";
  const reason = "the range is outside the file";
  return refuse(size === undefined ? { code, reason } : { code, reason, size });
}

/**
 * The entity tags of an If-None-Match (RFC 9110 §13.1.2) without `W/`, or `*` for any. Undefined if the header is
 * malformed and has to be ignored.
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

/** Whether an If-None-Match names a file's entity tag (weak comparison): the response is then 304. */
export function namesEntityTag(ifNoneMatch: string | undefined, tag: string | undefined): boolean {
  const tags = parseEntityTags(ifNoneMatch);
  if (tags === undefined) return false;
  if (tags === "*") return true;
  return tag !== undefined && tags.includes(tag.startsWith("W/") ? tag.slice(2) : tag);
}

/**
 * Whether an If-Range matches (RFC 9110 §13.1.5): the client already has other parts of this version. Entity tags are
 * compared strongly, dates exactly.
 */
export function ifRangeMatches(ifRange: string, tag: string | null, lastModified: string | null): boolean {
  return ifRange.startsWith('"') ? ifRange === tag : ifRange === lastModified;
}

function skipSpace(text: string, at: number): number {
  while (at < text.length && (text.charCodeAt(at) === 0x20 || text.charCodeAt(at) === 0x09)) at++;
  return at;
}
