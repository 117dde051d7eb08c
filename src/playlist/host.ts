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

function withoutPort(host: string, scheme: string | undefined): string {
  if (host.endsWith(":")) return host.slice(0, -1);
  if (scheme !== "https" && host.endsWith(":80")) return host.slice(0, -3);
  if (scheme !== "http" && host.endsWith(":443")) return host.slice(0, -4);
  return host;
}
