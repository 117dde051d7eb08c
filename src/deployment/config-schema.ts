import * as z from "zod";
import { parseNetwork } from "../base/ip-address.ts";
import { assetSchema } from "../catalog/asset.ts";
import { originName as name, secretName } from "../catalog/asset-origin.ts";
import { originSecretsSchema } from "../catalog/origin-secrets.ts";
import { identitySettingsSchema } from "../config/identity-configuration.ts";
import { parsePostgresUrl } from "../config/postgres-url.ts";
import { settingsSchema, storeArnSchema } from "../config/settings.ts";
import { placeholderStart } from "./placeholders.ts";

/** The file's name, in the root of a deployment's folder. */
export const configFile = "stagedoor.config.json";

/** The environments that can be deployed. */
export const environmentNames = ["staging", "production"] as const;
export type EnvironmentName = (typeof environmentNames)[number];

/** A label of a host (RFC 1123 §2.1): at most 63 characters, without a hyphen at either end. */
const label = "[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?";

/** A host in which `{domain}` is the environment's domain. */
const host = z
  .string()
  .regex(
    new RegExp(`^(\\{domain\\}|(${label}\\.)+(\\{domain\\}|${label}))$`),
    "Use a host in lower case, such as media.{domain} or media.example.tv, without a scheme or a path.",
  );

/** A host as `URL.host` has it. */
const privateHost = z
  .string()
  .refine(
    (text) => URL.canParse(`https://${text}`) && new URL(`https://${text}`).host === text && !/[*]|:80$/.test(text),
    "Use a host in lower case, such as 10.0.0.5:8443, [fd00::5]:8443 or minio.internal; leave the ports 443 and 80 out.",
  );

/** A PostgreSQL database of the operator's. */
const postgres = z
  .strictObject({
    url: z
      .string()
      .refine(
        (text) => parsePostgresUrl(text) !== undefined,
        "Use postgres://user@host:5432/database, without a password: its value is a line STAGEDOOR_POSTGRES_PASSWORD= of secrets-<environment>.env.",
      )
      .describe(
        "Its address with a user: postgres://stagedoor@db.internal:5432/stagedoor_{environment}. {environment} is production or staging; postgres://user@localhost/database?host=/run/postgresql is a socket.",
      ),
    tls: z
      .boolean()
      .optional()
      .describe("Whether connections use TLS and the server's certificate is checked (true, except to this machine)."),
    ca: z
      .string()
      .min(1)
      .optional()
      .describe("A file with the certificates of the server's own authority, absolute or relative to this file."),
  })
  .describe("A PostgreSQL database: of accounts, and of the durable log of host.redis. Development needs none.");

/** A domain, such as example.tv. */
export const domainSchema = z
  .string()
  .regex(
    /^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])?$/,
    "Use a domain in lower case, such as example.tv, without a scheme or a path.",
  );

const storeId = (form: RegExp, example: string) =>
  z
    .string()
    .refine(
      (id) => id.startsWith(placeholderStart) || form.test(id),
      `Use an id such as ${example}, or ${placeholderStart}… until there is one.`,
    );

const origin = z
  .discriminatedUnion("type", [
    z.strictObject({
      type: z.literal("r2").describe("A bucket of Cloudflare R2, bound to the workers."),
      bucket: z
        .string()
        .regex(/^[a-z0-9][a-z0-9-]{1,47}$/, "Use 2 to 48 characters of a-z 0-9 - that begin with a letter or a digit.")
        .describe(
          "The bucket's name in production; in staging it ends with -staging, unless environments.staging.origins names it.",
        ),
      local: z
        .string()
        .min(1)
        .optional()
        .describe("A folder, relative to this file, whose files `npx stagedoor dev` copies into the simulated bucket."),
    }),
    z.strictObject({
      type: z.literal("s3").describe("A bucket of Amazon S3 or a compatible store; requests are signed (SigV4)."),
      bucket: z
        .string()
        .regex(/^[a-z0-9][a-z0-9.-]{1,62}$/, "Use the bucket's name, 2 to 63 characters of a-z 0-9 . -."),
      region: z.string().regex(/^[a-z0-9-]{1,32}$/, "Use the region's name, such as eu-central-1."),
      endpoint: z
        .string()
        .optional()
        .describe(
          "The address of a store that is not Amazon's, such as https://s3.example.tv; the bucket is added as a path.",
        ),
      secret: secretName.describe("The member of `secrets` with the use sigv4: the secret access key."),
      timeout: z.number().min(1).max(60).optional().describe("Seconds to wait for the origin (10)."),
    }),
    z.strictObject({
      type: z.literal("http").describe("Any server that answers GET and HEAD over HTTPS."),
      url: z.string().describe("The base URL, with a slash at its end: HTTPS, or HTTP on localhost."),
      secret: secretName
        .optional()
        .describe("The member of `secrets` with the use header. Without it the origin is public."),
      timeout: z.number().min(1).max(60).optional().describe("Seconds to wait for the origin (10)."),
      missingIs: z.literal(403).optional().describe("403: the origin answers 403 for a missing file."),
    }),
    z.strictObject({
      type: z.literal("file").describe("A folder of the machine; only with host.type node."),
      folder: z
        .string()
        .min(1)
        .describe(
          "The folder, such as /srv/films: absolute, or relative to this file. No symbolic link leads out of it.",
        ),
    }),
  ])
  .describe("Where films are stored.");

const origins = z.record(name, origin);

const cdn = z
  .discriminatedUnion("type", [
    z.strictObject({
      type: z.literal("workers").describe("The edge worker: it checks every request."),
      host: host.describe("The public host of the media, such as media.{domain}."),
    }),
    z.strictObject({
      type: z
        .literal("node")
        .describe("`npx stagedoor serve` itself, or a proxy in front of it; only with host.type node."),
      host: host.describe("The public host of the media, such as media.{domain}; never that of the API."),
    }),
    z.strictObject({
      type: z
        .literal("cloudfront-function")
        .describe("A CloudFront distribution whose function checks the same URLs as the workers."),
      host: host.describe("The distribution's host, such as d1.cloudfront.net."),
      store: z
        .strictObject({ staging: storeArnSchema.optional(), production: storeArnSchema.optional() })
        .optional()
        .describe("The ARN of the function's KeyValueStore in each environment, for its keys and revocations."),
    }),
    z.strictObject({
      type: z.literal("cloudfront").describe("A CloudFront distribution with CloudFront's own signed URLs."),
      host: host.describe("The distribution's host, such as d1.cloudfront.net."),
      policy: z.enum(["canned", "custom"]).optional().describe("canned: a signature per segment (default)."),
      hash: z.enum(["SHA1", "SHA256"]).optional().describe("The signature's hash (SHA1)."),
      keyPairId: z.string().min(1).optional().describe("The key's id; by default the ring's active key."),
    }),
  ])
  .describe("What serves segments.");

/** How a secret may be used; its value is never in this file. */
const secrets = z
  .record(
    secretName,
    z.discriminatedUnion("use", [
      ...originSecretsSchema.valueType.options,
      z.strictObject({
        use: z.literal("issuer").describe("An issuer's client secret or HMAC key."),
      }),
    ]),
  )
  .describe(
    "The names of secrets and the only use of each. `npx stagedoor secrets new` makes a file for their values.",
  );

const cdnNames = z.union([name, z.array(name).min(1).max(8)]);

const asset = assetSchema
  .omit({ origin: true, entry: true, cdn: true, cdnUrl: true, cloudfront: true })
  .extend({
    origin: name.describe("The name of a member of `origins`."),
    path: z
      .string()
      .optional()
      .describe("The folder of its files in the origin, with a slash at its end; its id by default: film-42/."),
    entries: z
      .strictObject({
        hls: z.string().describe("The HLS playlist that players begin with, such as index.m3u8."),
        dash: z.string().optional().describe("Reserved: a DASH manifest."),
      })
      .describe("The file that players begin with, for each format."),
    cdn: cdnNames
      .optional()
      .describe("The name of a member of `cdns`; a list of them is reserved. The workers by default."),
  })
  .describe("A playable asset.");

/** The settings that are members of their own, and the member. */
export const decidedSettings = {
  STAGEDOOR_ENV: "the name of the environment",
  STAGEDOOR_MEDIA_URL: "cdns.<name>.host",
  STAGEDOOR_API_URL: "api.host",
  STAGEDOOR_ISSUERS: "identity.issuers",
  STAGEDOOR_ORIGIN_SECRETS: "secrets",
  STAGEDOOR_CLOUDFRONT_STORES: "cdns.<name>.store",
} as const satisfies Partial<Record<keyof typeof settingsSchema.shape, string>>;

/** The settings that are secrets of this service: never in the file. */
export const secretSettings = {
  STAGEDOOR_KEYS: "keys-<environment>.json, which `npx stagedoor keys new` makes",
  STAGEDOOR_IDENTITY_SECRET: "secrets-<environment>.env, which `npx stagedoor secrets new` makes",
  STAGEDOOR_ENTITLEMENT_SECRET: "secrets-<environment>.env, which `npx stagedoor secrets new` makes",
  STAGEDOOR_WEBHOOK_SECRET: "secrets-<environment>.env, which `npx stagedoor secrets new` makes",
  STAGEDOOR_EDGE_SECRETS: "secrets-<environment>.env, which `npx stagedoor secrets new` makes",
  STAGEDOOR_AWS_KEY_ID: "secrets-<environment>.env, which `npx stagedoor secrets new` makes",
  STAGEDOOR_AWS_SECRET_KEY: "secrets-<environment>.env, which `npx stagedoor secrets new` makes",
} as const;

/** The schemas of the settings that the file's `settings` may have, by the names of their variables. */
export const settableSchemas: Readonly<Record<string, z.ZodType>> = Object.fromEntries(
  Object.entries({ ...settingsSchema.shape, ...identitySettingsSchema.shape }).filter(
    ([setting]) => !(setting in decidedSettings) && !(setting in secretSettings),
  ),
);

const settingValue = z.union([z.string(), z.number(), z.array(z.unknown()), z.record(z.string(), z.unknown())]);
const settings = z
  .strictObject(Object.fromEntries(Object.keys(settableSchemas).map((setting) => [setting, settingValue.optional()])))
  .describe("Settings of docs/reference/configuration.md, by the names of their variables.");

const environment = z.strictObject({
  domain: domainSchema.describe("The domain of this environment: {domain} in hosts."),
  kv: storeId(/^[0-9a-f]{32}$/, "0123456789abcdef0123456789abcdef")
    .optional()
    .describe("The id of the KV namespace with the catalog; only with host.type workers, which needs it."),
  d1: storeId(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/, "01234567-89ab-cdef-0123-456789abcdef")
    .optional()
    .describe("The id of the identity worker's D1 database; only with identity.worker and host.type workers."),
  origins: origins
    .optional()
    .describe("Origins of this environment, in place of those with the same name. A bucket here has exactly its name."),
  settings: settings.optional().describe("Settings of this environment, in place of those with the same name."),
});

const redisUrl = z
  .string()
  .refine(
    isRedisUrl,
    "Use redis://<host>:<port> or, with TLS, rediss://<host>:<port>, without a user, a password or a query; a database is a path: /0.",
  );

const redis = z
  .strictObject({
    url: redisUrl.optional().describe("The address of one server: rediss://redis.internal:6380."),
    sentinels: z
      .array(redisUrl)
      .min(1)
      .optional()
      .describe("The addresses of Sentinels, in place of url; rediss:// applies to the servers too."),
    name: z.string().min(1).optional().describe("The name that the Sentinels have for the servers, such as mymaster."),
    cluster: z.array(redisUrl).min(1).optional().describe("Addresses of nodes of a Redis Cluster, in place of url."),
    user: z
      .string()
      .min(1)
      .optional()
      .describe("The ACL user. The password is the secret STAGEDOOR_REDIS_PASSWORD, never in this file."),
    durableLog: z
      .enum(["sqlite", "postgres", "none"])
      .default("sqlite")
      .describe(
        "Where revocations and ends are written before Redis. sqlite: the file of `serve --data` on the API's machines; " +
          "a Redis that lost its data gets them from there. postgres: host.postgres, the same for all machines. none: nowhere; a Redis that lost its data then ends all sessions.",
      ),
    admitOlderGrants: z
      .boolean()
      .default(false)
      .describe(
        'With "durableLog": "none": whether sessions from before a loss continue, although nobody knows which were revoked.',
      ),
  })
  .describe("The stores of several processes: Redis 6.2 or later, or Valkey. Without it they are one SQLite file.");

function isRedisUrl(text: string): boolean {
  if (!/^rediss?:\/\/[^/@]+(\/\d{0,2})?$/.test(text) || !URL.canParse(text)) return false;
  const { hostname, search, hash } = new URL(text);
  return hostname !== "" && search === "" && hash === "";
}

const placeHeader = z
  .string()
  .regex(/^[A-Za-z0-9-]{1,64}$/, "Use the name of a header, such as X-Client-Country.")
  .transform((text) => text.toLowerCase());

const placeHeaders = z
  .strictObject({
    country: placeHeader
      .optional()
      .describe("ISO 3166-1 alpha-2: DE. Also Cloudflare's CF-IPCountry, whose T1 is Tor."),
    region: placeHeader.optional().describe("ISO 3166-2, with its country or without: US-CA, CA. It needs `country`."),
    postal: placeHeader.optional().describe("The postal code: 90210."),
    asn: placeHeader.optional().describe("The number of the network: 64500 or AS64500."),
    anonymous: placeHeader
      .optional()
      .describe("1 or true for a network that hides where its users are; 0, false or no header for all others."),
  })
  .refine(({ country, region }) => region === undefined || country !== undefined, {
    message: "Name the header of the country too: a region is read with its country.",
    path: ["region"],
  })
  .describe(
    "The headers in which the proxies of `trustedProxies` say where a client is, for assets with `countries` and `places`. The " +
      "proxies must set or remove each of them in every request. Those of other clients are ignored.",
  );

export const configSchema = z
  .strictObject({
    $schema: z.string().optional().describe("The schema for editors."),
    version: z.literal(1).describe("The version of this format."),
    name: name.default("stagedoor").describe("What the names of workers and stores begin with."),
    host: z
      .discriminatedUnion("type", [
        z.strictObject({ type: z.literal("workers").describe("Cloudflare's Workers.") }),
        z.strictObject({
          type: z.literal("node").describe("Your own machine: `npx stagedoor serve`."),
          trustedProxies: z
            .array(
              z
                .string()
                .refine((text) => parseNetwork(text) !== undefined, "Use an address or a network, such as 10.0.0.0/8."),
            )
            .default(["127.0.0.0/8", "::1"])
            .describe(
              "The addresses or networks of the proxies whose X-Forwarded-For and X-Forwarded-Proto are believed (this machine).",
            ),
          placeHeaders: placeHeaders.optional(),
          privateOrigins: z
            .array(privateHost)
            .default([])
            .describe(
              "HTTP origins that may have a private, loopback or link-local address, as host[:port]: 10.0.0.5:8443, " +
                "minio.internal. All others are refused, so that an asset cannot read services of your network.",
            ),
          postgres: postgres.optional(),
          redis: redis.optional(),
        }),
      ])
      .default({ type: "workers" })
      .describe("What runs the service."),
    api: z.strictObject({ host: host.describe("The public host of the API, such as api.{domain}.") }),
    cdns: z.record(name, cdn).describe("The media hosts, by name."),
    origins: origins.describe("Where films are stored, by name."),
    secrets: secrets.default({}),
    identity: z
      .strictObject({
        worker: z
          .boolean()
          .default(false)
          .describe(
            "Whether viewers have accounts of this service: of the identity worker, or of `npx stagedoor serve` with host.type node.",
          ),
        issuers: z
          .array(z.record(z.string(), z.unknown()))
          .default([])
          .describe('Issuers of bearer tokens, as in STAGEDOOR_ISSUERS. A secret is a reference: {"secret": "NAME"}.'),
      })
      .describe("Who signs viewers' tokens."),
    environments: z
      .strictObject({ staging: environment.optional(), production: environment.optional() })
      .describe("The environments that can be deployed."),
    assets: z
      .array(asset)
      .default([])
      .describe("Assets that `npx stagedoor dev` plays, and that the first deployment writes to the catalog."),
    settings: settings.default({}),
  })
  .describe("A deployment of Stagedoor.");

/** A deployment as its file describes it. */
export type DeploymentConfig = z.output<typeof configSchema>;
export type ConfiguredOrigin = z.output<typeof origin>;

/** A deployment's file that was checked. */
export interface Deployment {
  readonly config: DeploymentConfig;
  /** The assets as they are written, for the catalog: parsed values are no longer in the file's form. */
  readonly assets: readonly Readonly<Record<string, unknown>>[];
  /** The line of a member, counted from 1. */
  readonly lineOf: (path: readonly PropertyKey[]) => number | undefined;
}
