/** The names of this machine, as `URL.hostname` spells them. */
export const localHosts: readonly string[] = ["localhost", "127.0.0.1", "[::1]"];

/** Whether a URL leads to this machine: `http://[::1]:8787/health`. False for text that is no URL. */
export function isLocalUrl(url: string): boolean {
  return URL.canParse(url) && localHosts.includes(new URL(url).hostname);
}

/** Whether nobody on the way can read what is sent to this URL: it is https, or plain http to this machine. */
export function isSafeAddress(url: string): boolean {
  if (!URL.canParse(url)) return false;
  const { protocol } = new URL(url);
  return protocol === "https:" || (protocol === "http:" && isLocalUrl(url));
}

/** What the web views of apps send as the Origin of the app's own pages: Capacitor and Ionic on iOS, and Tauri. */
const appOrigins: ReadonlySet<string> = new Set(["capacitor://localhost", "ionic://localhost", "tauri://localhost"]);

/**
 * Whether text names origins (RFC 6454) as a browser writes them in the header Origin: scheme, host and perhaps a port, such
 * as `https://www.example.com`; `https://*.example.com` for every host below it; or the origin of an app's own pages, such as
 * `capacitor://localhost`. The one rule for all lists of origins: those that may use a cookie, and those that an asset plays
 * on. `null` is never one: any page in a sandboxed frame sends it.
 */
export function isOriginPattern(text: string): boolean {
  // A browser leaves a scheme's own port out and writes no upper case: what it never sends would never match.
  return appOrigins.has(text) || isWebOrigin(text.replace("://*.", "://"));
}

/**
 * Whether an Origin is one that a pattern names. A star stands for one label of a host or more, never for none, and
 * the scheme and port are the pattern's. `null`, and whatever else is no origin, matches nothing.
 */
export function matchesOrigin(origin: string, pattern: string): boolean {
  const star = pattern.indexOf("*.");
  if (star < 0) return origin === pattern && isOriginPattern(pattern);
  // What the star stands for has to be labels of a host: `https://evil.example/.example.com` ends alike.
  if (!isWebOrigin(origin)) return false;
  const scheme = pattern.slice(0, star);
  const suffix = pattern.slice(star + 1);
  return origin.startsWith(scheme) && origin.endsWith(suffix) && origin.length > scheme.length + suffix.length;
}

function isWebOrigin(text: string): boolean {
  return (
    /^https?:\/\/[a-z0-9-]+(\.[a-z0-9-]+)*(:\d{1,5})?$/.test(text) &&
    URL.canParse(text) &&
    new URL(text).origin === text
  );
}
