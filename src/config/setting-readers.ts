import type { identitySettingsSchema } from "./identity-configuration.ts";
import type { settingsSchema } from "./settings.ts";

/** The four workers. */
export const workerKinds = ["api", "edge", "manifest", "identity"] as const;
export type WorkerKind = (typeof workerKinds)[number];

/** The workers that read a setting. */
export interface SettingReaders {
  readonly workers: readonly WorkerKind[];
  /** Whether its value is a secret, which belongs in `wrangler secret put` and never in a wrangler.toml. */
  readonly secret?: true;
}

const three = { workers: ["api", "edge", "manifest"] } as const satisfies SettingReaders;
const api = { workers: ["api"] } as const satisfies SettingReaders;
const edge = { workers: ["edge"] } as const satisfies SettingReaders;
const identity = { workers: ["identity"] } as const satisfies SettingReaders;

/** The workers that read each setting. A new setting does not compile until it is listed here. */
export const settingReaders: Readonly<Record<keyof typeof settingsSchema.shape, SettingReaders>> = {
  STAGEDOOR_ENV: { workers: [...three.workers, "identity"] },
  STAGEDOOR_KEYS: { ...three, secret: true },
  STAGEDOOR_MEDIA_URL: three,
  // An issuer's introspection has a client secret.
  STAGEDOOR_ISSUERS: { ...api, secret: true },
  STAGEDOOR_BACKENDS: api,
  STAGEDOOR_GRANT_ISSUER: three,
  STAGEDOOR_BASE_PATH: api,
  STAGEDOOR_MANIFEST_TTL: api,
  STAGEDOOR_SESSION_TTL: { workers: ["api", "manifest"] },
  STAGEDOOR_PAUSE_ALLOWANCE: { workers: ["edge", "manifest"] },
  // The API compares it with the length of a session.
  STAGEDOOR_EXPIRY_STEP: three,
  STAGEDOOR_STREAM_LIMIT: api,
  STAGEDOOR_SHARED_NETWORKS: edge,
  STAGEDOOR_LEASE_TTL: { workers: ["edge", "manifest"] },
  STAGEDOOR_REVOCATION_MAX_AGE: { workers: ["api", "edge"] },
  STAGEDOOR_ENFORCEMENT: three,
  STAGEDOOR_STORE_FAILURE: { workers: ["api", "edge"] },
  STAGEDOOR_API_URL: { workers: ["api", "identity"] },
  STAGEDOOR_ORIGINS: { workers: ["api", "identity"] },
  STAGEDOOR_START_RATE: api,
  STAGEDOOR_START_RATE_ADDRESS: api,
  STAGEDOOR_FILES_RATE: api,
  STAGEDOOR_REFUSED_RATE_ADDRESS: api,
  STAGEDOOR_SIGN_IN_RATE: api,
  STAGEDOOR_SIGN_IN_RATE_ADDRESS: api,
  STAGEDOOR_TOKEN_RATE_ADDRESS: api,
  STAGEDOOR_WEBHOOKS: { workers: ["manifest"] },
  STAGEDOOR_WEBHOOK_SECRET: { workers: ["manifest"], secret: true },
  STAGEDOOR_ENTITLEMENT_URL: api,
  STAGEDOOR_ENTITLEMENT_SECRET: { ...api, secret: true },
  STAGEDOOR_ENTITLEMENT_CACHE: api,
  STAGEDOOR_ORIGIN_SECRETS: three,
  STAGEDOOR_EDGE_SECRETS: { workers: ["edge", "manifest"], secret: true },
  STAGEDOOR_CLOUDFRONT_STORES: api,
  STAGEDOOR_CLOUDFRONT_RENEWAL: api,
  STAGEDOOR_AWS_KEY_ID: { ...api, secret: true },
  STAGEDOOR_AWS_SECRET_KEY: { ...api, secret: true },
  STAGEDOOR_RENEWAL: { workers: ["api", "edge"] },
};

export const identitySettingReaders: Readonly<Record<keyof typeof identitySettingsSchema.shape, SettingReaders>> = {
  STAGEDOOR_IDENTITY_SECRET: { ...identity, secret: true },
  STAGEDOOR_IDENTITY_IDLE: identity,
  STAGEDOOR_IDENTITY_ACCESS_TTL: identity,
  STAGEDOOR_IDENTITY_REFRESH_TTL: identity,
  STAGEDOOR_IDENTITY_REFRESH_GRACE: identity,
  STAGEDOOR_IDENTITY_BEARER_SIGNATURE: identity,
  STAGEDOOR_IDENTITY_CLIENTS: identity,
  STAGEDOOR_IDENTITY_ASSETS: identity,
  STAGEDOOR_IDENTITY_SIGN_UP: identity,
};
