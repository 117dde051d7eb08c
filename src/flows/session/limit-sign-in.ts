import * as z from "zod";
import { readJson } from "../../base/body-text.ts";
import { type Refusal, refusal } from "../../base/refusal.ts";
import { ok, type Result } from "../../base/result.ts";
import type { SessionContext, SessionRequest } from "./context.ts";
import { lastingAccount, lastingSubject } from "./lasting-names.ts";
import { networkName } from "./network-name.ts";
import { withinRate } from "./within-rate.ts";

/** A request to the identity worker, as far as its limits look at one. */
export interface SignInRequest extends Pick<SessionRequest, "body" | "client" | "onStanding"> {
  readonly contentType: string | undefined;
}

/** The same where a password is asked for again of who is signed in. */
export type ConfirmRequest = Pick<SessionRequest, "credential" | "client" | "onStanding">;

/**
 * Counts an attempt to sign in or up before anybody looks at the password: by the client's network, and by the account that
 * its body names, so that neither one guesser with many accounts nor many with one gets far. `rate_limited`;
 * `body_invalid` for a type that is not looked into, as an odd type is no way around the account's limit;
 * `store_unavailable`. A body that names no account is counted by its network alone, and the identity worker refuses it.
 *
 * Whoever knows an account's name can use up its attempts. That keeps nobody out who is signed in, and ends with the window.
 */
export async function limitSignIn(
  request: SignInRequest,
  context: SessionContext,
): Promise<Result<undefined, Refusal>> {
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
export async function limitConfirm(
  request: ConfirmRequest,
  context: SessionContext,
): Promise<Result<undefined, Refusal>> {
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
