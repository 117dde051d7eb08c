/** A URI's `host[:port]` in lower case: as it is written, and without the port that its scheme implies. */
export interface Host {
  readonly written: string;
  readonly short: string;
}

/** `authority` holds no user info. Without a scheme both default ports are taken for implied. */
export function readHost(authority: string, scheme: string | undefined): Host {
  const written = authority.toLowerCase();
  return { written, short: withoutPort(written, scheme) };
}

/** Whether a URI's host is `own`, a configured `host[:port]`. The comparison is exact: an odd spelling is foreign. */
export function isOwnHost(host: Host, own: string): boolean {
  const lower = own.toLowerCase();
  return host.written === lower || host.short === lower || host.short === withoutPort(lower, undefined);
}

/**
 * Whether `allowed` names a URI's host: as it is, or by a pattern such as `*.ads.example`, which covers every host below
 * `ads.example` and not `ads.example` itself.
 */
export function isAllowedHost({ written, short }: Host, allowed: ReadonlySet<string>): boolean {
  if (allowed.has(written) || allowed.has(short)) return true;
  return isBelowPattern(written, allowed) || (short !== written && isBelowPattern(short, allowed));
}

/** A star covers whole labels alone: `https://evil.example%2F.ads.example` is evil.example to some parsers. */
function isBelowPattern(host: string, allowed: ReadonlySet<string>): boolean {
  let labelStart = 0;
  for (let i = 0; i < host.length; i++) {
    const code = host.charCodeAt(i);
    if (code === 0x2e) {
      if (i === labelStart) return false;
      if (allowed.has(`*${host.slice(i)}`)) return true;
      labelStart = i + 1;
    } else if (!isLabelCharacter(code)) return false;
  }
  return false;
}

/** Lower-case letters, digits, `-`, and the `_` of some internal hosts. */
function isLabelCharacter(code: number): boolean {
  if (code >= 0x30 && code <= 0x39) return true;
  return (code >= 0x61 && code <= 0x7a) || code === 0x2d || code === 0x5f;
}

function withoutPort(host: string, scheme: string | undefined): string {
  if (host.endsWith(":")) return host.slice(0, -1);
  if (scheme !== "https" && host.endsWith(":80")) return host.slice(0, -3);
  if (scheme !== "http" && host.endsWith(":443")) return host.slice(0, -4);
  return host;
}
