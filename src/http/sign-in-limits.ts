import { type Refusal, refusal } from "../base/refusal.ts";
import { ok, type Result } from "../base/result.ts";
import { utf8 } from "../base/utf8.ts";
import { credentialOf } from "../credential/request-credential.ts";
import { longestBody, type SessionContext, type SessionRequest } from "../flows/session/context.ts";
import { countedAs } from "../flows/session/counted-as.ts";
import { limitConfirm, limitSignIn } from "../flows/session/limit-sign-in.ts";
import { networkName } from "../flows/session/network-name.ts";
import { withinRate } from "../flows/session/within-rate.ts";
import type { IdentityRequest } from "./identity.ts";

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
