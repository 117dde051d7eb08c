import { faultsAmong, type Issuer } from "../auth/issuer.ts";
import { operatorIssuer } from "../auth/operator-token.ts";
import type { RatePolicy } from "../auth/rate-limit.ts";
import { ok, type Result, refuse } from "../base/result.ts";
import { type Seconds, seconds } from "../base/time.ts";
import type { OriginSecrets } from "../catalog/origin-secrets.ts";
import { withoutBinding, withoutPrivateHalf } from "../keys/key-material.ts";
import { type KeyRing, keysFor, parseKeyRing } from "../keys/ring.ts";
import type { SessionSettings } from "../sessions/session-context.ts";
import { identitySettingsSchema } from "./identity-configuration.ts";
import { type Settings, settingsSchema } from "./settings.ts";

export interface Configuration extends SessionSettings {
  readonly development: boolean;
  readonly ring: KeyRing;
  readonly issuers: readonly Issuer[];
  readonly basePath: string;
  readonly pauseAllowance: Seconds;
  readonly expiryStep: Seconds;
  readonly renewal: "redirect" | "off";
  /** In how many networks at once a session may be alive; undefined for any number. */
  readonly sharedNetworks: number | undefined;
  readonly leaseTtl: Seconds;
  readonly apiUrl: string | undefined;
  readonly origins: readonly string[];
  readonly originSecrets: OriginSecrets;
  readonly entitlement:
    | { readonly url: string; readonly secret: string | undefined; readonly cache: Seconds }
    | undefined;
}

type Environment = Readonly<Record<string, unknown>>;
type SoundSettings = { readonly [Name in keyof Settings]?: Settings[Name] | undefined };

/** The three that are deployed; each needs settings that the others do not. */
export const workerNames = ["api", "manifest", "edge"] as const;
export type WorkerName = (typeof workerNames)[number];

/** The kid of every key, and the issuer of every token, that is good for development alone. */
export const devKidPrefix = "dev-";
export const devIssuer = "stagedoor-dev";

/**
 * The configuration of a worker from its environment, or every fault at once: each names the variable and says what to
 * do, and none quotes a value, since a value may be a secret. Bindings and other variables are left alone.
 */
export function readConfiguration(environment: Environment): Result<Configuration, readonly string[]> {
  const parsed = settingsSchema.safeParse(environment);
  const issues = parsed.success ? [] : parsed.error.issues;
  const faults = issues.map(({ path, message }) => `${path.join(".")}: ${message}`);
  faults.push(...unknownSettings(environment), ...idleSettings(environment));
  const settings = parsed.success
    ? parsed.data
    : soundSettings(environment, new Set(issues.flatMap(({ path }) => path.slice(0, 1))));
  const ring = settings.STAGEDOOR_KEYS === undefined ? refuse([]) : parseKeyRing(settings.STAGEDOOR_KEYS);
  if (!ring.ok) faults.push(...ring.refusal.map((fault) => `STAGEDOOR_KEYS: ${fault}`));
  faults.push(...addressFaults(environment, settings), ...faultsBetween(settings, ring.ok ? ring.value : undefined));
  return parsed.success && ring.ok && faults.length === 0 ? ok(configuration(parsed.data, ring.value)) : refuse(faults);
}

/** The settings that are right by themselves, so that what is wrong between them is named in the same round. */
function soundSettings(environment: Environment, faulty: ReadonlySet<PropertyKey>): SoundSettings {
  const rest = Object.fromEntries(Object.entries(environment).filter(([name]) => !faulty.has(name)));
  const sound = { ...settingsSchema.partial().safeParse(rest).data };
  // A default in the place of a faulty setting would bring forth faults that nobody made.
  for (const name of faulty) Reflect.deleteProperty(sound, name);
  return sound;
}

/** A misspelt setting is a fault: left alone, its default would be in force without a word. */
function unknownSettings(environment: Environment): string[] {
  return Object.keys(environment)
    .filter((name) => name.startsWith("STAGEDOOR_") && !(name in settingsSchema.shape))
    .filter((name) => !(name in identitySettingsSchema.shape))
    .map((name) => `${name}: there is no such setting`);
}

/** The settings of an entitlement service that nobody named: who wrote them believes that it is asked. */
function idleSettings(environment: Environment): string[] {
  if (environment.STAGEDOOR_ENTITLEMENT_URL !== undefined) return [];
  return ["STAGEDOOR_ENTITLEMENT_SECRET", "STAGEDOOR_ENTITLEMENT_CACHE"]
    .filter((name) => environment[name] !== undefined)
    .map((name) => `${name}: it does nothing without STAGEDOOR_ENTITLEMENT_URL; name the service, or take it out`);
}

/** What cannot be done by an API that does not know its own address: proofs name it, and cookies are its own site's. */
function addressFaults(environment: Environment, settings: SoundSettings): string[] {
  if (environment.STAGEDOOR_API_URL !== undefined) return [];
  const bound = settings.STAGEDOOR_ISSUERS?.some(({ dpop }) => dpop === "required") ?? false;
  return [
    ...(bound
      ? ["STAGEDOOR_API_URL: an issuer requires DPoP, whose proofs name the API's address; say what it is"]
      : []),
    ...(environment.STAGEDOOR_ORIGINS === undefined
      ? []
      : ["STAGEDOOR_ORIGINS: it does nothing without STAGEDOOR_API_URL; say what it is, or take this out"]),
  ];
}

function faultsBetween(settings: SoundSettings, ring: KeyRing | undefined): string[] {
  const faults: string[] = [];
  const issuers = settings.STAGEDOOR_ISSUERS ?? [];
  if (ring !== undefined && keysFor(ring, "session").length === 0)
    faults.push(
      "STAGEDOOR_KEYS: no key has the purpose session; make one with `npx stagedoor keys new --purpose session`",
    );
  if (ring !== undefined && keysFor(ring, "token").some((key) => key.d !== undefined))
    faults.push("STAGEDOOR_KEYS: a worker never needs a key that signs bearer tokens; leave the private half out");
  if (ring !== undefined && keysFor(ring, "operator").some((key) => key.d !== undefined))
    faults.push(
      "STAGEDOOR_KEYS: a worker never needs a key that signs operators' credentials; leave the private half out",
    );
  if (issuers.some(({ issuer }) => issuer === operatorIssuer))
    faults.push(
      `STAGEDOOR_ISSUERS: "${operatorIssuer}" is who vouches for operators; name the issuers of viewers' tokens`,
    );
  if (settings.STAGEDOOR_ENV !== undefined && settings.STAGEDOOR_ENV !== "development")
    faults.push(...developmentFaults(settings, ring));
  faults.push(...faultsAmong(issuers).map((fault) => `STAGEDOOR_ISSUERS: ${fault}`));
  const { STAGEDOOR_EXPIRY_STEP: step, STAGEDOOR_SESSION_TTL: session } = settings;
  if (step !== undefined && session !== undefined && step > session)
    faults.push("STAGEDOOR_EXPIRY_STEP: it is longer than a session (STAGEDOOR_SESSION_TTL)");
  return faults;
}

/** What is good for development alone, and stands in another environment. */
function developmentFaults(settings: SoundSettings, ring: KeyRing | undefined): string[] {
  const issuers = settings.STAGEDOOR_ISSUERS ?? [];
  const isDev = (kid: unknown) => typeof kid === "string" && kid.startsWith(devKidPrefix);
  const faults = (ring?.keys ?? [])
    .filter(({ kid }) => isDev(kid))
    .map(
      ({ kid }) =>
        `STAGEDOOR_KEYS: "${kid}" is a development key; make one for this environment, or set STAGEDOOR_ENV=development`,
    );
  if (issuers.some(({ issuer }) => issuer === devIssuer))
    faults.push(
      `STAGEDOOR_ISSUERS: "${devIssuer}" is the development issuer; name your own, or set STAGEDOOR_ENV=development`,
    );
  if (issuers.some(({ jwks }) => jwks?.keys.some(({ kid }) => isDev(kid))))
    faults.push(
      "STAGEDOOR_ISSUERS: an issuer's jwks holds a development key; set STAGEDOOR_ENV=development to take it",
    );
  if (settings.STAGEDOOR_MEDIA_URL?.startsWith("http:"))
    faults.push("STAGEDOOR_MEDIA_URL: use https; plain http is for STAGEDOOR_ENV=development");
  if (settings.STAGEDOOR_API_URL?.startsWith("http:"))
    faults.push("STAGEDOOR_API_URL: use https; plain http is for STAGEDOOR_ENV=development");
  if (settings.STAGEDOOR_ENTITLEMENT_URL?.startsWith("http:"))
    faults.push("STAGEDOOR_ENTITLEMENT_URL: use https; plain http is for STAGEDOOR_ENV=development");
  return faults;
}

function anHour(name: string, quota: number): RatePolicy | undefined {
  return quota === 0 ? undefined : { name, quota, window: seconds(3600) };
}

function configuration(settings: Settings, ring: KeyRing): Configuration {
  return {
    development: settings.STAGEDOOR_ENV === "development",
    ring,
    issuers: settings.STAGEDOOR_ISSUERS ?? [],
    grantIssuer: settings.STAGEDOOR_GRANT_ISSUER,
    mediaUrl: settings.STAGEDOOR_MEDIA_URL,
    basePath: settings.STAGEDOOR_BASE_PATH,
    manifestTtl: seconds(settings.STAGEDOOR_MANIFEST_TTL),
    sessionTtl: seconds(settings.STAGEDOOR_SESSION_TTL),
    pauseAllowance: seconds(settings.STAGEDOOR_PAUSE_ALLOWANCE),
    expiryStep: seconds(settings.STAGEDOOR_EXPIRY_STEP),
    renewal: settings.STAGEDOOR_RENEWAL,
    streamLimit: settings.STAGEDOOR_STREAM_LIMIT || undefined,
    sharedNetworks: settings.STAGEDOOR_SHARED_NETWORKS || undefined,
    leaseTtl: seconds(settings.STAGEDOOR_LEASE_TTL),
    revocationMaxAge: seconds(settings.STAGEDOOR_REVOCATION_MAX_AGE),
    storeFailure: settings.STAGEDOOR_STORE_FAILURE,
    apiUrl: settings.STAGEDOOR_API_URL,
    origins: settings.STAGEDOOR_ORIGINS,
    startRate: anHour("start-subject", settings.STAGEDOOR_START_RATE),
    startRateAddress: anHour("start-address", settings.STAGEDOOR_START_RATE_ADDRESS),
    refusedRateAddress: anHour("refused-address", settings.STAGEDOOR_REFUSED_RATE_ADDRESS),
    signInRate: anHour("sign-in-account", settings.STAGEDOOR_SIGN_IN_RATE),
    signInRateAddress: anHour("sign-in-address", settings.STAGEDOOR_SIGN_IN_RATE_ADDRESS),
    tokenRateAddress: anHour("token-address", settings.STAGEDOOR_TOKEN_RATE_ADDRESS),
    originSecrets: settings.STAGEDOOR_ORIGIN_SECRETS,
    entitlement:
      settings.STAGEDOOR_ENTITLEMENT_URL === undefined
        ? undefined
        : {
            url: settings.STAGEDOOR_ENTITLEMENT_URL,
            secret: settings.STAGEDOOR_ENTITLEMENT_SECRET,
            cache: seconds(settings.STAGEDOOR_ENTITLEMENT_CACHE),
          },
  };
}

/**
 * The faults in who vouches for viewers at the API: the identity worker, where it is bound, the issuers that are named, or
 * both; but somebody, and each once. That can be told only where the bindings are known.
 */
export function trustFaults(
  { issuers, apiUrl }: Pick<Configuration, "issuers" | "apiUrl">,
  hasIdentity: boolean,
): readonly string[] {
  if (!hasIdentity)
    return issuers.length > 0
      ? []
      : ["STAGEDOOR_ISSUERS: name the issuers of bearer tokens, or bind the identity worker"];
  if (apiUrl === undefined)
    return ["STAGEDOOR_API_URL: the identity worker is bound, and its issuer is the API's address; say what it is"];
  return issuers.some(({ issuer }) => issuer === apiUrl)
    ? ["STAGEDOOR_ISSUERS: the API's own address is the identity worker's issuer; take it out of the list"]
    : [];
}

/**
 * What a worker needs of a whole ring, and no more: a key that signs bearer tokens or operators' credentials none of them,
 * the public halves of operators' keys the API, CloudFront's private halves the manifest worker alone, its public halves the
 * edge and the API, which explains URLs. A key that is retired nobody needs.
 */
export function ringFor(worker: WorkerName, ring: KeyRing): KeyRing {
  const kept = { keys: ring.keys.filter(({ state }) => state !== "retired") };
  const session = keysFor(kept, "session");
  const pairs = keysFor(kept, "cloudfront");
  if (worker === "manifest") return { keys: [...session, ...pairs.map(withoutBinding)] };
  const halves = pairs.map((pair) => withoutPrivateHalf(pair));
  if (worker === "edge") return { keys: [...session, ...halves] };
  return { keys: [...session, ...halves, ...keysFor(kept, "operator").map((pair) => withoutPrivateHalf(pair))] };
}
