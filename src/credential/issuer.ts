import * as z from "zod";
import { decodeBase64url } from "../base/base64url.ts";
import { isSafeAddress } from "../base/safe-address.ts";

/** The algorithms that an issuer can be configured with: no `none`, and nothing that an attacker's header chooses. */
export const algorithms = ["RS256", "ES256", "EdDSA", "HS256"] as const;

/** A key that is given: public, or a secret as long as its hash (RFC 7518 §3.2), which jose does not look at. */
const givenKey = z
  .looseObject({ kty: z.string() })
  .refine(({ d }) => d === undefined, "leave the private half (d) out: a verifier never needs it")
  .refine(({ kty, k }) => kty !== "oct" || isBase64url(k, 43), "an HS256 secret has at least 32 bytes, in base64url")
  .refine(({ kty, n }) => kty !== "RSA" || isBase64url(n, 342), "an RSA key has at least 2048 bits");

const jwks = z.strictObject({ keys: z.array(givenKey).min(1) });

/** An issuer of bearer tokens that the API trusts. */
export const issuerSchema = z
  .strictObject({
    issuer: z.string().min(1).describe("The `iss` of its tokens, compared byte for byte."),
    audience: z.string().min(1).describe("The `aud` that its tokens must name."),
    algorithms: z.array(z.enum(algorithms)).min(1).describe("The only algorithms its tokens are taken with."),
    jwksUri: z
      .url({ protocol: /^https?$/ })
      .optional()
      .describe("Where its JWK Set (RFC 7517) is fetched."),
    jwks: jwks.optional().describe("Its JWK Set, in place of an address."),
    clockTolerance: z.int().min(0).max(300).default(60).describe("Seconds that `exp` and `nbf` may be off by."),
    assetsClaim: z.string().min(1).default("assets").describe("The claim that names the assets a token opens."),
    streamsClaim: z
      .string()
      .min(1)
      .default("streams")
      .describe("The claim that says how many streams its subject may run at once."),
    operators: z
      .boolean()
      .default(false)
      .describe("Whether its tokens may revoke: who signs viewers in need not be who may end everything."),
    assetsDefault: z.enum(["none", "all"]).default("none").describe("What a token without that claim opens."),
  })
  .refine((issuer) => (issuer.jwksUri === undefined) !== (issuer.jwks === undefined), "give either jwksUri or jwks")
  .refine(({ algorithms: pinned }) => !(pinned.includes("HS256") && pinned.length > 1), {
    // Mixing them is how a public RSA key comes to be taken for an HMAC secret.
    message: "HS256 stands alone: an issuer has symmetric or asymmetric keys, not both",
  })
  .refine(({ algorithms: [pinned], jwks: given }) => pinned !== "HS256" || given !== undefined, {
    message: "HS256 takes its secret from jwks: a secret that an address gives out is none",
  })
  .refine(
    ({ algorithms: [pinned], jwks: given }) =>
      given === undefined || given.keys.every(({ kty }) => (kty === "oct") === (pinned === "HS256")),
    { message: "HS256 takes keys of kty oct, and no other algorithm does" },
  )
  .refine(({ jwksUri }) => jwksUri === undefined || isSafeAddress(jwksUri), {
    message: "jwksUri is https, or http on localhost",
  });

export type Issuer = z.infer<typeof issuerSchema>;

function isBase64url(value: unknown, least: number): boolean {
  return typeof value === "string" && value.length >= least && decodeBase64url(value) !== undefined;
}
