import { boundedText } from "../base/bounded-text.ts";
import type { Refusal } from "../base/refusal.ts";
import { ok, type Result } from "../base/result.ts";
import { credentialOf } from "../credential/request-credential.ts";
import { longestBody, type SessionContext, type SessionRequest } from "../flows/session/context.ts";
import { countedAs } from "../flows/session/counted-as.ts";
import { limitConfirm, limitSignIn } from "../flows/session/limit-sign-in.ts";
import { networkName } from "../flows/session/network-name.ts";
import { withinRate } from "../flows/session/within-rate.ts";

type Asking = Pick<SessionRequest, "client" | "onStanding">;

/**
 * What stands between a request and the identity worker: an attempt to sign in, a password that is asked for again and the
 * tokens of apps are counted, and refused before the worker sees them. `path` is the part below the worker's own
 * (`/sign-in/email`). The answer is the request to be passed on: the same, where nothing of it had to be read. What
 * {@link limitSignIn}, {@link limitConfirm} and {@link withinRate} refuse.
 */
export async function beforeIdentity(
  request: Request,
  path: string,
  asking: Asking,
  context: SessionContext,
): Promise<Result<Request, Refusal>> {
  switch (countedAs(request.method, path)) {
    case undefined:
      return ok(request);
    case "sign-in":
      return beforeSignIn(request, asking, context);
    case "confirm":
      return beforeConfirm(request, asking, context);
    case "token": {
      const { tokenRateAddress } = context.settings;
      const counted = await withinRate(tokenRateAddress, networkName(asking.client), asking, context);
      return counted.ok ? ok(request) : counted;
    }
  }
}

async function beforeSignIn(
  request: Request,
  { client, onStanding }: Asking,
  context: SessionContext,
): Promise<Result<Request, Refusal>> {
  const { method, headers } = request;
  // Not of a copy: a stream that was forked cannot be left before its end is read, however long a stranger makes it.
  const body = await boundedText(request, longestBody);
  const contentType = headers.get("Content-Type") ?? undefined;
  const counted = await limitSignIn({ body, contentType, client, onStanding }, context);
  return counted.ok ? ok(new Request(request.url, { method, headers, body: body || null })) : counted;
}

async function beforeConfirm(
  request: Request,
  { client, onStanding }: Asking,
  context: SessionContext,
): Promise<Result<Request, Refusal>> {
  const { method, url, headers } = request;
  const body = await boundedText(request, longestBody);
  // The worker reads the same credential out of these headers: it cannot be asked for another session than is counted.
  const credential = credentialOf({ method, url, headers, body }, context);
  const counted = await limitConfirm({ credential, body, client, onStanding }, context);
  return counted.ok ? ok(new Request(url, { method, headers, body: body || null })) : counted;
}
