/**
 * Whether text names origins of the web (RFC 6454): scheme, host and perhaps a port as a browser writes them in the header
 * Origin, such as `https://www.example.com`, or `https://*.example.com` for every host below it. The one rule for all
 * lists of origins: those that may use a cookie, and those that an asset plays on.
 */
export function isOriginPattern(text: string): boolean {
  // A browser leaves a scheme's own port out and writes no upper case: what it never sends would never match.
  return isOrigin(text.replace("://*.", "://"));
}

/**
 * Whether an Origin is one that a pattern names. A star stands for one label of a host or more, never for none, and
 * scheme and port hold for those as well. `null`, and whatever else is no origin, matches nothing.
 */
export function matchesOrigin(origin: string, pattern: string): boolean {
  // What stands before the suffix has to be labels of a host: `https://evil.example/.example.com` ends alike.
  if (!isOrigin(origin)) return false;
  const star = pattern.indexOf("*.");
  if (star < 0) return origin === pattern;
  const scheme = pattern.slice(0, star);
  const suffix = pattern.slice(star + 1);
  return origin.startsWith(scheme) && origin.endsWith(suffix) && origin.length > scheme.length + suffix.length;
}

function isOrigin(text: string): boolean {
  return (
    /^https?:\/\/[a-z0-9-]+(\.[a-z0-9-]+)*(:\d{1,5})?$/.test(text) &&
    URL.canParse(text) &&
    new URL(text).origin === text
  );
}
