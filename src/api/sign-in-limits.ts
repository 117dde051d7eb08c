import * as z from "zod";
import { credentialOf } from "../auth/request-credential.ts";
import { readJson } from "../base/body-text.ts";
import { utf8 } from "../base/encoding.ts";
import { ok, type Refusal, type Result, refusal } from "../base/result.ts";
import { lastingAccount, lastingSubject, networkName } from "../sessions/identifiers.ts";
import { withinRate } from "../sessions/request-limits.ts";
import { longestBody, type SessionContext, type SessionRequest } from "../sessions/session-context.ts";
import type { IdentityRequest } from "./identity-proxy.ts";

type Asking = Pick<SessionRequest, "client" | "onStanding">;

/**
 * Counts a request before the identity worker sees it: an attempt to sign in, a password that is asked for again, and the
 * tokens of apps. `path` is the part below the worker's own (`/sign-in/email`). What {@link limitSignIn}, {@link limitConfirm}
 * and {@link withinRate} refuse; `body_invalid` for a sign-in that is longer than any needs to be.
 */
export async function beforeIdentity(
  request: IdentityRequest,
  path: string,
  asking: Asking,
  context: SessionContext,
): Promise<Result<undefined, Refusal>> {
  const counted = countedAs(request.method, path);
  if (counted === undefined) return ok(undefined);
  const { tokenRateAddress } = context.settings;
  if (counted === "token") return withinRate(tokenRateAddress, networkName(asking.client), asking, context);
  const { body, headers } = request;
  if (utf8(body).length > longestBody)
    return refusal("body_invalid", `the body of a sign-in is longer than ${longestBody} bytes`);
  const { client, onStanding } = asking;
  if (counted === "sign-in") {
    const contentType = headers.get("Content-Type") ?? undefined;
    return limitSignIn({ body, contentType, client, onStanding }, context);
  }
  // The worker reads the same credential out of these headers: it cannot be asked for another session than is counted.
  return limitConfirm({ credential: credentialOf(request, context), client, onStanding }, context);
}

/** A request to the identity worker, as far as its limits look at one. */
interface SignInRequest extends Pick<SessionRequest, "body" | "client" | "onStanding"> {
  readonly contentType: string | undefined;
}

/** The same where a password is asked for again of who is signed in. */
type ConfirmRequest = Pick<SessionRequest, "credential" | "client" | "onStanding">;

/**
 * Counts an attempt to sign in or up before anybody looks at the password: by the client's network, and by the account that
 * its body names, so that neither one guesser with many accounts nor many with one gets far. `rate_limited`;
 * `body_invalid` for a type that is not looked into, as an odd type is no way around the account's limit;
 * `store_unavailable`. A body that names no account is counted by its network alone, and the identity worker refuses it.
 *
 * Whoever knows an account's name can use up its attempts. That keeps nobody out who is signed in, and ends with the window.
 */
async function limitSignIn(request: SignInRequest, context: SessionContext): Promise<Result<undefined, Refusal>> {
  const fromNetwork = await limitNetwork(request, context);
  if (!fromNetwork.ok) return fromNetwork;
  const email = emailIn(request.body, request.contentType ?? "");
  if (!email.ok) return email;
  const account = email.value === undefined ? undefined : accountName(email.value);
  return withinRate(context.settings.signInRate, account, request, context);
}

/**
 * The same where a password is asked for again of who is signed in: else a stolen session were a way to guess it around the
 * limits. No body names the account, the session does, so it is looked at first; what its credential is refused for, the
 * request is refused for.
 */
async function limitConfirm(request: ConfirmRequest, context: SessionContext): Promise<Result<undefined, Refusal>> {
  const fromNetwork = await limitNetwork(request, context);
  if (!fromNetwork.ok) return fromNetwork;
  const credential = await request.credential.validate();
  if (!credential.ok) return credential;
  const { issuer, subject } = credential.value;
  return withinRate(context.settings.signInRate, lastingSubject(issuer, subject), request, context);
}

function limitNetwork(
  request: Pick<SignInRequest, "client" | "onStanding">,
  context: SessionContext,
): Promise<Result<undefined, Refusal>> {
  return withinRate(context.settings.signInRateAddress, networkName(request.client), request, context);
}

const bodySchema = z.object({ email: z.string() });

/** The address as the identity worker will read it: it takes forms beside JSON, and of two it takes the last. */
function emailIn(body: string, contentType: string): Result<string | undefined, Refusal> {
  const [type = ""] = contentType.toLowerCase().split(";");
  switch (body === "" ? "" : type.trim()) {
    case "":
      return body === "" ? ok(undefined) : refusal("body_invalid", "the body has no type");
    case "application/json":
      return ok(emailInJson(body));
    case "application/x-www-form-urlencoded":
      return ok(new URLSearchParams(body).getAll("email").at(-1));
    default:
      return refusal("body_invalid", "the body is neither JSON nor a form");
  }
}

function emailInJson(body: string): string | undefined {
  const document = readJson(body);
  return document.ok ? bodySchema.safeParse(document.value).data?.email : undefined;
}

/** One name for all spellings of an address that may lead to one account, and none that says whose it is. */
function accountName(email: string): string {
  return lastingAccount(email.normalize("NFKC").toLowerCase().trim());
}

/** What a request to the identity worker is counted as. */
type CountedAs =
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
function countedAs(method: string, path: string): CountedAs | undefined {
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
