/** What can be read off a signed URL without any key. */
export interface SignedUrl {
  /** The file without session and signature: the path below the grant, and the origin's own query. */
  readonly file: string;
  /** Seconds since 1970. */
  readonly expires: number;
  /** The session's grant. CloudFront's URLs carry none. */
  readonly grant: string | undefined;
  readonly isPlaylist: boolean;
  /** What a player appended: `_HLS_msn` and its like. CloudFront lets nothing be appended. */
  readonly appended: string;
}

const ours = /^\w+:\/\/[^/]+\/([^/?]+)\/([^?]*\?(?:[^&]+&)*)(list|seg|key)=(\d+)\.[\w-]{22}(&.*)?$/;
const cloudFront = /^\w+:\/\/[^/]+\/([^?]*\?(?:[^&]+&)*?)(?:Expires=(\d+)|Policy=([^&]+))&/;
/** CloudFront's base64 has three characters of its own. */
const unescaped: Readonly<Record<string, string>> = { "-": "+", _: "=", "~": "/" };

/** Reads a URL of a media host or of CloudFront; undefined for any other. */
export function readSignedUrl(url: string): SignedUrl | undefined {
  const own = ours.exec(url);
  if (own !== null) {
    const [, grant, file = "", purpose, expires, appended = ""] = own;
    return { file, grant, isPlaylist: purpose === "list", expires: Number(expires), appended };
  }
  const [, file, expires, policy] = cloudFront.exec(url) ?? [];
  if (file === undefined) return undefined;
  return {
    file,
    grant: undefined,
    isPlaylist: false,
    expires: Number(expires ?? /EpochTime":(\d+)/.exec(decoded(policy ?? ""))?.[1]),
    appended: "",
  };
}

/** What is no base64 says nothing. */
function decoded(policy: string): string {
  try {
    return atob(decodeURIComponent(policy).replace(/[-_~]/g, (escaped) => unescaped[escaped] ?? ""));
  } catch {
    return "";
  }
}

/** Every URI that a playlist (RFC 8216) names, in full: `base` is the playlist's own URL. */
export function urisOf(playlist: string, base: string): string[] {
  return [...playlist.matchAll(/^[^#\s].*$|URI="([^"]+)"/gm)].map(([line, uri = line]) => new URL(uri, base).href);
}
