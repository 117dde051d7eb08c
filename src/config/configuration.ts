import { backendIssuerPrefix, backendName } from "../auth/backend-token.ts";
import { backendIssuer } from "../auth/credential.ts";
import { faultsAmong, type Issuer } from "../auth/issuer.ts";
import { operatorIssuer } from "../auth/operator-token.ts";
import type { RatePolicy } from "../auth/rate-limit.ts";
import { adviceOn, fieldText } from "../base/issue-advice.ts";
import { ok, type Result, refuse } from "../base/result.ts";
import { type Seconds, seconds } from "../base/time.ts";
import type { OriginSecrets } from "../catalog/origin-secrets.ts";
import { withoutBinding, withoutPrivateHalf } from "../keys/key-material.ts";
import { type KeyRing, keysFor, parseKeyRing } from "../keys/ring.ts";
import type { SessionSettings } from "../sessions/session-context.ts";
import type { Webhooks } from "../webhooks/webhook-settings.ts";
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
  /** Maximum number of networks that a session can play in at once; undefined for no limit. */
  readonly sharedNetworks: number | undefined;
  readonly leaseTtl: Seconds;
  readonly webhooks: Webhooks;
  readonly apiUrl: string | undefined;
  readonly origins: readonly string[];
  readonly originSecrets: OriginSecrets;
  /** The values of Stagedoor-Edge-Secret by which a CDN in front of the media host is known. */
  readonly edgeSecrets: readonly string[];
  /** The ARNs of the KeyValueStores that the API keeps in step. */
  readonly cloudFrontStores: readonly string[];
  /** Who renews the expired URLs of their functions. */
  readonly cloudFrontRenewal: "function" | "manifest";
  /** The access key for them, on Workers. */
  readonly awsCredentials: { readonly accessKeyId: string; readonly secretAccessKey: string } | undefined;
  readonly entitlement:
    | { readonly url: string; readonly secret: string | undefined; readonly cache: Seconds }
    | undefined;
}

type Environment = Readonly<Record<string, unknown>>;
type SoundSettings = { readonly [Name in keyof Settings]?: Settings[Name] | undefined };

/** The workers that share one configuration; each needs a part of it. */
export const workerNames = ["api", "manifest", "edge"] as const;
export type WorkerName = (typeof workerNames)[number];

/** The prefix of development keys' kids, and the issuer of development tokens. */
export const devKidPrefix = "dev-";
export const devIssuer = "stagedoor-dev";

/**
 * The configuration of a worker from its environment, or every fault at once. Each fault names the variable and the
 * fix, and never quotes the value, which may be a secret. Bindings and other variables are ignored.
 */
export function readConfiguration(environment: Environment): Result<Configuration, readonly string[]> {
  const parsed = settingsSchema.safeParse(environment);
  const issues = parsed.success ? [] : parsed.error.issues;
  const faults = issues.map((issue) => `${fieldText(issue.path)}: ${adviceOn(issue, environment)}`);
  faults.push(...unknownSettings(environment), ...idleSettings(environment));
  const settings = parsed.success
    ? parsed.data
    : soundSettings(environment, new Set(issues.flatMap(({ path }) => path.slice(0, 1))));
  const ring = settings.STAGEDOOR_KEYS === undefined ? refuse([]) : parseKeyRing(settings.STAGEDOOR_KEYS);
  if (!ring.ok) faults.push(...ring.refusal.map((fault) => `STAGEDOOR_KEYS: ${fault}`));
  faults.push(...addressFaults(environment, settings), ...faultsBetween(settings, ring.ok ? ring.value : undefined));
  return parsed.success && ring.ok && faults.length === 0 ? ok(configuration(parsed.data, ring.value)) : refuse(faults);
}

/** The settings that are valid by themselves, so that faults between them are reported in the same run. */
function soundSettings(environment: Environment, faulty: ReadonlySet<PropertyKey>): SoundSettings {
  const rest = Object.fromEntries(Object.entries(environment).filter(([name]) => !faulty.has(name)));
  const sound = { ...settingsSchema.partial().safeParse(rest).data };
  // The default of an invalid setting would cause further faults that are not real.
  for (const name of faulty) Reflect.deleteProperty(sound, name);
  return sound;
}

/** A misspelt setting is a fault: otherwise its default would silently apply. */
function unknownSettings(environment: Environment): string[] {
  return Object.keys(environment)
    .filter((name) => name.startsWith("STAGEDOOR_") && !(name in settingsSchema.shape))
    .filter((name) => !(name in identitySettingsSchema.shape))
    .map((name) => `${name}: there is no such setting`);
}

/** Settings of an entitlement service without its URL: the service would never be asked. */
function idleSettings(environment: Environment): string[] {
  if (environment.STAGEDOOR_ENTITLEMENT_URL !== undefined) return [];
  return ["STAGEDOOR_ENTITLEMENT_SECRET", "STAGEDOOR_ENTITLEMENT_CACHE"]
    .filter((name) => environment[name] !== undefined)
    .map((name) => `${name}: it has no effect without STAGEDOOR_ENTITLEMENT_URL; set that, or remove this`);
}

/** Settings that need the API's own address: DPoP proofs contain it, and cookies belong to its site. */
function addressFaults(environment: Environment, settings: SoundSettings): string[] {
  if (environment.STAGEDOOR_API_URL !== undefined) return [];
  const bound = settings.STAGEDOOR_ISSUERS?.some(({ dpop }) => dpop === "required") ?? false;
  return [
    ...(bound ? ["STAGEDOOR_API_URL: an issuer requires DPoP, whose proofs contain the API's address; set it"] : []),
    ...(environment.STAGEDOOR_ORIGINS === undefined
      ? []
      : ["STAGEDOOR_ORIGINS: it has no effect without STAGEDOOR_API_URL; set that, or remove this"]),
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
    faults.push("STAGEDOOR_KEYS: a worker never needs a key that signs bearer tokens; remove the private half");
  for (const purpose of ["operator", "backend"] as const)
    if (ring !== undefined && keysFor(ring, purpose).some((key) => key.d !== undefined))
      faults.push(
        `STAGEDOOR_KEYS: a worker never needs a key that signs ${purpose}s' credentials; remove the private half`,
      );
  if (issuers.some(({ issuer }) => issuer === operatorIssuer))
    faults.push(
      `STAGEDOOR_ISSUERS: "${operatorIssuer}" is the issuer of operators' credentials; name the issuers of viewers' tokens`,
    );
  if (issuers.some(({ issuer }) => isBackendIssuer(issuer)))
    faults.push(
      `STAGEDOOR_ISSUERS: "${backendIssuer}" and names that begin with "${backendIssuerPrefix}" are for backends and their viewers; name the issuers of viewers' tokens`,
    );
  faults.push(...backendFaults(settings), ...storeFaults(settings, ring));
  if (settings.STAGEDOOR_ENV !== undefined && settings.STAGEDOOR_ENV !== "development")
    faults.push(...developmentFaults(settings, ring));
  faults.push(...faultsAmong(issuers).map((fault) => `STAGEDOOR_ISSUERS: ${fault}`));
  const { STAGEDOOR_EXPIRY_STEP: step, STAGEDOOR_SESSION_TTL: session } = settings;
  if (step !== undefined && session !== undefined && step > session)
    faults.push("STAGEDOOR_EXPIRY_STEP: it is longer than a session (STAGEDOOR_SESSION_TTL)");
  return faults;
}

function isBackendIssuer(issuer: string): boolean {
  return issuer === backendIssuer || issuer.startsWith(backendIssuerPrefix);
}

/** A misspelt issuer would give a backend's viewers limits and revocations of their own. */
function backendFaults(settings: SoundSettings): string[] {
  const { STAGEDOOR_BACKENDS: backends, STAGEDOOR_ISSUERS: issuers, STAGEDOOR_API_URL: apiUrl } = settings;
  const known = new Set([...(issuers ?? []).map(({ issuer }) => issuer), ...(apiUrl === undefined ? [] : [apiUrl])]);
  return Object.entries(backends ?? {})
    .filter(([, { issuer }]) => !known.has(issuer) && !isViewersOfBackend(issuer))
    .map(
      ([name]) =>
        `STAGEDOOR_BACKENDS: the issuer of "${name}" is none of STAGEDOOR_ISSUERS, not the API's address (the identity worker's issuer), and not backend:<name>; name one of these`,
    );
}

function isViewersOfBackend(issuer: string): boolean {
  return issuer.startsWith(backendIssuerPrefix) && backendName.test(issuer.slice(backendIssuerPrefix.length));
}

/** Development keys, issuers and addresses in another environment. */
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
      "STAGEDOOR_ISSUERS: an issuer's jwks contains a development key; set STAGEDOOR_ENV=development to accept it",
    );
  if (settings.STAGEDOOR_MEDIA_URL?.startsWith("http:"))
    faults.push("STAGEDOOR_MEDIA_URL: use https; http is only accepted with STAGEDOOR_ENV=development");
  if (settings.STAGEDOOR_API_URL?.startsWith("http:"))
    faults.push("STAGEDOOR_API_URL: use https; http is only accepted with STAGEDOOR_ENV=development");
  if (settings.STAGEDOOR_ENTITLEMENT_URL?.startsWith("http:"))
    faults.push("STAGEDOOR_ENTITLEMENT_URL: use https; http is only accepted with STAGEDOOR_ENV=development");
  return faults;
}

/** Webhooks without a secret, half an access key, or stores without a key that their function could verify with. */
function storeFaults(settings: SoundSettings, ring: KeyRing | undefined): string[] {
  const { STAGEDOOR_AWS_KEY_ID: id, STAGEDOOR_AWS_SECRET_KEY: secret, STAGEDOOR_CLOUDFRONT_STORES: stores } = settings;
  const { STAGEDOOR_WEBHOOKS: webhooks = [], STAGEDOOR_WEBHOOK_SECRET: signing } = settings;
  return [
    ...(webhooks.length === 0 || signing !== undefined
      ? []
      : ["STAGEDOOR_WEBHOOK_SECRET: set the secret that signs the webhooks; `npx stagedoor secrets new` makes one"]),
    ...((id === undefined) === (secret === undefined)
      ? []
      : [
          `${id === undefined ? "STAGEDOOR_AWS_KEY_ID" : "STAGEDOOR_AWS_SECRET_KEY"}: the other half of the access key is set; set this, or remove both`,
        ]),
    ...(stores === undefined ||
    stores.length === 0 ||
    ring === undefined ||
    keysFor(ring, "cloudfront-session").length > 0
      ? []
      : [
          "STAGEDOOR_CLOUDFRONT_STORES: no key has the purpose cloudfront-session; make one with `npx stagedoor keys new --purpose cloudfront-session`",
        ]),
  ];
}

function awsCredentialsOf({ STAGEDOOR_AWS_KEY_ID: id, STAGEDOOR_AWS_SECRET_KEY: secret }: Settings) {
  return id === undefined || secret === undefined ? undefined : { accessKeyId: id, secretAccessKey: secret };
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
    backendIssuers: new Map(Object.entries(settings.STAGEDOOR_BACKENDS).map(([name, { issuer }]) => [name, issuer])),
    sharedNetworks: settings.STAGEDOOR_SHARED_NETWORKS || undefined,
    leaseTtl: seconds(settings.STAGEDOOR_LEASE_TTL),
    revocationMaxAge: seconds(settings.STAGEDOOR_REVOCATION_MAX_AGE),
    storeFailure: settings.STAGEDOOR_STORE_FAILURE,
    enforcement: settings.STAGEDOOR_ENFORCEMENT,
    webhooks: { endpoints: settings.STAGEDOOR_WEBHOOKS, secrets: settings.STAGEDOOR_WEBHOOK_SECRET ?? [] },
    apiUrl: settings.STAGEDOOR_API_URL,
    origins: settings.STAGEDOOR_ORIGINS,
    startRate: anHour("start-subject", settings.STAGEDOOR_START_RATE),
    startRateAddress: anHour("start-address", settings.STAGEDOOR_START_RATE_ADDRESS),
    filesRate: anHour("files-subject", settings.STAGEDOOR_FILES_RATE),
    refusedRateAddress: anHour("refused-address", settings.STAGEDOOR_REFUSED_RATE_ADDRESS),
    signInRate: anHour("sign-in-account", settings.STAGEDOOR_SIGN_IN_RATE),
    signInRateAddress: anHour("sign-in-address", settings.STAGEDOOR_SIGN_IN_RATE_ADDRESS),
    tokenRateAddress: anHour("token-address", settings.STAGEDOOR_TOKEN_RATE_ADDRESS),
    originSecrets: settings.STAGEDOOR_ORIGIN_SECRETS,
    edgeSecrets: settings.STAGEDOOR_EDGE_SECRETS,
    cloudFrontStores: settings.STAGEDOOR_CLOUDFRONT_STORES,
    cloudFrontRenewal: settings.STAGEDOOR_CLOUDFRONT_RENEWAL,
    awsCredentials: awsCredentialsOf(settings),
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
 * Faults of the viewers' issuers at the API: there must be at least one (the identity worker, if bound,
 * STAGEDOOR_ISSUERS, or a backend, whose key is in the ring), and each only once. Only the wiring knows whether the identity worker is bound.
 */
export function trustFaults(
  { issuers, apiUrl, ring }: Pick<Configuration, "issuers" | "apiUrl" | "ring">,
  hasIdentity: boolean,
): readonly string[] {
  if (!hasIdentity)
    return issuers.length > 0 || keysFor(ring, "backend").length > 0
      ? []
      : [
          "STAGEDOOR_ISSUERS: name the issuers of bearer tokens, bind the identity worker, or put a backend's key into the ring",
        ];
  if (apiUrl === undefined)
    return ["STAGEDOOR_API_URL: the identity worker is bound, and its issuer is the API's address; set it"];
  return issuers.some(({ issuer }) => issuer === apiUrl)
    ? ["STAGEDOOR_ISSUERS: the API's own address is the identity worker's issuer; remove it from the list"]
    : [];
}

/**
 * The part of a key ring that a worker needs. All: session keys, also those of CloudFront's function. Manifest: CloudFront's private keys. Edge and API:
 * CloudFront's public keys. API: the public keys of operators and backends. No worker gets retired keys, or keys that
 * sign bearer tokens or the credentials of operators or backends.
 */
export function ringFor(worker: WorkerName, ring: KeyRing): KeyRing {
  const kept = { keys: ring.keys.filter(({ state }) => state !== "retired") };
  const session = [...keysFor(kept, "session"), ...keysFor(kept, "cloudfront-session")];
  const pairs = keysFor(kept, "cloudfront");
  if (worker === "manifest") return { keys: [...session, ...pairs.map(withoutBinding)] };
  const halves = pairs.map((pair) => withoutPrivateHalf(pair));
  if (worker === "edge") return { keys: [...session, ...halves] };
  const credentialKeys = [...keysFor(kept, "operator"), ...keysFor(kept, "backend")];
  return { keys: [...session, ...halves, ...credentialKeys.map((pair) => withoutPrivateHalf(pair))] };
}
