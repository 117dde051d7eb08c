import type { Presented } from "./presented.ts";

/** A session of sign-in as the identity worker answers for it. */
export interface IdentitySession {
  readonly sessionId: string;
  readonly userId: string;
  /** Milliseconds, both. */
  readonly createdAt: number;
  readonly expiresAt: number;
  /** What the user may open: asset ids, or "*". */
  readonly assets: readonly string[] | "*";
  readonly streams: number | undefined;
}

/**
 * The port to the identity worker: the session behind an opaque bearer token or a cookie, prolonged by a use of it, or
 * undefined where there is none (any more). It rejects where the worker does not answer.
 */
export type IdentitySessions = (presented: Presented, use?: SessionUse) => Promise<IdentitySession | undefined>;

/** `look`: an operator asks how it stands, which is no use of it and prolongs nothing. */
export type SessionUse = "use" | "look";

/** Which sessions of sign-in: all that a user has, or one. */
export type SignIns = { readonly userId: string } | { readonly sessionId: string };

/**
 * The port that ends sessions of sign-in where they are kept, with their refresh tokens and all that they gave out: else who
 * holds one would get new tokens from it. It rejects where that was not done.
 */
export type EndSignIns = (which: SignIns) => Promise<void>;
