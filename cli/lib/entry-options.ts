import { type Issuer, issuerSchema } from "../../src/auth/issuer.ts";
import { isSafeAddress } from "../../src/base/origins.ts";
import { type Args, endFailed, endInvalid, endMisused, mayBeToken, shownWord } from "./command.ts";
import type { Provider } from "./discovery.ts";
import { parseJson } from "./files.ts";

const text = { type: "string" } as const;

/** The options that become members of the entry. */
export const entryOptions = {
  audience: { type: "string", multiple: true },
  "audience-claim": text,
  "subject-claim": text,
  "scope-claim": text,
  "map-scope": { type: "string", multiple: true },
  "assets-claim": text,
  "assets-default": text,
  "streams-claim": text,
  "quality-claim": text,
  "login-claim": text,
  typ: text,
} as const;

export const entryHelp = `  --audience <name>        the audience that a token must name; repeatable
  --audience-claim <name>  the claim that names it (aud): client_id for Cognito, azp for Clerk
  --subject-claim <name>   the claim with the viewer's id (sub)
  --scope-claim <name>     the claim with the scopes (scope)
  --map-scope <from=to>    a scope or role of the provider, and the scope that it means here: viewer=stream:play; repeatable
  --assets-claim <name>    the claim with the assets that a token opens (assets)
  --assets-default <what>  what a token without that claim opens: none or all (none)
  --streams-claim <name>   the claim with the viewer's stream limit (streams)
  --quality-claim <name>   the claim that caps the viewer's quality (quality_cap)
  --login-claim <name>     the claim with the id of the sign-in session (sid)
  --typ <typ>              the only typ that the tokens may have, such as at+jwt

A claim inside an object is a list: --scope-claim '["realm_access", "roles"]'.`;

/** The URL of --discovery: an issuer, or the address of its metadata. */
export function readDiscovery(given: string | undefined): string {
  const url = given ?? endMisused(`--discovery is missing: give ${discoveryForm}.`);
  if (isAddress(url)) return url;
  const candidate = `https://${url}`;
  const meant = !url.includes("://") && isAddress(candidate) && !mayBeToken(url) ? candidate : undefined;
  const found = /[@?]/.test(url) ? "a URL with a user name, a query or a fragment" : shownWord(url);
  return endMisused(
    `--discovery must be ${discoveryForm}; https, or http on localhost; not ${found}.${meant === undefined ? "" : ` Did you mean --discovery ${meant}?`}`,
  );
}

const discoveryForm =
  "the issuer of the tokens or the address of its metadata, such as https://id.example.com or https://id.example.com/.well-known/openid-configuration";

function isAddress(url: string): boolean {
  if (!isSafeAddress(url)) return false;
  const { username, password, hash, hostname } = new URL(url);
  return (
    username + password + hash === "" && (hostname.includes(".") || hostname === "localhost" || hostname === "[::1]")
  );
}

/** An entry of STAGEDOOR_ISSUERS as it is written, without the defaults. */
export type Entry = Readonly<Record<string, unknown>>;

/** The entry for a provider. Without an audience it is incomplete. */
export function entryFor({ issuer, jwksUri, keys }: Provider, args: Args): Entry {
  const audiences = args.values("audience");
  const audience = audiences.length === 1 ? audiences[0] : audiences.length === 0 ? undefined : audiences;
  const scopes = scopesOf(args.values("map-scope"));
  return withoutUndefined({
    issuer,
    audience,
    audienceClaim: claimOf(args, "audience-claim"),
    algorithms: keys.algorithms,
    jwksUri,
    typ: args.value("typ"),
    subjectClaim: claimOf(args, "subject-claim"),
    scopeClaim: claimOf(args, "scope-claim"),
    scopes,
    assetsClaim: claimOf(args, "assets-claim"),
    assetsDefault: assetsDefaultOf(args),
    streamsClaim: claimOf(args, "streams-claim"),
    qualityClaim: claimOf(args, "quality-claim"),
    loginClaim: claimOf(args, "login-claim"),
  });
}

/** The settings of an entry. An invalid option ends the command, and names the member. */
export function settingsOf(entry: Entry): Issuer {
  const parsed = issuerSchema.safeParse(entry);
  if (parsed.success) return parsed.data;
  const errors = parsed.error.issues.map(({ path, message }) => `${path.join(".") || "the entry"}: ${message}`);
  return endFailed(["The entry would be invalid:", ...errors].join("\n  "));
}

function withoutUndefined(entry: Entry): Entry {
  return Object.fromEntries(Object.entries(entry).filter(([, value]) => value !== undefined));
}

/** The name of a claim, or a path into objects as a JSON list. */
function claimOf(args: Args, option: keyof typeof entryOptions): unknown {
  const name = args.value(option);
  if (name === undefined || !name.startsWith("[")) return name;
  const parsed = issuerSchema.shape.subjectClaim.safeParse(parseJson(name));
  return parsed.success && Array.isArray(parsed.data)
    ? parsed.data
    : endInvalid(option, name, `a claim's name or a JSON list of names, such as '["realm_access", "roles"]'`);
}

function scopesOf(mappings: readonly string[]): Readonly<Record<string, string>> | undefined {
  if (mappings.length === 0) return undefined;
  const scopes = new Map<string, string>();
  for (const mapping of mappings) {
    // A provider's scope may be a URL with an equals sign; ours has none.
    const equals = mapping.lastIndexOf("=");
    if (equals < 1 || equals === mapping.length - 1)
      endInvalid("map-scope", mapping, "<the provider's scope>=<the scope here>, such as viewer=stream:play");
    scopes.set(mapping.slice(0, equals), mapping.slice(equals + 1));
  }
  return Object.fromEntries(scopes);
}

function assetsDefaultOf(args: Args): string | undefined {
  const value = args.value("assets-default");
  return value === undefined || value === "none" || value === "all"
    ? value
    : endInvalid("assets-default", value, "none or all");
}
