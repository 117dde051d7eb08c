import { hasDuplicateMembers, isObject } from "../base/body-text.ts";
import { maxTokenLength } from "../base/constants.ts";
import { decodeBase64url, hasLeadingZero, readDecimal } from "../base/encoding.ts";
import { qualityCapSchema } from "../base/quality.ts";
import { ok, type Refusal, type Result, refusal } from "../base/result.ts";
import { isUnixSeconds, type UnixSeconds } from "../base/time.ts";
import type { Credential, VerifiedToken } from "./credential.ts";
import type { ClaimName, Issuer } from "./issuer.ts";

type Claims = Readonly<Record<string, unknown>>;

const longestName = 512;

/**
 * Reads verified claims, of a JWT (RFC 7519 §4) and of an introspection response (RFC 7662 §2.2) alike: viewer,
 * permissions, expiry and key binding. A claim of an unknown form is refused, because a guess would grant more or less
 * than the issuer meant.
 */
export function readClaims(
  claims: Claims,
  settings: Issuer,
  now: UnixSeconds,
): Result<VerifiedToken, Refusal<"token_invalid">> {
  const stranger = strangeAudience(claims, settings);
  if (stranger !== undefined)
    return refusal("token_invalid", `the token's ${claimText(stranger)} claim does not name this service's audience`);
  const { exp, iat, jti } = claims;
  const subject = readSubject(claims, settings);
  const expiresAt: unknown = typeof exp === "number" ? Math.floor(exp) : undefined;
  if (subject === undefined || !isUnixSeconds(expiresAt))
    return refusal("token_invalid", `the token has no usable ${claimText(settings.subjectClaim)} or exp`);
  const scopes = readScopes(claimAt(claims, settings.scopeClaim), settings);
  if (scopes === undefined)
    return refusal(
      "token_invalid",
      `the token's ${claimText(settings.scopeClaim)} claim holds no words (RFC 8693 §4.2), nor a list`,
    );
  const assets = readAssets(claimAt(claims, settings.assetsClaim), settings);
  if (assets === undefined)
    return refusal(
      "token_invalid",
      `the token's ${claimText(settings.assetsClaim)} claim is neither "*" nor an asset's id nor a list of ids`,
    );
  const issuedAt: unknown = typeof iat === "number" ? Math.floor(iat) : undefined;
  // A token issued in the future would escape every revocation of tokens issued up to now.
  if (typeof issuedAt === "number" && issuedAt > now + settings.clockTolerance)
    return refusal("token_invalid", "the token's iat lies in the future");
  const streams = readLimit(claimAt(claims, settings.streamsClaim));
  if (streams === "malformed")
    return refusal(
      "token_invalid",
      `the token's ${claimText(settings.streamsClaim)} claim is no whole number from 1 on`,
    );
  const capClaim = claimAt(claims, settings.qualityClaim);
  const cap = capClaim === undefined ? undefined : qualityCapSchema.safeParse(capClaim);
  // A cap that is misspelt would grant every quality.
  if (cap?.success === false)
    return refusal("token_invalid", `the token's ${claimText(settings.qualityClaim)} claim is no cap of the quality`);
  if (jti !== undefined && !isName(jti))
    return refusal("token_invalid", `the token's jti is no text of up to ${longestName} characters (RFC 7519 §4.1.7)`);
  const loginId = claimAt(claims, settings.loginClaim);
  if (loginId !== undefined && !isName(loginId))
    return refusal(
      "token_invalid",
      `the token's ${claimText(settings.loginClaim)} claim is no text of up to ${longestName} characters`,
    );
  const jkt = readBinding(claims.cnf);
  if (jkt === "malformed")
    return refusal("token_invalid", "the token is bound (cnf) by something else than a key's thumbprint");
  const credential: Credential = {
    issuer: settings.issuer,
    subject,
    scopes,
    assets,
    expiresAt,
    issuedAt: isUnixSeconds(issuedAt) ? issuedAt : undefined,
    tokenId: jti,
    loginId,
    streams,
    ...(cap !== undefined && { quality: cap.data }),
  };
  return ok({ credential, jkt: jkt?.jkt, dpop: settings.dpop });
}

/**
 * Reads a claim by its name or by a path of names, such as `["realm_access", "roles"]`. Only own members count, so
 * `["constructor", "name"]` is undefined. If the path leads through a value that is not an object, the claim is
 * malformed, not missing: the result is null, so that no default replaces it.
 */
export function claimAt(claims: Claims, name: ClaimName): unknown {
  let value: unknown = claims;
  for (const member of typeof name === "string" ? [name] : name) {
    if (!isObject(value)) return null;
    if (!Object.hasOwn(value, member)) return undefined;
    value = value[member];
  }
  return value;
}

/** The name of a claim as it is written in the settings. */
export function claimText(name: ClaimName): string {
  return typeof name === "string" ? name : JSON.stringify(name);
}

/**
 * The claim that names another audience, or none: the configured audience claim, or an `aud` that the token has as well
 * (RFC 7519 §4.1.3). Without the second check, a token that the same client got for another service would be accepted
 * here.
 */
function strangeAudience(claims: Claims, { audience, audienceClaim, introspection }: Issuer): ClaimName | undefined {
  const isNamed = (claim: ClaimName) => {
    const value = claimAt(claims, claim);
    if (value === undefined) return claim !== audienceClaim || introspection?.withoutAudience === "take";
    const named = typeof value === "string" ? [value] : (texts(value) ?? []);
    return audience.some((ours) => named.includes(ours));
  };
  return [audienceClaim, "aud"].find((claim) => !isNamed(claim));
}

function isName(value: unknown): value is string {
  return typeof value === "string" && value !== "" && value.length <= longestName;
}

/**
 * The viewer's id. A configured claim may be a whole number, such as a database id; `sub` is a string (RFC 7519
 * §4.1.2). 42 and "42" are the same viewer. Numbers above 2^53 are refused: JSON.parse rounds them, so two viewers
 * could share one id.
 */
function readSubject(claims: Claims, { subjectClaim }: Issuer): string | undefined {
  const subject = claimAt(claims, subjectClaim);
  if (isName(subject)) return subject;
  return subjectClaim !== "sub" && Number.isSafeInteger(subject) ? String(subject) : undefined;
}

/**
 * A whole number of at least 1, or its digits as a string: `2` or `"2"`, but not `"02"`, `"+2"`, `"2.0"` or `"2e0"`.
 */
function readLimit(claim: unknown): number | undefined | "malformed" {
  if (claim === undefined) return undefined;
  const limit = typeof claim === "string" && !hasLeadingZero(claim) ? readDecimal(claim) : claim;
  return typeof limit === "number" && Number.isSafeInteger(limit) && limit >= 1 ? limit : "malformed";
}

function readScopes(claim: unknown, { scopes: ours }: Issuer): ReadonlySet<string> | undefined {
  const words = claim === undefined ? [] : typeof claim === "string" ? claim.split(" ") : texts(claim);
  if (words === undefined) return undefined;
  const mapped =
    ours === undefined ? words : words.flatMap((word) => (Object.hasOwn(ours, word) ? ours[word]?.split(" ") : []));
  return new Set(mapped.filter((word): word is string => word !== undefined && word !== ""));
}

function readAssets(claim: unknown, settings: Issuer): Credential["assets"] | undefined {
  if (claim === undefined) return settings.assetsDefault === "all" ? "*" : new Set();
  if (claim === "*") return "*";
  const ids = typeof claim === "string" ? [claim] : texts(claim);
  return ids === undefined ? undefined : new Set(ids);
}

function texts(value: unknown): readonly string[] | undefined {
  if (!Array.isArray(value)) return undefined;
  const strings = value.filter((one) => typeof one === "string");
  return strings.length === value.length ? strings : undefined;
}

/**
 * The confirmation claim (RFC 7800 §3.1, RFC 9449 §6.1). A token with a binding that this service cannot check, such as
 * a client certificate (RFC 8705), must not pass as an unbound bearer token.
 */
function readBinding(cnf: unknown): { readonly jkt: string } | undefined | "malformed" {
  if (cnf === undefined) return undefined;
  if (!isObject(cnf) || Object.keys(cnf).length !== 1) return "malformed";
  const { jkt } = cnf;
  return typeof jkt === "string" && decodeBase64url(jkt)?.length === 32 ? { jkt } : "malformed";
}

/** The header and claims of a token, not verified yet. */
export interface ClaimedParts {
  readonly header: Readonly<Record<string, unknown>>;
  readonly claims: Readonly<Record<string, unknown>>;
}

const longestHeader = 4096;
const longestKid = 256;

/**
 * Parses a JWS in compact form (RFC 7515 §7.1) before any key is fetched: three parts in canonical base64url, JSON
 * objects without duplicate members, no critical extension and a well-formed `kid`. `jku`, `x5u`, `x5c` and `jwk` are
 * allowed and ignored (RFC 8725 §3.10): keys come from the configuration only.
 */
export function readJwsParts(token: string): Result<ClaimedParts, Refusal<"token_invalid">> {
  if (token.length > maxTokenLength)
    return refusal("token_invalid", `the token is longer than ${maxTokenLength} characters`);
  const [first = "", second = "", signature = "", ...more] = token.split(".");
  // A second spelling of the same bytes would verify too, but count as another token wherever texts are compared.
  if (more.length > 0 || signature === "" || decodeBase64url(signature) === undefined)
    return refusal("token_invalid", "the token is not three parts of canonical base64url");
  const header = first.length > longestHeader ? undefined : readObject(first);
  const claims = readObject(second);
  if (header === undefined || claims === undefined)
    return refusal("token_invalid", "the token's header or claims are no JSON object, or name a member twice");
  // RFC 7515 §4.1.11: an unknown critical extension must be refused, and none is known here. RFC 7797 §7 for b64.
  if (Object.hasOwn(header, "crit") || Object.hasOwn(header, "b64"))
    return refusal("token_invalid", "the token's header asks for an extension (crit, b64)");
  if (Object.hasOwn(header, "kid") && !isKid(header.kid))
    return refusal("token_invalid", `the token's kid is no printable text of up to ${longestKid} characters`);
  return ok({ header, claims });
}

const strictUtf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function readObject(part: string): Record<string, unknown> | undefined {
  const bytes = part === "" ? undefined : decodeBase64url(part);
  if (bytes === undefined) return undefined;
  try {
    const text = strictUtf8.decode(bytes);
    const value: unknown = JSON.parse(text);
    return isObject(value) && !hasDuplicateMembers(text) ? value : undefined;
  } catch {
    return undefined; // neither UTF-8 nor JSON
  }
}

function isKid(kid: unknown): boolean {
  return typeof kid === "string" && kid !== "" && kid.length <= longestKid && !/\p{Cc}/u.test(kid);
}
