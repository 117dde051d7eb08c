import type { identitySettingsSchema } from "../../src/config/identity-configuration.ts";
import type { settingsSchema } from "../../src/config/settings.ts";

export interface Taken {
  /** The workers that do something else for it. */
  readonly by: readonly ("api" | "edge" | "manifest" | "identity")[];
  /** Whether its value is a secret: then it goes through `wrangler secret put`, and never into a wrangler.toml. */
  readonly secret?: true;
}

const three = { by: ["api", "edge", "manifest"] } as const satisfies Taken;
const api = { by: ["api"] } as const satisfies Taken;
const edge = { by: ["edge"] } as const satisfies Taken;
const identity = { by: ["identity"] } as const satisfies Taken;

/** Who takes each setting. One that is new does not compile until it stands here. */
export const settingTakers: Readonly<Record<keyof typeof settingsSchema.shape, Taken>> = {
  STAGEDOOR_ENV: { by: [...three.by, "identity"] },
  STAGEDOOR_KEYS: { ...three, secret: true },
  STAGEDOOR_MEDIA_URL: three,
  // An issuer's introspection has a client secret.
  STAGEDOOR_ISSUERS: { ...api, secret: true },
  STAGEDOOR_GRANT_ISSUER: three,
  STAGEDOOR_BASE_PATH: api,
  STAGEDOOR_MANIFEST_TTL: api,
  STAGEDOOR_SESSION_TTL: { by: ["api", "manifest"] },
  STAGEDOOR_PAUSE_ALLOWANCE: { by: ["edge", "manifest"] },
  STAGEDOOR_EXPIRY_STEP: { by: ["edge", "manifest"] },
  STAGEDOOR_STREAM_LIMIT: api,
  STAGEDOOR_SHARED_NETWORKS: edge,
  STAGEDOOR_LEASE_TTL: { by: ["edge", "manifest"] },
  STAGEDOOR_REVOCATION_MAX_AGE: { by: ["api", "edge"] },
  STAGEDOOR_STORE_FAILURE: { by: ["api", "edge"] },
  STAGEDOOR_API_URL: { by: ["api", "identity"] },
  STAGEDOOR_ORIGINS: { by: ["api", "identity"] },
  STAGEDOOR_START_RATE: api,
  STAGEDOOR_START_RATE_ADDRESS: api,
  STAGEDOOR_REFUSED_RATE_ADDRESS: api,
  STAGEDOOR_SIGN_IN_RATE: api,
  STAGEDOOR_SIGN_IN_RATE_ADDRESS: api,
  STAGEDOOR_TOKEN_RATE_ADDRESS: api,
  STAGEDOOR_ENTITLEMENT_URL: api,
  STAGEDOOR_ENTITLEMENT_SECRET: { ...api, secret: true },
  STAGEDOOR_ENTITLEMENT_CACHE: api,
  STAGEDOOR_ORIGIN_SECRETS: three,
  STAGEDOOR_RENEWAL: { by: ["api", "edge"] },
};

export const identitySettingTakers: Readonly<Record<keyof typeof identitySettingsSchema.shape, Taken>> = {
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
