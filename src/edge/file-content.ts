import { utf8 } from "../base/encoding.ts";
import { isKeySize } from "../origin/fill-cache.ts";

/** How much of a file is read to decide what it is, in bytes: the `moov` of fragmented MP4 fits in. */
export const headLength = 65_536;

/** How much of it is searched as text, after white space: the most that a prolog of XML may take. */
const textLength = 8192;

/** One character per byte. Only ASCII is compared. */
const ascii = new TextDecoder("latin1");

/** What is known about a file before it is served. */
export interface FileSample {
  /** The first bytes: {@link headLength}, or the whole file if it is shorter. */
  readonly head: Uint8Array;
  /** The file's size in bytes; undefined if the origin does not say. */
  readonly size: number | undefined;
  /** The Content-Type with which it would be served. */
  readonly contentType: string;
}

/** Content types of playlists, presentation descriptions and segments, without their parameters. */
const forbiddenTypes =
  /^(application|audio|video|text)\/((vnd\.apple\.|x-)?mpegurl|dash\+xml|vnd\.ms-sstr\+xml|f4m(\+xml)?|mp2t|mp2p|iso\.segment|vnd\.dlna\.mpeg-tts)$/;

/**
 * Why a file is never served through a `file` URL, or undefined: it is a playlist, a key or a segment, by its bytes, its
 * size or its content type. Names decide nothing here: the asset's globs have judged them, and a playlist may be called
 * `poster.jpg`.
 *
 * - A playlist is what players read as one: `#EXTM3U` (RFC 8216bis §4), or XML whose root is not known to be harmless,
 *   after any white space and byte order marks, which many players trim.
 * - A key is a file of 16 or 32 bytes, whatever they are.
 * - A segment is MPEG-TS, a fragment or an initialisation section of fragmented MP4 (ISO/IEC 14496-12 §8.8), or packed
 *   audio with Apple's timestamp (RFC 8216bis §3.1.3). A progressive MP4, which HLS cannot play, is a download.
 */
export function contentFault({ head, size, contentType }: FileSample): string | undefined {
  const type = contentType.split(/[;,]/, 1)[0]?.trim().toLowerCase() ?? "";
  if (forbiddenTypes.test(type)) return "its content type is that of a playlist or a segment";
  const bytes = size ?? head.length;
  if (isKeySize(bytes)) return `it has the size of a key: ${bytes} bytes`;
  if (head.length === 0) return undefined;
  return textFault(head) ?? segmentFault(head);
}

function textFault(head: Uint8Array): string | undefined {
  const [a, b] = head;
  if ((a === 0xff && b === 0xfe) || (a === 0xfe && b === 0xff)) return "it is text in UTF-16";
  const at = textStart(head);
  if (head.length >= headLength && at + textLength > headLength) return "it begins with too much white space";
  const text = ascii.decode(head.subarray(at, at + textLength));
  if (/^[<#]\0/.test(text)) return "it is text in UTF-16 or UTF-32";
  if (/^#EXT/i.test(text)) return "it is a playlist";
  // A box of MP4 may have 60 bytes: its size then ends in "<", after zeros.
  if (!text.startsWith("<") || head.subarray(0, at).includes(0)) return undefined;
  const root = rootOf(text);
  if (root === undefined) return "it is XML whose root element does not begin in its first bytes";
  return /^(mpd|smoothstreamingmedia|manifest|asx|smil)$/i.test(root) ? "it is a playlist" : undefined;
}

/** The bytes that `trim` of JavaScript, Java or Python removes in Latin-1, and NUL, of which UTF-16 has one per letter. */
const blanks: ReadonlySet<number> = new Set([
  0x00, 0x09, 0x0a, 0x0b, 0x0c, 0x0d, 0x1c, 0x1d, 0x1e, 0x1f, 0x20, 0x85, 0xa0,
]);

/** The white space beyond ASCII that `trim` removes, and the byte order mark (ECMA-262 §12.2). */
const wideBlanks =
  "\u0085\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000\ufeff";

/** The same in UTF-8. */
const wideSequences: readonly Uint8Array[] = [...wideBlanks].map(utf8);

/** Where a file's text begins after all that a player may trim: white space in UTF-8 and Latin-1, and byte order marks. */
function textStart(head: Uint8Array): number {
  let at = 0;
  while (at < head.length) {
    const width = blanks.has(head[at] ?? 0) ? 1 : wideBlankAt(head, at);
    if (width === 0) return at;
    at += width;
  }
  return at;
}

function wideBlankAt(head: Uint8Array, at: number): number {
  const found = wideSequences.find((sequence) => sequence.every((byte, i) => head[at + i] === byte));
  return found?.length ?? 0;
}

/** The local name of an XML document's root element; undefined if it does not begin in this text. */
function rootOf(text: string): string | undefined {
  let at = 0;
  while (at >= 0 && at < text.length) {
    at = text.indexOf("<", at);
    if (at < 0) return undefined;
    const close = text.startsWith("<!--", at)
      ? "-->"
      : text.startsWith("<?", at)
        ? "?>"
        : text.startsWith("<!", at)
          ? ">"
          : undefined;
    if (close === undefined)
      return /^<(?:[^\s<>/:]{1,64}:)?([^\s<>/:]{1,64})[\s/>]/.exec(text.slice(at, at + 132))?.[1];
    // An internal subset holds ">" and could define the root by an entity.
    if (close === ">" && /^<!DOCTYPE[^>]*\[/i.test(text.slice(at))) return undefined;
    const end = text.indexOf(close, at + 2);
    at = end < 0 ? -1 : end + close.length;
  }
  return undefined;
}

function segmentFault(head: Uint8Array): string | undefined {
  // M2TS puts four bytes before each packet.
  if (isPackets(head, 0, 188) || isPackets(head, 4, 192)) return "it is an MPEG-TS segment";
  if (ascii.decode(head.subarray(0, 4096)).includes("com.apple.streaming.transportStreamTimestamp"))
    return "it is a segment of packed audio";
  return isFragmented(head) ? "it is fragmented MP4, which playlists use" : undefined;
}

/** Whether packets of MPEG-TS begin here (ISO/IEC 13818-1 §2.4.3.2): a G every 188 bytes, at least twice. A GIF has one. */
function isPackets(head: Uint8Array, first: number, length: number): boolean {
  const most = Math.min(head.length, first + 5 * length);
  if (most <= first + length) return false;
  for (let at = first; at < most; at += length) if (head[at] !== 0x47) return false;
  return true;
}

const fragmentBoxes: ReadonlySet<string> = new Set(["styp", "sidx", "ssix", "moof", "emsg", "prft"]);

/**
 * Whether an MP4 is fragmented: a fragment's box comes before any media, or its `moov` has an `mvex`. The `moov` of
 * fragmented MP4 comes first and has no sample tables; a `moov` that goes on after the head is searched as far as it is
 * there.
 */
function isFragmented(head: Uint8Array): boolean {
  for (let at = 0; at + 8 <= head.length; ) {
    const view = new DataView(head.buffer, head.byteOffset + at);
    const type = ascii.decode(head.subarray(at + 4, at + 8));
    if (fragmentBoxes.has(type)) return true;
    if (at === 0 && !/^(ftyp|moov|mdat|free|skip|wide|pdin|uuid)$/.test(type)) return false;
    const size = view.getUint32(0);
    const length = size === 1 && at + 16 <= head.length ? Number(view.getBigUint64(8)) : size;
    if (type === "moov" && ascii.decode(head.subarray(at, size === 0 ? undefined : at + length)).includes("mvex"))
      return true;
    if (length < 8) return false;
    at += length;
  }
  return false;
}
