/** The names of this machine, as `URL.hostname` spells them. */
export const localHosts: readonly string[] = ["localhost", "127.0.0.1", "[::1]"];

/** Whether a URL leads to this machine: `http://[::1]:8787/health`. False for text that is no URL. */
export function isLocalUrl(url: string): boolean {
  return URL.canParse(url) && localHosts.includes(new URL(url).hostname);
}

/**
 * Whether nobody in between can read what is sent to this URL: HTTPS, or plain HTTP to this machine. A URL parser drops tabs and
 * line breaks, and a terminal obeys escape sequences, so neither these nor invisible characters are allowed.
 */
export function isSafeAddress(url: string): boolean {
  if (!URL.canParse(url) || /[\p{C}\s]/u.test(url)) return false;
  const { protocol } = new URL(url);
  return protocol === "https:" || (protocol === "http:" && isLocalUrl(url));
}

/** Whether a URL is without a user name and a password, which fetch refuses. True for text that is no URL. */
export function hasNoUserInfo(url: string): boolean {
  if (!URL.canParse(url)) return true;
  const { username, password } = new URL(url);
  return username === "" && password === "";
}

/** The Origin of an app's own pages in its web view: Capacitor and Ionic on iOS, and Tauri. */
const appOrigins: ReadonlySet<string> = new Set(["capacitor://localhost", "ionic://localhost", "tauri://localhost"]);

/**
 * Whether a text is an origin pattern: an origin (RFC 6454) as browsers write it, such as `https://www.example.com`;
 * `https://*.example.com` for every host below; or an app's own origin, such as `capacitor://localhost`. All lists of
 * origins use this rule. `null` is never valid: any page in a sandboxed frame sends it.
 */
export function isOriginPattern(text: string): boolean {
  // Browsers omit a scheme's default port and write lower case, so other spellings would never match.
  return appOrigins.has(text) || isWebOrigin(text.replace("://*.", "://"));
}

/** Whether a pattern covers an Origin. A star covers one or more labels of a host; scheme and port must be equal. */
export function matchesOrigin(origin: string, pattern: string): boolean {
  const star = pattern.indexOf("*.");
  if (star < 0) return origin === pattern && isOriginPattern(pattern);
  // The star must cover labels of a host: `https://evil.example/.example.com` has the right suffix too.
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

/**
 * Whether a text is a host, `ads.example:8443`, or a pattern of hosts, `*.ads.example`. A star covers leading labels, as in lists of origins, and no IP
 * address.
 */
export function isHostPattern(text: string): boolean {
  const host = text.startsWith("*.") ? text.slice(2) : text;
  if (host.includes("*") || !URL.canParse(`https://${host}`)) return false;
  return new URL(`https://${host}`).host === host && (host === text || !/^\[|\.\d+(:\d+)?$/.test(host));
}
