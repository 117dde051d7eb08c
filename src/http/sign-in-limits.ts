import type { Refusal } from "../base/refusal.ts";
import { ok, type Result } from "../base/result.ts";
import { longestBody, type SessionContext, type SessionRequest } from "../flows/session/context.ts";
import { isSignIn, limitSignIn } from "../flows/session/limit-sign-in.ts";
import { readText } from "./body.ts";

/**
 * What stands between a request and the identity worker: an attempt to sign in is counted, and refused before the worker sees
 * the password. `path` is the part below the worker's own (`/sign-in/email`). The answer is the request to be passed on: the
 * same, where nothing of it had to be read. What {@link limitSignIn} refuses.
 */
export async function beforeIdentity(
  request: Request,
  path: string,
  { client, onStanding }: Pick<SessionRequest, "client" | "onStanding">,
  context: SessionContext,
): Promise<Result<Request, Refusal>> {
  if (!isSignIn(request.method, path)) return ok(request);
  const { method, headers } = request;
  // Not of a copy: a stream that was forked cannot be left before its end is read, however long a stranger makes it.
  const body = await readText(request, longestBody);
  const contentType = headers.get("Content-Type") ?? undefined;
  const counted = await limitSignIn({ body, contentType, client, onStanding }, context);
  return counted.ok ? ok(new Request(request.url, { method, headers, body: body || null })) : counted;
}
