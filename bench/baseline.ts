import { getSignedUrl } from "@aws-sdk/cloudfront-signer";
import { Parser } from "m3u8-parser";

export interface SigningByHand {
  /** The URL prefix of each segment's name. Ends with a slash. */
  readonly base: string;
  readonly keyPairId: string;
  /** RSA-2048, PEM: CloudFront's classic key. */
  readonly privateKey: string;
  /** The expiry of the URLs in milliseconds, as the SDK expects it. */
  readonly dateLessThan: number;
}

/**
 * The code that a user would write without this project: parse the playlist with m3u8-parser, sign one canned policy
 * per segment with the CDN's own SDK, and write the playlist from what the parser kept.
 */
export function rewriteByHand(text: string, { base, ...signing }: SigningByHand): string {
  const parser = new Parser();
  parser.push(text);
  parser.end();
  const { segments, targetDuration, mediaSequence, playlistType, endList } = parser.manifest;
  const lines = ["#EXTM3U", "#EXT-X-VERSION:3", `#EXT-X-TARGETDURATION:${targetDuration}`];
  lines.push(`#EXT-X-MEDIA-SEQUENCE:${mediaSequence ?? 0}`);
  if (playlistType !== undefined) lines.push(`#EXT-X-PLAYLIST-TYPE:${playlistType}`);
  for (const { uri, duration, dateTimeString } of segments) {
    if (dateTimeString !== undefined) lines.push(`#EXT-X-PROGRAM-DATE-TIME:${dateTimeString}`);
    lines.push(`#EXTINF:${duration},`, getSignedUrl({ ...signing, url: base + uri }));
  }
  if (endList) lines.push("#EXT-X-ENDLIST");
  return `${lines.join("\n")}\n`;
}

/** The floor: the playlist copied line by line, with nothing signed. No rewriting in this language can be cheaper. */
export function copyLines(text: string): string {
  let copy = "";
  for (let start = 0; start < text.length; ) {
    const end = text.indexOf("\n", start);
    const next = end < 0 ? text.length : end + 1;
    copy += text.slice(start, next);
    start = next;
  }
  return copy;
}
