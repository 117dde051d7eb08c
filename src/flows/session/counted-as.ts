/** What a request to the identity worker is counted as. */
export type CountedAs =
  /** It takes a password or an address to send mail to, and names the account itself. */
  | "sign-in"
  /** It takes a password once more, from who is signed in. */
  | "confirm"
  /** It asks for tokens, or revokes one, by a code or a refresh token, which nobody guesses; each costs the database. */
  | "token";

const signIns = ["sign-in", "sign-up", "request-password-reset", "forget-password", "send-verification-email"];
const confirms = ["verify-password", "change-password", "delete-user"];

/**
 * What a request to a path below the identity worker's (`/sign-in/email`) is counted as, undefined for nothing. What is
 * written otherwise than the worker knows it (encoded, in capitals, with more slashes) counts as well: it costs who asks so
 * a request, where the other way round would cost us the limit, should the worker ever take it.
 */
export function countedAs(method: string, path: string): CountedAs | undefined {
  if (method === "GET" || method === "HEAD" || method === "OPTIONS") return undefined;
  const [first = "", second] = decoded(path).toLowerCase().split("/").filter(Boolean);
  if (signIns.includes(first)) return "sign-in";
  if (confirms.includes(first)) return "confirm";
  return first === "oauth2" && (second === "token" || second === "revoke") ? "token" : undefined;
}

function decoded(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}
