import type { Refusal, RefusalCode } from "../../base/refusal.ts";

/**
 * What the service does with a URL, a grant, a token or a start, and why, step by step. It holds no secret, grant, signature or
 * token.
 */
export interface Explanation {
  readonly kind: "media" | "cloudfront" | "grant" | "token" | "start";
  /** `renewed`: an authentic URL that has ended, and is answered with a redirect to a fresh one. */
  readonly verdict: "served" | "renewed" | "accepted" | "refused";
  /** Why not, where it is refused: what the check itself said. */
  readonly refusal: Refusal | undefined;
  /** What is granted, in words; undefined where nothing is. */
  readonly grants: string | undefined;
  /** In the order of the check: the first step that fails is the one that the refusal names. */
  readonly steps: readonly Step[];
}

export interface Step {
  /** What was looked at, in a word or two. */
  readonly part: string;
  /** `told`: said for information, or not to be judged since something before it does not hold. */
  readonly state: "holds" | "fails" | "told";
  readonly text: string;
  /** What a request that fails here is refused with. */
  readonly code: RefusalCode | undefined;
}

export function holds(part: string, text: string): Step {
  return { part, state: "holds", text, code: undefined };
}

export function told(part: string, text: string): Step {
  return { part, state: "told", text, code: undefined };
}

export function fails(part: string, code: RefusalCode, text: string): Step {
  return { part, state: "fails", text, code };
}
