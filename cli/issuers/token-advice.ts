import type { JWTPayload } from "jose";
import { claimAt, claimText, readClaims } from "../../src/auth/claims.ts";
import type { ClaimName, Issuer } from "../../src/auth/issuer.ts";
import type { UnixSeconds } from "../../src/base/time.ts";
import { playScope } from "../../src/catalog/asset.ts";
import { shown } from "../../src/operator/explain/explanation.ts";

/** Where providers put scopes, roles and groups. */
const scopeClaims: readonly ClaimName[] = [
  ...(["scope", "scp", "permissions", "roles", "groups", "cognito:groups"] as const),
  ["realm_access", "roles"],
];
/** Where providers name the app or the service that a token is for. */
const audienceClaims: readonly ClaimName[] = ["aud", "client_id", "azp"];
const subjectClaims: readonly ClaimName[] = ["sub", "oid", "user_id", "uid", "username"];

/**
 * What is missing in a token, or in the issuer's entry, for a start: each with the option that adds it. The claims are not
 * verified yet. An entry without an audience is judged as if every audience were accepted.
 */
export function tokenAdvice(
  header: Readonly<Record<string, unknown>>,
  claims: JWTPayload,
  settings: Issuer,
  hasAudience: boolean,
  now: UnixSeconds,
): readonly string[] {
  return [
    ...issuerAdvice(claims, settings),
    ...algorithmAdvice(header, settings),
    ...audienceAdvice(claims, settings, hasAudience),
    ...claimAdvice(claims, settings, now),
  ];
}

function issuerAdvice({ iss }: JWTPayload, { issuer }: Issuer): readonly string[] {
  if (iss === issuer) return [];
  const found = iss === undefined ? "none" : shown(iss);
  return [
    `iss: the token has ${found}, and the metadata has ${shown(issuer)}. They must be equal, byte for byte: give the metadata of the token's own issuer.`,
  ];
}

function algorithmAdvice({ alg }: Readonly<Record<string, unknown>>, { algorithms }: Issuer): readonly string[] {
  if (algorithms.some((algorithm) => algorithm === alg)) return [];
  const found = typeof alg === "string" ? shown(alg) : "none";
  const cause = /^HS/.test(String(alg))
    ? "That is a shared secret, which no JWK Set publishes: choose an algorithm with a key pair, such as RS256, at the provider."
    : "Use a token that one of the provider's keys signed.";
  return [`alg: the token has ${found}, and the provider's keys are for ${algorithms.join(", ")}. ${cause}`];
}

function audienceAdvice(claims: JWTPayload, settings: Issuer, hasAudience: boolean): readonly string[] {
  const { audience, audienceClaim } = settings;
  const named = wordsAt(claims, audienceClaim);
  if (hasAudience && named.some((name) => audience.includes(name))) {
    const aud = wordsAt(claims, "aud");
    const isForOthers = aud.length > 0 && !aud.some((name) => audience.includes(name));
    return isForOthers
      ? [`aud: the token also names ${quoted(aud)}. If that is this service, add --audience ${argument(aud[0] ?? "")}.`]
      : [];
  }
  const expected = hasAudience ? `, and --audience is ${quoted(audience)}` : "";
  if (named.length > 0) {
    const which = hasAudience ? "If one of them is this service's, give" : "Choose the one that is this service's:";
    return [
      `${claimText(audienceClaim)}: the token has ${quoted(named)}${expected}. ${which} --audience ${argument(named[0] ?? "")}.`,
    ];
  }
  const other = audienceClaims.find((claim) => wordsAt(claims, claim).length > 0);
  if (other === undefined)
    return [
      `${claimText(audienceClaim)}: the token has none${expected}. Request one for this service: docs/identity-providers/index.md.`,
    ];
  const [first = ""] = wordsAt(claims, other);
  return [
    `${claimText(audienceClaim)}: the token has none${expected}. It names its client in ${claimText(other)}: --audience-claim ${claimText(other)} --audience ${argument(first)}.`,
  ];
}

function claimAdvice(claims: JWTPayload, settings: Issuer, now: UnixSeconds): readonly string[] {
  // The audience has advice of its own.
  const anyAudience = { ...settings, audience: ["any"], audienceClaim: "aud" };
  const read = readClaims({ ...claims, aud: "any" }, anyAudience, now);
  if (!read.ok) {
    const other = subjectClaims.find((claim) => wordsAt(claims, claim).length > 0);
    const isSubject = wordsAt(claims, settings.subjectClaim).length === 0;
    const next = isSubject && other !== undefined ? ` Use --subject-claim ${claimText(other)}.` : "";
    return [`claims: ${read.refusal.reason}.${next}`];
  }
  const { scopes, assets } = read.value.credential;
  return [
    ...(scopes.has(playScope) ? [] : [scopeAdvice(claims, settings)]),
    ...(assets === "*" || assets.size > 0 ? [] : [assetsAdvice(settings)]),
  ];
}

function scopeAdvice(claims: JWTPayload, { scopeClaim }: Issuer): string {
  const found = wordsAt(claims, scopeClaim);
  const first = `${claimText(scopeClaim)}: the token has ${found.length === 0 ? "none" : quoted(found)}, and a start needs the scope ${playScope}.`;
  const holder = [scopeClaim, ...scopeClaims].find((claim) => wordsAt(claims, claim).includes(playScope));
  if (holder !== undefined && claimText(holder) !== claimText(scopeClaim))
    return `${first} It is in ${claimText(holder)}: --scope-claim ${argument(claimText(holder))}.`;
  const [other, word] = [scopeClaim, ...scopeClaims]
    .map((claim) => [claim, wordsAt(claims, claim).find((name) => !standardScopes.has(name))] as const)
    .find(([, name]) => name !== undefined) ?? [undefined, undefined];
  if (other === undefined || word === undefined)
    return `${first} Add it to the token at the provider: docs/identity-providers/index.md.`;
  const claim = claimText(other) === claimText(scopeClaim) ? "" : `--scope-claim ${argument(claimText(other))} `;
  return `${first} If ${shown(word)} in ${claimText(other)} means that, use ${claim}--map-scope ${argument(`${word}=${playScope}`)}.`;
}

/** Scopes of OpenID Connect Core 1.0 §5.4 and §11, which each app may request: none of them is a permission to play. */
const standardScopes = new Set(["openid", "profile", "email", "address", "phone", "offline_access"]);

function assetsAdvice({ assetsClaim }: Issuer): string {
  return `${claimText(assetsClaim)}: the token has none, so it opens no asset. If each viewer may play every asset, use --assets-default all; otherwise add the claim at the provider.`;
}

/** The words of a claim: a text with spaces for scopes, or a list. */
export function wordsAt(claims: JWTPayload, claim: ClaimName): readonly string[] {
  const value = claimAt(claims, claim);
  const isScope = claim === "scope" || claim === "scp";
  if (typeof value === "string") return isScope ? value.split(" ").filter((word) => word !== "") : [value];
  return Array.isArray(value) ? value.filter((one) => typeof one === "string") : [];
}

function quoted(words: readonly string[]): string {
  const more = words.length > 4 ? ` and ${words.length - 4} more` : "";
  return `${words.slice(0, 4).map(shown).join(", ")}${more}`;
}

/** A word as an argument of a shell's command line. The token's author chose it, so a quote in it is not repeated. */
function argument(word: string): string {
  const plain = word.replaceAll(/['\p{Cc}]/gu, "");
  return /^[\w.:/@=-]+$/.test(plain) ? plain : `'${plain}'`;
}
