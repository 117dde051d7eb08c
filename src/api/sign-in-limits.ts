import * as z from "zod";
import type { RateRefusal } from "../auth/rate-limit.ts";
import { type CredentialRefusal, credentialOf } from "../auth/request-credential.ts";
import { readJson } from "../base/body-text.ts";
import { utf8 } from "../base/encoding.ts";
import { ok, type Refusal, type Result, refusal } from "../base/result.ts";
import { accountDigest, networkName, subjectDigest } from "../sessions/identifiers.ts";
import { withinRate } from "../sessions/request-limits.ts";
import { longestBody, type SessionContext, type SessionRequest } from "../sessions/session-context.ts";
import type { IdentityRequest } from "./identity-proxy.ts";

type CountedRequest = Pick<SessionRequest, "client" | "onQuotaStatus">;

type SignInLimitRefusal = Refusal<CredentialRefusal["code"] | "body_invalid">;

/**
 * Counts sign-ins, password confirmations and token requests before the identity worker runs. `path` is relative to the
 * worker's base path (`/sign-in/email`).
 */
export async function limitIdentityRequest(
  request: IdentityRequest,
  path: string,
  { client, onQuotaStatus }: CountedRequest,
  context: SessionContext,
): Promise<Result<undefined, SignInLimitRefusal>> {
  const counted = countedAs(request.method, path);
  if (counted === undefined) return ok(undefined);
  const { tokenRateAddress } = context.settings;
  if (counted === "token") return withinRate(tokenRateAddress, networkName(client.address), { onQuotaStatus }, context);
  const { body, headers } = request;
  if (utf8(body).length > longestBody)
    return refusal(
      "body_invalid",
      `the body of a sign-in is longer than ${longestBody} bytes`,
      `the body: Use at most ${longestBody} bytes.`,
    );
  if (counted === "sign-in") {
    const contentType = headers.get("Content-Type") ?? undefined;
    return limitSignIn({ body, contentType, client, onQuotaStatus }, context);
  }
  // The worker reads the credential from the same headers, so it always checks the session that is counted here.
  return limitConfirmation({ credential: credentialOf(request, context), client, onQuotaStatus }, context);
}

interface SignInRequest extends Pick<SessionRequest, "body" | "client" | "onQuotaStatus"> {
  readonly contentType: string | undefined;
}

type ConfirmationRequest = Pick<SessionRequest, "credential" | "client" | "onQuotaStatus">;

/**
 * Counts a sign-in or sign-up per network and per account, so that neither one client with many accounts nor many
 * clients with one account can guess passwords. A content type that cannot be inspected is `body_invalid`, because it
 * would bypass the account's limit. A body without an account is counted per network only, and the identity worker
 * refuses it.
 *
 * A client who knows an account's name can use up its attempts. That signs nobody out and lasts until the window ends.
 */
async function limitSignIn(
  request: SignInRequest,
  context: SessionContext,
): Promise<Result<undefined, Refusal<RateRefusal["code"] | "body_invalid">>> {
  const fromNetwork = await limitNetwork(request, context);
  if (!fromNetwork.ok) return fromNetwork;
  const email = emailIn(request.body, request.contentType ?? "");
  if (!email.ok) return email;
  const account = email.value === undefined ? undefined : accountName(email.value);
  return withinRate(context.settings.signInRate, account, request, context);
}

/**
 * Counts a request in which a signed-in user enters their password again; otherwise a stolen session could be used to
 * guess it. The account is that of the session, so the credential is validated first, and its refusals apply.
 */
async function limitConfirmation(
  request: ConfirmationRequest,
  context: SessionContext,
): Promise<Result<undefined, CredentialRefusal>> {
  const fromNetwork = await limitNetwork(request, context);
  if (!fromNetwork.ok) return fromNetwork;
  const credential = await request.credential.validate();
  if (!credential.ok) return credential;
  const { issuer, subject } = credential.value;
  return withinRate(context.settings.signInRate, subjectDigest(issuer, subject), request, context);
}

function limitNetwork(request: CountedRequest, context: SessionContext): Promise<Result<undefined, RateRefusal>> {
  return withinRate(context.settings.signInRateAddress, networkName(request.client.address), request, context);
}

const bodySchema = z.object({ email: z.string() });

const contentTypeAdvice = "Content-Type: Use application/json or application/x-www-form-urlencoded.";

/** The e-mail address as the identity worker reads it: it accepts forms too, and uses the last of duplicate fields. */
function emailIn(body: string, contentType: string): Result<string | undefined, Refusal<"body_invalid">> {
  const [type = ""] = contentType.toLowerCase().split(";");
  switch (body === "" ? "" : type.trim()) {
    case "":
      return body === "" ? ok(undefined) : refusal("body_invalid", "the body has no Content-Type", contentTypeAdvice);
    case "application/json":
      return ok(emailInJson(body));
    case "application/x-www-form-urlencoded":
      return ok(new URLSearchParams(body).getAll("email").at(-1));
    default:
      return refusal("body_invalid", "the body is neither JSON nor a form", contentTypeAdvice);
  }
}

function emailInJson(body: string): string | undefined {
  const document = readJson(body);
  return document.ok ? bodySchema.safeParse(document.value).data?.email : undefined;
}

/** The same name for all spellings of an address that may lead to one account. It does not reveal the address. */
function accountName(email: string): string {
  return accountDigest(email.normalize("NFKC").toLowerCase().trim());
}

/**
 * `sign-in`: has a password or an address to send mail to, and names the account. `confirmation`: has the password of a
 * signed-in user. `token`: exchanges or revokes a code or refresh token, which cannot be guessed, but costs a database
 * query.
 */
type CountedAs = "sign-in" | "confirmation" | "token";

const signInPaths = ["sign-in", "sign-up", "request-password-reset", "forget-password", "send-verification-email"];
const confirmationPaths = ["verify-password", "change-password", "delete-user"];

/**
 * What a request is counted as, or undefined. Unusual spellings of a path (encoded, in capitals, with double slashes)
 * count too, in case a later release of the worker accepts them: a wrongly counted request costs little, a bypass costs
 * the limit.
 */
function countedAs(method: string, path: string): CountedAs | undefined {
  if (method === "GET" || method === "HEAD" || method === "OPTIONS") return undefined;
  const [first = "", second] = decoded(path).toLowerCase().split("/").filter(Boolean);
  if (signInPaths.includes(first)) return "sign-in";
  if (confirmationPaths.includes(first)) return "confirmation";
  return first === "oauth2" && (second === "token" || second === "revoke") ? "token" : undefined;
}

function decoded(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}
