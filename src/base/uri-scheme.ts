/**
 * Schemes that are never left in a playlist, whatever the asset allows: they run a script, read the viewer's files, or
 * make a player or ffmpeg load from any host. `crypto:` and similar are ffmpeg prefixes:
 * `crypto:https://evil.example/k`.
 */
const forbidden: ReadonlySet<string> = new Set([
  ...["javascript", "vbscript", "view-source", "intent", "about", "jar"],
  ...["file", "blob", "filesystem", "content", "pipe", "fd", "unix"],
  ...["ftp", "ftps", "sftp", "ws", "wss", "gopher", "gophers", "smb", "mms", "mmsh", "mmst"],
  ...["srt", "udp", "udplite", "tcp", "tls", "dtls", "rtp", "srtp", "sctp", "icecast", "httpproxy"],
  ...["concat", "concatf", "subfile", "crypto", "cache", "async", "tee", "hls", "feed"],
]);

/** Scheme families with one scheme per transport: rtmp, rtmps, rtmpte; rtsp, rtsps, rtspu. */
const forbiddenFamilies = ["rtmp", "rtsp", "ffrtmp"];

/**
 * The scheme of a URI in lower case (RFC 3986 §3.1), or undefined for a relative reference. ffmpeg allows options
 * between `subfile` and its colon, so `subfile,,start,0,end,9,,:https://evil.example/k` is recognized too.
 */
export function schemeOf(uri: string): string | undefined {
  for (let i = 0; i < uri.length; i++) {
    const code = uri.charCodeAt(i);
    if (code === 0x3a) return i === 0 ? undefined : uri.slice(0, i).toLowerCase();
    const letter = (code >= 0x41 && code <= 0x5a) || (code >= 0x61 && code <= 0x7a);
    const later = (code >= 0x30 && code <= 0x39) || code === 0x2b || code === 0x2d || code === 0x2e;
    if (!letter && (i === 0 || !later)) return code === 0x2c && uri.startsWith("subfile,") ? "subfile" : undefined;
  }
  return undefined;
}

/** Whether a scheme is HTTP's, so that host rules apply to its URIs. */
export function isHttpScheme(scheme: string): boolean {
  return scheme === "http" || scheme === "https";
}

/**
 * Whether a non-HTTP scheme in lower case may belong to an application: `skd`, `ownkey`. Not with a `+`, since a player
 * reads `crypto+https:` as `https:`, and not a single letter, which is a Windows drive: `c:\keys\0.key`.
 */
export function isApplicationScheme(scheme: string): boolean {
  if (scheme.length < 2 || scheme.includes("+") || isHttpScheme(scheme)) return false;
  return !forbidden.has(scheme) && !forbiddenFamilies.some((family) => scheme.startsWith(family));
}
