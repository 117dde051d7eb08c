import * as z from "zod";
import { decodeBase64url } from "../base/encoding.ts";

/**
 * A key of the ring is a JWK (RFC 7517) with a kid, an alg and two things of our own: `purpose`, so that a key made for
 * one use is never taken for another, and a window. `nbf` is when it is first signed with (verifiers take it before that
 * already), `exp` is when nobody takes it any more; both NumericDate (RFC 7519). Where `state` says what the key does in its
 * life (see `life.ts`), that holds within the window; `since` is when it came into that state. `signedUntil` is the latest
 * end of the operators' credentials that were signed with it; no worker is given that.
 */
const window = {
  kid: z.string().regex(/^[A-Za-z0-9._-]{1,64}$/, "a kid is 1 to 64 characters of A-Z a-z 0-9 . _ -"),
  nbf: z.int().nonnegative().optional(),
  exp: z.int().nonnegative().optional(),
  state: z.enum(["next", "active", "retiring", "retired"]).optional(),
  since: z.int().nonnegative().optional(),
};

const base64url = z.string().refine((text) => decodeBase64url(text) !== undefined, "not canonical base64url");
/** A number of P-256: 32 bytes. Shorter ones are refused here, since importing them later is an exception. */
const coordinate = base64url.refine((text) => text.length === 43, "a number of P-256 has 32 bytes (43 characters)");
/** A P-256 key pair, or its public half alone. */
const p256 = {
  kty: z.literal("EC"),
  alg: z.literal("ES256"),
  crv: z.literal("P-256"),
  x: coordinate,
  y: coordinate,
  d: coordinate.optional(),
};
const privateRsaParts = ["d", "p", "q", "dp", "dq", "qi"] as const;
const part = base64url.optional();

/** HMAC-SHA256 key: MACs grants, and the keys that sign URLs are derived from it. Shared by the three workers. */
export const sessionKeySchema = z.strictObject({
  ...window,
  purpose: z.literal("session"),
  kty: z.literal("oct"),
  alg: z.literal("HS256"),
  k: base64url.refine((text) => text.length >= 43, "an HMAC-SHA256 key has at least 32 bytes (43 characters)"),
});

/**
 * Says in a ring's file that the kid is the id which CloudFront gave to the key. `imported`: CloudFront had the key before the
 * ring did, so whoever made it there keeps it; `bound`: CloudFront was given it from this ring, by what `keys export` writes. No
 * worker is given it.
 */
const bound = { cloudfront: z.enum(["imported", "bound"]).optional() };

/** A CloudFront key: its kid is the id that CloudFront gave to the public key (`Key-Pair-Id`). */
export const cloudFrontKeySchema = z
  .discriminatedUnion("kty", [
    z.strictObject({
      ...window,
      ...bound,
      purpose: z.literal("cloudfront"),
      kty: z.literal("RSA"),
      alg: z.literal("RS256"),
      n: base64url.refine((text) => text.length === 342, "CloudFront takes RSA keys of 2048 bits"),
      e: z.enum(["AQAB", "Aw"], "the public exponent is 65537 or 3"),
      d: part,
      p: part,
      q: part,
      dp: part,
      dq: part,
      qi: part,
    }),
    z.strictObject({
      ...window,
      ...bound,
      purpose: z.literal("cloudfront"),
      ...p256,
    }),
  ])
  .refine(hasWholePrivateHalf, "an RSA key has all of d, p, q, dp, dq and qi, or none");

/** The key of the development issuer, which signs bearer tokens where no identity provider is at hand. */
export const tokenKeySchema = z.strictObject({
  ...window,
  purpose: z.literal("token"),
  ...p256,
});

/** A key that signs operators' credentials. The API holds the public half alone. */
export const operatorKeySchema = z.strictObject({
  ...window,
  signedUntil: z.int().nonnegative().optional(),
  purpose: z.literal("operator"),
  ...p256,
});

const ringKeySchema = z.union([sessionKeySchema, cloudFrontKeySchema, tokenKeySchema, operatorKeySchema]);

export type SessionKey = z.infer<typeof sessionKeySchema>;
export type CloudFrontKey = z.infer<typeof cloudFrontKeySchema>;
export type TokenKey = z.infer<typeof tokenKeySchema>;
export type OperatorKey = z.infer<typeof operatorKeySchema>;
export type RingKey = z.infer<typeof ringKeySchema>;
export type KeyPurpose = RingKey["purpose"];

/** Half of a private half is an exception at its import; here it is a fault with a name. */
function hasWholePrivateHalf(key: { readonly kty: string; readonly [member: string]: unknown }): boolean {
  if (key.kty !== "RSA") return true;
  const present = privateRsaParts.filter((name) => key[name] !== undefined).length;
  return present === 0 || present === privateRsaParts.length;
}
