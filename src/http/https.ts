import { refusal } from "../base/refusal.ts";

/** Two years, for this host alone: what an operator runs on its subdomains is his own affair. */
const policy = "max-age=63072000";

const local = ["localhost", "127.0.0.1", "[::1]"];

/** What plain HTTP is told. Never a redirect: a token that came with it was readable on the way, and has to be replaced. */
export const httpsRequired = refusal("https_required", "plain HTTP from elsewhere than this machine").refusal;

/** Whether a request came over plain HTTP, and not from the machine itself. Its prefix alone is looked at. */
export function isPlainHttp(url: string): boolean {
  return !url.startsWith("https://") && !(url.startsWith("http://") && isLocalAt(url, 7));
}

/**
 * HTTP Strict Transport Security (RFC 6797 §7), the value of the field for an answer to this address, if any. Over plain HTTP
 * it may not be sent, and on `localhost` it would shut the browser out of every other service on the machine.
 */
export function strictTransport(url: string): string | undefined {
  return url.startsWith("https://") && !isLocalAt(url, 8) ? policy : undefined;
}

function isLocalAt(url: string, at: number): boolean {
  return local.some((host) => url.startsWith(host, at) && ":/?".includes(url.charAt(at + host.length)));
}
