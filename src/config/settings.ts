import * as z from "zod";
import { issuerSchema } from "../auth/issuer.ts";
import { defaultLeaseTtl, identityPath, maxSessionTtl } from "../base/constants.ts";
import { hasNoUserInfo, isOriginPattern, isSafeAddress } from "../base/origins.ts";
import { type Seconds, seconds } from "../base/time.ts";
import { readEnforcement } from "../catalog/enforcement.ts";
import { originSecretsSchema } from "../catalog/origin-secrets.ts";
import { type Webhooks, webhookSecretsSchema, webhooksSchema } from "../webhooks/webhook-settings.ts";

/** A whole number in an environment variable. */
function wholeBetween(least: number, most: number, message = "write a whole number in digits") {
  return z
    .string()
    .regex(/^\d{1,9}$/, message)
    .transform(Number)
    .pipe(z.number().min(least).max(most));
}

/** A duration in whole seconds. */
export function secondsBetween(least: number, most: number) {
  return wholeBetween(least, most, "write whole seconds in digits");
}

/** A variable whose value is JSON. */
export function json(what: string) {
  return z.string().transform((text, context): unknown => {
    try {
      return JSON.parse(text);
    } catch {
      context.addIssue({ code: "custom", message: `not JSON: ${what}` });
      return z.NEVER;
    }
  });
}

/** The default `iss` of grants. */
export const defaultGrantIssuer = "stagedoor";

const address = z
  .string()
  .refine(
    (text) => /^https?:\/\/[a-z0-9.-]+(:\d{1,5})?$/.test(text),
    "write scheme, host and port in lower case, without a path or a slash at the end",
  );

/** The ARN of a KeyValueStore. */
export const storeArnSchema = z
  .string()
  .regex(
    /^arn:aws:cloudfront::\d{12}:key-value-store\/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/,
    "Use the store's ARN, such as arn:aws:cloudfront::123456789012:key-value-store/01234567-89ab-cdef-0123-456789abcdef.",
  );

const originPatternHint =
  "write origins as https://www.example.com, https://*.example.com or capacitor://localhost, in lower case";

/** Paths at the root of the API's host, whatever the base path: routes below them would never be reached. */
const rootPaths = ["/console", "/metrics", "/health", "/ready", "/openapi.json", identityPath] as const;

/** Every setting of the three workers, by the name of its environment variable. */
export const settingsSchema = z.object({
  STAGEDOOR_ENV: z
    .enum(["development", "staging", "production"])
    .default("production")
    .describe("Only `development` accepts development keys, the development issuer and the demo page."),
  STAGEDOOR_KEYS: json('the key ring is a JWK Set, {"keys": [...]}').describe(
    "The key ring (a secret). Make keys with `npx stagedoor keys new`.",
  ),
  STAGEDOOR_MEDIA_URL: address.describe("The public address of the media host."),
  STAGEDOOR_ISSUERS: json("the issuers are a list")
    .pipe(z.array(issuerSchema).min(1, "name at least one issuer"))
    .optional()
    .describe("The trusted issuers of bearer tokens (API only)."),
  STAGEDOOR_BACKENDS: json('the backends are an object, {"web": {"issuer": "https://id.example.com"}}')
    .pipe(z.record(z.string(), z.strictObject({ issuer: z.string().min(1).max(512) })))
    .default({})
    .describe(
      'The issuer of a backend\'s viewers, by the backend\'s name (API only): `{"web": {"issuer": "https://id.example.com"}}`. A viewer then has the same limits, sessions and revocations with the backend as with a token of that issuer. Without an entry the issuer is `backend:<name>`.',
    ),
  STAGEDOOR_GRANT_ISSUER: z.string().min(1).max(64).default(defaultGrantIssuer).describe("`iss` of the grants."),
  STAGEDOOR_BASE_PATH: z
    .string()
    .regex(/^(\/|(\/[A-Za-z0-9._-]+)+)$/, "begin with a slash and end without one")
    .refine((path) => !rootPaths.some((own) => path === own || path.startsWith(`${own}/`)), {
      message: `choose another: the API's host answers ${rootPaths.join(", ")} itself`,
    })
    .default("/")
    .describe(
      "The path in front of /stream/start, such as /api/v1. Reserved: the paths at the root of the API's host.",
    ),
  STAGEDOOR_MANIFEST_TTL: secondsBetween(60, 600).default(300).describe("Lifetime of a manifest URL."),
  STAGEDOOR_SESSION_TTL: secondsBetween(5, maxSessionTtl)
    .default(21_600)
    .describe("Length of a session, unless the asset sets one."),
  STAGEDOOR_PAUSE_ALLOWANCE: secondsBetween(0, 86_400)
    .default(300)
    .describe("How long a viewer can pause before a URL must be renewed."),
  STAGEDOOR_EXPIRY_STEP: secondsBetween(1, 3600)
    .default(30)
    .describe("Expiry times are rounded up to multiples of this; all viewers within a step share one playlist."),
  STAGEDOOR_STREAM_LIMIT: wholeBetween(0, 1000)
    .default(0)
    .describe(
      "Maximum number of concurrent streams per viewer, unless the token or the asset sets one; 0 for no limit.",
    ),
  STAGEDOOR_SHARED_NETWORKS: wholeBetween(0, 16)
    .default(3)
    .describe(
      "Maximum number of networks that a session can play in at once. Requests from further networks are refused; if more networks load playlists, the session ends. 0 for no limit.",
    ),
  STAGEDOOR_LEASE_TTL: secondsBetween(6, 3600)
    .default(defaultLeaseTtl)
    .describe("How long a session without requests counts as running."),
  STAGEDOOR_REVOCATION_MAX_AGE: secondsBetween(1, 3600)
    .default(2)
    .describe("Maximum age of the snapshot of revocations; a request waits for a newer one."),
  STAGEDOOR_STORE_FAILURE: z
    .enum(["closed", "open"])
    .default("closed")
    .describe(
      "While the stores of revocations and leases do not respond: `closed` answers 503; `open` serves the stream, even for sessions that were ended (docs/operate/monitoring.md).",
    ),
  STAGEDOOR_ENFORCEMENT: z
    .string()
    .transform((text) => readEnforcement(text))
    .optional()
    .describe(
      "The default for assets without `enforcement`: `enforce`, or `observe until 2026-12-08T00:00:00Z`, which serves requests without a valid grant and signature and counts them (docs/operate/rollout.md). Anything else enforces.",
    ),
  STAGEDOOR_API_URL: address
    .optional()
    .describe("The public address of the API. Required for the identity worker, cookies and DPoP."),
  STAGEDOOR_ORIGINS: z
    .string()
    .transform((text) => text.split(/[\s,]+/).filter((word) => word !== ""))
    .pipe(z.array(z.string().refine(isOriginPattern, originPatternHint)).max(100))
    .default([])
    .describe(
      "Other sites that can use the session cookie, and apps that can sign in: https://www.example.com, https://*.example.com, capacitor://localhost.",
    ),
  STAGEDOOR_START_RATE: wholeBetween(0, 1_000_000)
    .default(1000)
    .describe("Starts per hour and subject; 0 for no limit."),
  STAGEDOOR_START_RATE_ADDRESS: wholeBetween(0, 1_000_000)
    .default(10_000)
    .describe(
      "Starts per hour and client address (/64 of IPv6) whose credential a provider or the identity worker has to verify, and ten times as many per network (/24, /48); 0 for no limit.",
    ),
  STAGEDOOR_FILES_RATE: wholeBetween(0, 1_000_000)
    .default(10_000)
    .describe("Requests to POST /files per hour and subject; 0 for no limit."),
  STAGEDOOR_REFUSED_RATE_ADDRESS: wholeBetween(0, 1_000_000)
    .default(1000)
    .describe(
      "Credentials per hour and client address (/64 of IPv6) that a provider or the identity worker refuses, at the routes of running sessions, and ten times as many per network; counted separately, refused credentials per network at the console's sign-in. 0 for no limit.",
    ),
  STAGEDOOR_SIGN_IN_RATE: wholeBetween(0, 1_000_000)
    .default(100)
    .describe("Password attempts per hour and account; 0 for no limit."),
  STAGEDOOR_SIGN_IN_RATE_ADDRESS: wholeBetween(0, 1_000_000)
    .default(1000)
    .describe("Password attempts and sign-ups per hour and network; 0 for no limit."),
  STAGEDOOR_TOKEN_RATE_ADDRESS: wholeBetween(0, 1_000_000)
    .default(20_000)
    .describe("Token requests per hour and network (by code, by refresh token, and revocations); 0 for no limit."),
  STAGEDOOR_WEBHOOKS: json('the webhooks are a list, [{"url": "https://app.example.com/hooks"}]')
    .pipe(webhooksSchema)
    .default([])
    .describe(
      'Where events of sessions, revocations and keys are sent (docs/operate/events.md): `[{"url": "https://app.example.com/hooks", "events": ["session.ended"]}]`; without `events` all of them.',
    ),
  STAGEDOOR_WEBHOOK_SECRET: webhookSecretsSchema
    .optional()
    .describe(
      "Signs webhooks, as `whsec_…`. Several, with spaces between them, all sign: for a rotation. Required with STAGEDOOR_WEBHOOKS.",
    ),
  STAGEDOOR_ENTITLEMENT_URL: z
    .url({ protocol: /^https?$/ })
    .refine(isSafeAddress, "use https, or http on localhost")
    .refine(
      hasNoUserInfo,
      "put no user name or password into the URL; STAGEDOOR_ENTITLEMENT_SECRET identifies the caller",
    )
    .optional()
    .describe(
      "Your own service that decides about each start and renewal. While it does not respond, starts are refused.",
    ),
  STAGEDOOR_ENTITLEMENT_SECRET: z
    .string()
    .regex(/^[\x21-\x7e]{16,512}$/, "16 to 512 printable characters without spaces")
    .optional()
    .describe("The bearer token sent to that service (a secret)."),
  STAGEDOOR_ENTITLEMENT_CACHE: secondsBetween(0, 60)
    .default(10)
    .describe("How long an answer of that service is cached per viewer, asset and network."),
  STAGEDOOR_ORIGIN_SECRETS: json('{"ORIGIN_SECRET": {"use": "header", "header": "X-Secret", "hosts": ["…"]}}')
    .pipe(originSecretsSchema)
    .default({})
    .describe(
      "The use of each origin secret: its hosts, and the header or the access key. A secret without an entry is never sent.",
    ),
  STAGEDOOR_EDGE_SECRETS: z
    .string()
    .transform((text) => text.split(",").map((secret) => secret.trim()))
    .pipe(
      z
        .array(z.string().regex(/^[\x21-\x7e]{32,512}$/, "32 to 512 printable characters without spaces and commas"))
        .max(4, "name at most four secrets: the new one, and those that a CDN still sends"),
    )
    .default([])
    .describe(
      "The values of the header Stagedoor-Edge-Secret by which a CDN in front of the media host is known, with commas between " +
        "them (a secret). Only with one of them the header Stagedoor-Viewer names the viewer's address and country.",
    ),
  STAGEDOOR_CLOUDFRONT_STORES: z
    .string()
    .transform((text) => text.split(/\s+/).filter((word) => word !== ""))
    .pipe(z.array(storeArnSchema).max(8))
    .default([])
    .describe(
      "The ARNs of the KeyValueStores that the API keeps in step with the keys and revocations, with spaces between them (API only).",
    ),
  STAGEDOOR_CLOUDFRONT_RENEWAL: z
    .enum(["function", "manifest"])
    .default("function")
    .describe(
      "Who renews expired URLs at CloudFront: the function itself, or the manifest host, so that a film counts under the stream " +
        "limit from then on, at the cost of a request to it for each segment (API only).",
    ),
  STAGEDOOR_AWS_KEY_ID: z
    .string()
    .regex(/^[A-Z0-9]{16,128}$/, "write the id of an access key, such as AKIAIOSFODNN7EXAMPLE")
    .optional()
    .describe(
      "The access key for these stores (a secret, API worker only). On Node they are written with AWS's own variables, profiles and roles.",
    ),
  STAGEDOOR_AWS_SECRET_KEY: z
    .string()
    .regex(/^[\x21-\x7e]{16,128}$/, "16 to 128 printable characters without spaces")
    .optional()
    .describe("The secret access key of STAGEDOOR_AWS_KEY_ID (a secret, API worker only)."),
  STAGEDOOR_RENEWAL: z
    .enum(["redirect", "off"])
    .default("redirect")
    .describe("What to do with an expired but authentic segment URL: redirect to a fresh one, or refuse it."),
});

export type Settings = z.infer<typeof settingsSchema>;

/**
 * The lease's length for a Durable Object, whose environment no worker has checked. Throws a RangeError for a value
 * that no worker would accept.
 */
/** The webhooks in the environment of an object. An invalid value sends nothing: the worker itself reports it. */
export function webhooksOf(env: {
  readonly STAGEDOOR_WEBHOOKS?: string | undefined;
  readonly STAGEDOOR_WEBHOOK_SECRET?: string | undefined;
}): Webhooks {
  const { STAGEDOOR_WEBHOOKS: endpoints, STAGEDOOR_WEBHOOK_SECRET: secrets } = settingsSchema.shape;
  return {
    endpoints: endpoints.safeParse(env.STAGEDOOR_WEBHOOKS).data ?? [],
    secrets: secrets.safeParse(env.STAGEDOOR_WEBHOOK_SECRET).data ?? [],
  };
}

export function leaseTtlOf({ STAGEDOOR_LEASE_TTL }: { readonly STAGEDOOR_LEASE_TTL?: string | undefined }): Seconds {
  const parsed = settingsSchema.shape.STAGEDOOR_LEASE_TTL.safeParse(STAGEDOOR_LEASE_TTL);
  if (parsed.success) return seconds(parsed.data);
  throw new RangeError(`STAGEDOOR_LEASE_TTL: ${parsed.error.issues[0]?.message}`);
}
