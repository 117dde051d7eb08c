/**
 * Schemes that never leave in a playlist, whatever the asset allows: they run a script, read the viewer's own files, or let
 * a player or ffmpeg load from any host. `crypto:` and its like are prefixes of ffmpeg's, as in `crypto:https://evil.example/k`.
 */
const forbidden: ReadonlySet<string> = new Set([
  ...["javascript", "vbscript", "view-source", "intent", "about", "jar"],
  ...["file", "blob", "filesystem", "content", "pipe", "fd", "unix"],
  ...["ftp", "ftps", "sftp", "ws", "wss", "gopher", "gophers", "smb", "mms", "mmsh", "mmst"],
  ...["srt", "udp", "udplite", "tcp", "tls", "dtls", "rtp", "srtp", "sctp", "icecast", "httpproxy"],
  ...["concat", "concatf", "subfile", "crypto", "cache", "async", "tee", "hls", "feed"],
]);

/** Families with one scheme for each transport: rtmp, rtmps, rtmpte; rtsp, rtsps, rtspu. */
const forbiddenFamilies = ["rtmp", "rtsp", "ffrtmp"];

/**
 * The scheme of a URI in lower case (RFC 3986 §3.1), or undefined for a relative reference. ffmpeg writes options between
 * one scheme and its colon, and that scheme is recognized as well: `subfile,,start,0,end,9,,:https://evil.example/k`.
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

/** Whether a scheme is HTTP's: its URIs lead to hosts, so hosts decide about them. */
export function isHttpScheme(scheme: string): boolean {
  return scheme === "http" || scheme === "https";
}

/**
 * Whether a scheme, in lower case and not HTTP's, may belong to an application: `skd`, `ownkey`. Not one that contains a
 * `+`, since a player reads `crypto+https:` as `https:`, nor a single letter, which is a drive on Windows: `c:\keys\0.key`.
 */
export function isApplicationScheme(scheme: string): boolean {
  if (scheme.length < 2 || scheme.includes("+") || isHttpScheme(scheme)) return false;
  return !forbidden.has(scheme) && !forbiddenFamilies.some((family) => scheme.startsWith(family));
}
