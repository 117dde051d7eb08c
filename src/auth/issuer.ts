import * as z from "zod";
import { decodeBase64url } from "../base/encoding.ts";
import { hasNoUserInfo, isSafeAddress } from "../base/origins.ts";

/**
 * The algorithms that an issuer can be configured with (RFC 7518 §3.1, RFC 8037, RFC 9864). `none` is not among them,
 * and the token's header cannot add one.
 */
export const algorithms = [
  ...(["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"] as const),
  ...(["ES256", "ES384", "ES512", "EdDSA", "Ed25519"] as const),
  ...(["HS256", "HS384", "HS512"] as const),
] as const;

/** The minimum length of a secret in bytes: that of the hash (RFC 7518 §3.2), which jose does not check. */
const secretBytes: ReadonlyMap<string, number> = new Map([
  ["HS256", 32],
  ["HS384", 48],
  ["HS512", 64],
]);

/** An inline key: a public key, or an HMAC secret, which {@link secretFault} checks. */
const givenKey = z
  .looseObject({ kty: z.string() })
  .refine(({ d }) => d === undefined, "leave the private half (d) out: a verifier never needs it")
  .refine(({ kty, n }) => kty !== "RSA" || bytesIn(n) >= 256, "an RSA key has at least 2048 bits");

const jwks = z.strictObject({ keys: z.array(givenKey).min(1) });

const address = z
  .url({ protocol: /^https?$/ })
  .refine(isSafeAddress, "it is https, or http on localhost")
  .refine(hasNoUserInfo, "leave user and password out of it");

const name = z.string().min(1).max(512);
const claimName = z.string().min(1).max(128);
/**
 * A string is the name of one claim, even with dots in it, because names may be URLs. A list is a path into objects.
 */
const claim = z.union([claimName, z.array(claimName).min(1).max(8)]);
/** RFC 6749 §3.3: words separated by one space. */
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
    .describe("What to do with an answer without `aud`, which does not name the token's recipient."),
});

/** A trusted issuer of bearer tokens. */
export const issuerSchema = z
  .strictObject({
    issuer: name.describe("The `iss` of its tokens, compared byte for byte."),
    audience: z
      .union([name.transform((one) => [one]), z.array(name).min(1).max(16)])
      .describe("The audience that its tokens must name, or a list of which they must name one."),
    audienceClaim: claim
      .default("aud")
      .describe(
        'The claim that must name the audience: "client_id" for Cognito, "azp" for Clerk. An `aud` that a token has as well must name the audience too.',
      ),
    algorithms: z
      .array(z.enum(algorithms))
      .default([])
      .describe(
        "The only algorithms that its tokens may be signed with; none with introspection. HS256, HS384 or HS512 is the only one of its issuer, and needs the secret in `jwks`.",
      ),
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
    subjectClaim: claim
      .default("sub")
      .describe(
        'The claim that names the viewer: a string or, in another claim than `sub`, a whole number (42 and "42" are the same viewer). Here and in every other claim, a list leads into objects: ["realm_access", "roles"]; a string is one name, even with dots in it.',
      ),
    scopeClaim: claim
      .default("scope")
      .describe(
        'The claim that holds the scopes, as words or as a list: "scp" at some providers, "permissions" at others.',
      ),
    scopes: z
      .record(z.string().min(1), scopeWords)
      .optional()
      .describe("The provider's scopes and the scope that each maps to here; a scope without an entry is ignored."),
    assetsClaim: claim
      .default("assets")
      .describe('The claim that names the assets a token opens: "*", one id, or a list of ids.'),
    assetsDefault: z.enum(["none", "all"]).default("none").describe("What a token without that claim opens."),
    streamsClaim: claim
      .default("streams")
      .describe('The claim that says how many streams its subject may run at once: 2 or "2".'),
    qualityClaim: claim
      .default("quality_cap")
      .describe(
        'The claim that caps the quality that its subject gets: {"maxHeight": 720, "maxBandwidth": 3000000, "excludeVideoRange": ["PQ", "HLG"]}, each member optional.',
      ),
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
  .refine(({ algorithms: pinned, introspection: endpoint }) => pinned.length > 0 === (endpoint === undefined), {
    message: "name the algorithms where there are keys, and none where the provider is asked",
  })
  .refine(({ tokenPrefix, introspection: endpoint }) => tokenPrefix === undefined || endpoint !== undefined, {
    message: "tokenPrefix is for opaque tokens: they need introspection",
  })
  .refine(
    ({ audienceClaim, introspection: endpoint }) => audienceClaim === "aud" || endpoint?.withoutAudience !== "take",
    {
      message: "withoutAudience is about `aud`: the claim that audienceClaim names must be there",
    },
  )
  .superRefine((issuer, context) => {
    const message = secretFault(issuer);
    if (message !== undefined) context.addIssue({ code: "custom", message });
  });

export type Issuer = z.infer<typeof issuerSchema>;
export type ClaimName = z.infer<typeof claim>;

const { audienceClaim, subjectClaim, scopeClaim, assetsClaim, streamsClaim, qualityClaim, loginClaim } =
  issuerSchema.shape;
const claimNames = z.object({
  ...{ audienceClaim, subjectClaim, scopeClaim, assetsClaim, streamsClaim, qualityClaim, loginClaim },
});
/** The claims that an issuer's tokens are read from. */
export type ClaimNames = z.infer<typeof claimNames>;
export const defaultClaimNames: ClaimNames = claimNames.parse({});

export type IntrospectionEndpoint = z.infer<typeof introspection>;

/** Errors that concern several issuers. The messages contain no values. */
export function faultsAmong(issuers: readonly Issuer[]): string[] {
  const faults: string[] = [];
  if (new Set(issuers.map(({ issuer }) => issuer)).size < issuers.length) faults.push("an issuer occurs twice");
  const introspected = issuers.filter(({ introspection: endpoint }) => endpoint !== undefined);
  const prefixes = introspected.map(({ tokenPrefix }) => tokenPrefix ?? "");
  const overlap = prefixes.some((one, i) => prefixes.some((other, j) => i !== j && other.startsWith(one)));
  // Otherwise one provider would receive the tokens of another.
  if (overlap) faults.push("several issuers with introspection need a tokenPrefix each, and none may begin another");
  return faults;
}

/** The error in an HMAC issuer's secret, or a secret that none of the issuer's algorithms uses. */
function secretFault({
  algorithms: pinned,
  jwks: given,
}: {
  readonly algorithms: readonly string[];
  readonly jwks?: z.infer<typeof jwks> | undefined;
}): string | undefined {
  const hmac = pinned.find((algorithm) => secretBytes.has(algorithm));
  const keys = given?.keys ?? [];
  if (hmac === undefined)
    return keys.some(({ kty }) => kty === "oct") ? "a key of kty oct needs HS256, HS384 or HS512" : undefined;
  // Mixed key types allow algorithm confusion: a public RSA key used as an HMAC secret.
  if (pinned.length > 1) return `${hmac} is the only algorithm of its issuer: symmetric keys and others do not mix`;
  if (given === undefined)
    return `${hmac} takes its secret from jwks: a secret that an address publishes is not secret`;
  if (keys.some(({ kty }) => kty !== "oct")) return `${hmac} takes only keys of kty oct`;
  const least = secretBytes.get(hmac) ?? 0;
  if (keys.some(({ k }) => bytesIn(k) < least)) return `an ${hmac} secret has at least ${least} bytes, in base64url`;
  return keys.every((key) => mayVerify(key, hmac))
    ? undefined
    : `a secret for ${hmac} says so in alg, sig in use and verify in key_ops, or leaves these out`;
}

/** RFC 7517 §4.2 to §4.4: a key for another algorithm or another use does not verify tokens. */
function mayVerify({ alg, use, key_ops: operations }: Readonly<Record<string, unknown>>, algorithm: string): boolean {
  return (
    (alg === undefined || alg === algorithm) &&
    (use === undefined || use === "sig") &&
    (operations === undefined || (Array.isArray(operations) && operations.includes("verify")))
  );
}

/** The number of bytes in a base64url value; 0 if the value is not canonical base64url. */
function bytesIn(value: unknown): number {
  return typeof value === "string" ? (decodeBase64url(value)?.length ?? 0) : 0;
}
