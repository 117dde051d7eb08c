import type { UnixSeconds } from "../../base/seconds.ts";
import { readJwsParts } from "../../credential/jws-parts.ts";
import { operatorIssuer } from "../../credential/operator.ts";
import { verifyJwt } from "../../credential/verify-jwt.ts";
import { type Step, told } from "../explain/explanation.ts";
import type { OperatorContext } from "./context.ts";

/** What a text is that is no viewer's token, by its form, and where it leads on; no step for all else. */
export async function whatItIs(
  text: string,
  now: UnixSeconds,
  { operators }: Pick<OperatorContext, "operators">,
): Promise<readonly Step[]> {
  const named = formWords(text);
  if (named !== undefined) return [told("what it is", named)];
  const parts = readJwsParts(text);
  if (!parts.ok || parts.value.claims.iss !== operatorIssuer) return [];
  const verified = await verifyJwt(text, operators, now);
  const taken = verified.ok ? "which this deployment takes" : `which is not taken: ${verified.refusal.reason}`;
  return [told("what it is", `an operator's credential, ${taken}; it opens no stream`)];
}

function formWords(text: string): string | undefined {
  if (text === "") return "nothing: paste a URL, a grant or a token";
  if (/^[0-9a-f]{16}(?:-[A-Z]{3})?$/.test(text))
    return "it has the form of a Request-Id: the list of refusals finds what was refused with it";
  if (/^[A-Za-z0-9_-]{22}$/.test(text))
    return "it has the form of a session's or a viewer's id: the list of sessions finds what runs under it";
  if (/^\{.*"event"/s.test(text))
    return "it has the form of a line of the log: its code and reason say what was found, and its request which refusal it is of";
  return undefined;
}
