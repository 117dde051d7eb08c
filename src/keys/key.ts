import * as z from "zod";
import { decodeBase64url } from "../base/encoding.ts";

/** The name of a key in the ring, in grants and in the revocation log. */
export const kidSchema = z.string().regex(/^[A-Za-z0-9._-]{1,64}$/, "a kid is 1 to 64 characters of A-Z a-z 0-9 . _ -");

/**
 * A key of the ring is a JWK (RFC 7517) with a kid, an alg and further members. `purpose`: a key for one use is never
 * accepted for another. `nbf`: when it starts to sign; verifiers accept it before that. `exp`: when verifiers stop
 * accepting it. Both are NumericDate (RFC 7519). `state`: its state within that window (see `life.ts`), `since` when it
 * entered it. `signedUntil`: the latest expiry of the credentials of operators or backends signed with it; no worker
 * receives that.
 */
const window = {
  kid: kidSchema,
  nbf: z.int().nonnegative().optional(),
  exp: z.int().nonnegative().optional(),
  state: z.enum(["next", "active", "retiring", "retired"]).optional(),
  since: z.int().nonnegative().optional(),
};

const base64url = z.string().refine((text) => decodeBase64url(text) !== undefined, "not canonical base64url");
/** A P-256 coordinate: 32 bytes. Shorter ones are refused here, because importing them would throw. */
const coordinate = base64url.refine((text) => text.length === 43, "a number of P-256 has 32 bytes (43 characters)");
/** A P-256 key pair, or its public half only. */
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

/**
 * HMAC-SHA256 key: authenticates grants, and the keys that sign URLs are derived from it. Shared by the three workers.
 */
export const sessionKeySchema = z.strictObject({
  ...window,
  purpose: z.literal("session"),
  kty: z.literal("oct"),
  alg: z.literal("HS256"),
  k: base64url.refine((text) => text.length >= 43, "an HMAC-SHA256 key has at least 32 bytes (43 characters)"),
});

/**
 * A session key for the grants and URLs of assets that a function serves at CloudFront. It is accepted for those assets
 * only: the function's store has it, and every AWS role that may read the store can sign with it.
 */
export const edgeKeySchema = z.strictObject({ ...sessionKeySchema.shape, purpose: z.literal("cloudfront-session") });

/**
 * In a ring's file: the kid is the id that CloudFront assigned. `imported`: CloudFront had the key first, and its
 * creator keeps it there. `bound`: CloudFront received it from this ring (`keys export`). No worker receives this.
 */
const bound = { cloudfront: z.enum(["imported", "bound"]).optional() };

/** A CloudFront key. Its kid is the id that CloudFront assigned to the public key (`Key-Pair-Id`). */
export const cloudFrontKeySchema = z
  .discriminatedUnion("kty", [
    z.strictObject({
      ...window,
      ...bound,
      purpose: z.literal("cloudfront"),
      kty: z.literal("RSA"),
      alg: z.literal("RS256"),
      n: base64url.refine((text) => text.length === 342, "CloudFront accepts RSA keys of 2048 bits"),
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

/** The key of the development issuer, which signs bearer tokens without an identity provider. */
export const tokenKeySchema = z.strictObject({
  ...window,
  purpose: z.literal("token"),
  ...p256,
});

/** A key that signs operators' credentials. The API has only the public half. */
export const operatorKeySchema = z.strictObject({
  ...window,
  signedUntil: z.int().nonnegative().optional(),
  purpose: z.literal("operator"),
  ...p256,
});

/** A key that signs backends' credentials. The API has only the public half. */
export const backendKeySchema = z.strictObject({
  ...window,
  signedUntil: z.int().nonnegative().optional(),
  purpose: z.literal("backend"),
  ...p256,
});

const ringKeySchema = z.union([
  sessionKeySchema,
  edgeKeySchema,
  cloudFrontKeySchema,
  tokenKeySchema,
  operatorKeySchema,
  backendKeySchema,
]);

export type SessionKey = z.infer<typeof sessionKeySchema>;
export type EdgeKey = z.infer<typeof edgeKeySchema>;
export type CloudFrontKey = z.infer<typeof cloudFrontKeySchema>;
export type TokenKey = z.infer<typeof tokenKeySchema>;
export type OperatorKey = z.infer<typeof operatorKeySchema>;
export type BackendKey = z.infer<typeof backendKeySchema>;
export type RingKey = z.infer<typeof ringKeySchema>;
export type KeyPurpose = RingKey["purpose"];

/** An incomplete private half would throw at its import; here it is a named fault. */
function hasWholePrivateHalf(key: { readonly kty: string; readonly [member: string]: unknown }): boolean {
  if (key.kty !== "RSA") return true;
  const present = privateRsaParts.filter((name) => key[name] !== undefined).length;
  return present === 0 || present === privateRsaParts.length;
}
