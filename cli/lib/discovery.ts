import { importJWK } from "jose";
import * as z from "zod";
import { askJson, type HttpDeps } from "../../src/auth/ask-json.ts";
import { algorithms, type Issuer } from "../../src/auth/issuer.ts";
import { isObject } from "../../src/base/body-text.ts";
import { decodeBase64url } from "../../src/base/encoding.ts";
import { hasNoUserInfo, isSafeAddress } from "../../src/base/origins.ts";
import { ok, type Result, refuse } from "../../src/base/result.ts";
import { seconds } from "../../src/base/time.ts";
import { shown } from "../../src/operator/explain/explanation.ts";

type Algorithm = Issuer["algorithms"][number];
type Reach = Pick<HttpDeps, "fetch" | "timer">;

/** A provider's metadata and keys, as far as the entry of an issuer needs them. */
export interface Provider {
  /** The issuer of the metadata, byte for byte: the `iss` of its tokens. */
  readonly issuer: string;
  readonly jwksUri: string;
  readonly keys: KeySet;
  /** Its introspection endpoint (RFC 7662), for opaque tokens. */
  readonly introspectionUrl: string | undefined;
}

/** The algorithms that the keys of a JWK Set can verify. */
export interface KeySet {
  /** In the order of {@link algorithms}; never one with a shared secret. */
  readonly algorithms: readonly Algorithm[];
  /** The number of keys that verify signatures. */
  readonly usable: number;
  /** Why the other keys verify no token here, a sentence each. */
  readonly leftOut: readonly string[];
}

/** The deadline and size limit of each response. The workers fetch JWK Sets with the same limits. */
const limits = { within: seconds(5), longest: 262_144 };

const openid = "/.well-known/openid-configuration";
const oauth = "/.well-known/oauth-authorization-server";

const metadataSchema = z.looseObject({
  issuer: z.string().min(1),
  jwks_uri: z.string().optional(),
  id_token_signing_alg_values_supported: z.array(z.string()).optional().catch(undefined),
  introspection_endpoint: z.string().optional().catch(undefined),
});

/** An address of metadata, and the issuer that belongs to it; it may end with a slash. */
interface MetadataAddress {
  readonly url: string;
  readonly issuer: string;
}

/**
 * Reads a provider's metadata (OpenID Connect Discovery 1.0 §4, RFC 8414 §3) and its JWK Set. `url` is the issuer or the
 * address of its metadata. The issuer in the metadata must be `expected`, or without it the one that `url` names, with or
 * without a slash at its end (§4.3, RFC 8414 §3.3): otherwise one provider could speak for another. The refusal says what
 * is wrong and what to do.
 */
export async function discover(
  url: string,
  reach: Reach,
  expected: string | undefined,
): Promise<Result<Provider, string>> {
  const found = await readMetadata(url, reach);
  if (!found.ok) return found;
  const { address, document } = found.value;
  const parsed = metadataSchema.safeParse(document);
  if (!parsed.success)
    return refuse(`${address.url} is not a provider's metadata: it needs the member issuer, a string.`);
  const { issuer, jwks_uri: jwksUri, introspection_endpoint: endpoint = "" } = parsed.data;
  const accepted = expected === undefined ? [address.issuer, `${address.issuer}/`] : [expected];
  if (!accepted.includes(issuer)) return refuse(otherIssuer(address, issuer, expected));
  if (jwksUri === undefined)
    return refuse(
      `${address.url} has no jwks_uri, so this provider publishes no keys. If it introspects opaque tokens, write the entry with introspection yourself: docs/reference/configuration.md, Issuers.`,
    );
  if (!isBareAddress(jwksUri))
    return refuse(
      `jwks_uri in ${address.url} must be an https URL, or http on localhost, without a user name, not ${shown(jwksUri)}.`,
    );
  const keys = await fetchKeySet(jwksUri, parsed.data.id_token_signing_alg_values_supported ?? [], reach);
  const introspectionUrl = isBareAddress(endpoint) ? endpoint : undefined;
  return keys.ok ? ok({ issuer, jwksUri, keys: keys.value, introspectionUrl }) : keys;
}

/** What a provider writes reaches terminals and files: its addresses are plain ones, and all else is escaped by {@link shown}. */
function isBareAddress(url: string): boolean {
  return isSafeAddress(url) && hasNoUserInfo(url);
}

/** The metadata addresses of an issuer, or the given address if it is one already. */
function metadataAddresses(text: string): readonly MetadataAddress[] {
  const { origin, pathname, search } = new URL(text);
  const path = pathname.replace(/\/+$/, "");
  for (const suffix of [openid, oauth]) {
    if (path.endsWith(suffix)) return [{ url: text, issuer: origin + path.slice(0, -suffix.length) }];
    // RFC 8414 §3.1 puts the issuer's path after the suffix.
    if (path.startsWith(`${suffix}/`)) return [{ url: text, issuer: origin + path.slice(suffix.length) }];
  }
  const issuer = origin + path;
  return [
    { url: `${issuer}${openid}${search}`, issuer },
    { url: `${origin}${oauth}${path}${search}`, issuer },
  ];
}

async function readMetadata(text: string, reach: Reach) {
  const failures: string[] = [];
  for (const address of metadataAddresses(text)) {
    const answer = await askJson(address.url, { headers: { Accept: "application/json" } }, reach, limits);
    if (answer.ok) return ok({ address, document: answer.value });
    failures.push(`${address.url} ${answer.refusal.why}`);
    // Another address of the same provider helps only if this one does not exist.
    if (answer.refusal.status === undefined) break;
  }
  return refuse(
    `The provider's metadata cannot be read:\n  ${failures.join("\n  ")}\nGive the issuer of its tokens (iss) or the address of its metadata, --discovery <url>. Redirects are not followed.`,
  );
}

function otherIssuer({ url, issuer }: MetadataAddress, found: string, expected: string | undefined): string {
  const first = `${url} has the issuer ${shown(found)}, not ${shown(expected ?? issuer)}.`;
  if (/[{}]/.test(found))
    return `${first} That is a template, which no token contains: give the address with your own tenant's id, https://login.microsoftonline.com/<tenant id>/v2.0.`;
  if (expected !== undefined) return `${first} --issuer must be equal to it, byte for byte.`;
  const option = /^[!-&(-~]+$/.test(found) ? `add --issuer '${found}'` : "add --issuer with exactly that value";
  return `${first} If your tokens have this iss, and the provider's documentation says so, ${option}. Otherwise give the address of the issuer in your tokens, which \`npx stagedoor token --inspect\` shows.`;
}

/**
 * Fetches a JWK Set. `announced` are the algorithms of the provider's metadata, for RSA keys that name none. Refuses a set
 * without a usable key, and one that publishes a private key.
 */
export async function fetchKeySet(
  uri: string,
  announced: readonly string[],
  reach: Reach,
): Promise<Result<KeySet, string>> {
  const headers = { Accept: "application/jwk-set+json, application/json" };
  const answer = await askJson(uri, { headers }, reach, limits);
  if (!answer.ok) return refuse(`The JWK Set cannot be read: ${uri} ${answer.refusal.why}.`);
  const { value } = answer;
  if (!isObject(value) || !Array.isArray(value.keys))
    return refuse(`${uri} is not a JWK Set: it needs the member keys, a list (RFC 7517 §5).`);
  const keys = value.keys.filter(isObject);
  const leaked = keys.find(({ d }) => d !== undefined);
  if (leaked !== undefined)
    return refuse(
      `${uri} publishes the private half (d) of the key ${nameOf(leaked)}: everybody can sign with it. Do not trust this provider before it has replaced the key.`,
    );
  const set = await keySetOf(keys, announced);
  return set.algorithms.length > 0
    ? ok(set)
    : refuse([`${uri} has no key that can verify tokens.`, ...set.leftOut].join("\n  "));
}

type Jwk = Readonly<Record<string, unknown>>;

/** The algorithms for which a key set has a key (RFC 7517 §4, RFC 7518 §3.1). */
export async function keySetOf(keys: readonly Jwk[], announced: readonly string[]): Promise<KeySet> {
  const accepted = new Set<Algorithm>();
  const leftOut: string[] = [];
  let usable = 0;
  for (const key of keys) {
    const verified = await algorithmsOf(key, announced);
    if (!verified.ok) leftOut.push(`The key ${nameOf(key)} is left out: ${verified.refusal}.`);
    else {
      usable += 1;
      for (const algorithm of verified.value) accepted.add(algorithm);
    }
  }
  return { algorithms: algorithms.filter((algorithm) => accepted.has(algorithm)), usable, leftOut };
}

async function algorithmsOf(key: Jwk, announced: readonly string[]): Promise<Result<readonly Algorithm[], string>> {
  const { kty, use, key_ops: operations, alg, n } = key;
  if (kty === "oct") return refuse("it is a shared secret (kty oct), and a published secret is not secret");
  if (use !== undefined && use !== "sig") return refuse(`its use is ${textOf(use)}, not sig`);
  if (Array.isArray(operations) && !operations.includes("verify")) return refuse("its key_ops are without verify");
  const fitting = fittingAlgorithms(key);
  if (fitting.length === 0) return refuse(`its type (${textOf(kty)}, ${textOf(key.crv)}) is not supported`);
  if (kty === "RSA" && (typeof n === "string" ? (decodeBase64url(n)?.length ?? 0) : 0) < 256)
    return refuse("it is an RSA key with less than 2048 bits");
  const named = alg === undefined ? withoutAlg(fitting, announced) : fitting.filter((one) => one === alg);
  const [first] = named;
  if (first === undefined) return refuse(`its alg ${textOf(alg)} is not supported for its type`);
  return (await isUsable(key, first)) ? ok(named) : refuse("it is malformed");
}

function fittingAlgorithms({ kty, crv }: Jwk): readonly Algorithm[] {
  if (kty === "RSA") return ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"];
  switch (`${String(kty)} ${String(crv)}`) {
    case "EC P-256":
      return ["ES256"];
    case "EC P-384":
      return ["ES384"];
    case "EC P-521":
      return ["ES512"];
    case "OKP Ed25519":
      return ["EdDSA", "Ed25519"];
    default:
      return [];
  }
}

/** An RSA key without `alg`, as Entra publishes it, is used with the algorithms that the provider announces. */
function withoutAlg(fitting: readonly Algorithm[], announced: readonly string[]): readonly Algorithm[] {
  if (!fitting.includes("RS256")) return fitting;
  const both = fitting.filter((algorithm) => announced.includes(algorithm));
  return both.length > 0 ? both : ["RS256"];
}

async function isUsable(key: Jwk, algorithm: Algorithm): Promise<boolean> {
  try {
    await importJWK({ ...key, kty: String(key.kty) }, algorithm);
    return true;
  } catch {
    return false;
  }
}

function nameOf({ kid }: Jwk): string {
  return typeof kid === "string" ? shown(kid) : "without a kid";
}

function textOf(value: unknown): string {
  return value === undefined ? "none" : typeof value === "string" ? shown(value) : "not a string";
}
