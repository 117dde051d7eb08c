import * as z from "zod";
import { decodeBase64url } from "../base/base64url.ts";
import { isSafeAddress } from "../base/safe-address.ts";

/** The algorithms that an issuer can be configured with: no `none`, and nothing that an attacker's header chooses. */
export const algorithms = ["RS256", "PS256", "ES256", "ES384", "EdDSA", "HS256"] as const;

/** A key that is given: public, or a secret as long as its hash (RFC 7518 §3.2), which jose does not look at. */
const givenKey = z
  .looseObject({ kty: z.string() })
  .refine(({ d }) => d === undefined, "leave the private half (d) out: a verifier never needs it")
  .refine(({ kty, k }) => kty !== "oct" || isBase64url(k, 43), "an HS256 secret has at least 32 bytes, in base64url")
  .refine(({ kty, n }) => kty !== "RSA" || isBase64url(n, 342), "an RSA key has at least 2048 bits");

const jwks = z.strictObject({ keys: z.array(givenKey).min(1) });

const address = z
  .url({ protocol: /^https?$/ })
  .refine(isSafeAddress, "it is https, or http on localhost")
  .refine((text) => !URL.canParse(text) || new URL(text).username === "", "leave user and password out of it");

const name = z.string().min(1).max(512);
const claim = z.string().min(1).max(128);
/** RFC 6749 §3.3: words with one blank between them. */
const scopeWords = z
  .string()
  .regex(/^[\x21\x23-\x5b\x5d-\x7e]+( [\x21\x23-\x5b\x5d-\x7e]+)*$/, "scopes have one blank between them");

const introspection = z.strictObject({
  url: address.describe("Its introspection endpoint (RFC 7662 §2)."),
  clientId: name.describe("Who we are there."),
  clientSecret: name.describe("What proves it, sent as HTTP Basic (RFC 6749 §2.3.1)."),
  cache: z
    .int()
    .min(0)
    .max(5)
    .default(3)
    .describe("Seconds that its answer is kept for: as long a token goes on that it has ended."),
  withoutAudience: z
    .enum(["refuse", "take"])
    .default("refuse")
    .describe("What becomes of an answer without `aud`: whose token it is, nobody says then."),
});

/** An issuer of bearer tokens that the API trusts. */
export const issuerSchema = z
  .strictObject({
    issuer: name.describe("The `iss` of its tokens, compared byte for byte."),
    audience: z
      .union([name.transform((one) => [one]), z.array(name).min(1).max(16)])
      .describe("The `aud` that its tokens must name, or a list of which they must name one."),
    algorithms: z
      .array(z.enum(algorithms))
      .default([])
      .describe("The only algorithms its tokens are taken with; none where it is asked by introspection."),
    jwksUri: address.optional().describe("Where its JWK Set (RFC 7517) is fetched."),
    jwks: jwks.optional().describe("Its JWK Set, in place of an address."),
    introspection: introspection
      .optional()
      .describe(
        "Where it is asked about each token (RFC 7662), in place of keys: opaque tokens, and JWTs that it may take back.",
      ),
    tokenPrefix: z
      .string()
      .regex(/^[\w.~+/-]{1,64}$/)
      .optional()
      .describe("What its opaque tokens begin with: others are never sent to it."),
    clockTolerance: z.int().min(0).max(300).default(60).describe("Seconds that `exp`, `nbf` and `iat` may be off by."),
    typ: z
      .string()
      .regex(/^[\w.+-]+(\/[\w.+-]+)?$/)
      .optional()
      .describe(
        'The only `typ` its JWTs are taken with. "at+jwt" asks for all that RFC 9068 does; left out, it is that, "JWT" or none.',
      ),
    subjectClaim: claim.default("sub").describe("The claim that names the viewer."),
    scopeClaim: claim
      .default("scope")
      .describe(
        'The claim that holds the scopes, as words or as a list: "scp" at some providers, "permissions" at others.',
      ),
    scopes: z
      .record(z.string().min(1), scopeWords)
      .optional()
      .describe("The provider's scopes and what each stands for here; one that it does not name stands for nothing."),
    assetsClaim: claim.default("assets").describe("The claim that names the assets a token opens."),
    assetsDefault: z.enum(["none", "all"]).default("none").describe("What a token without that claim opens."),
    streamsClaim: claim
      .default("streams")
      .describe("The claim that says how many streams its subject may run at once."),
    loginClaim: claim.default("sid").describe("The claim that names the session of sign-in the token came from."),
    dpop: z
      .enum(["optional", "required"])
      .default("optional")
      .describe(
        "Whether every token has to be bound to a key (RFC 9449). One that is bound needs its proof either way.",
      ),
  })
  .refine(
    (issuer) => [issuer.jwksUri, issuer.jwks, issuer.introspection].filter((way) => way !== undefined).length === 1,
    {
      message: "give exactly one of jwksUri, jwks and introspection",
    },
  )
  .refine(({ algorithms: pinned, introspection: asked }) => pinned.length > 0 === (asked === undefined), {
    message: "name the algorithms where there are keys, and none where the provider is asked",
  })
  .refine(({ tokenPrefix, introspection: asked }) => tokenPrefix === undefined || asked !== undefined, {
    message: "tokenPrefix is for opaque tokens: they need introspection",
  })
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
  );

export type Issuer = z.infer<typeof issuerSchema>;
export type IntrospectionEndpoint = z.infer<typeof introspection>;

/** What is wrong between issuers: each names no value. */
export function faultsAmong(issuers: readonly Issuer[]): string[] {
  const faults: string[] = [];
  if (new Set(issuers.map(({ issuer }) => issuer)).size < issuers.length) faults.push("an issuer stands twice");
  const asked = issuers.filter(({ introspection: endpoint }) => endpoint !== undefined);
  const prefixes = asked.map(({ tokenPrefix }) => tokenPrefix ?? "");
  const overlap = prefixes.some((one, i) => prefixes.some((other, j) => i !== j && other.startsWith(one)));
  // Else one provider would be sent the tokens of another.
  if (overlap) faults.push("several issuers with introspection need a tokenPrefix each, and none may begin another");
  return faults;
}

function isBase64url(value: unknown, least: number): boolean {
  return typeof value === "string" && value.length >= least && decodeBase64url(value) !== undefined;
}
