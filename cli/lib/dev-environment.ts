import type { OriginSecrets } from "../../src/catalog/origin-secrets.ts";
import { devIssuer, ringFor, type WorkerName } from "../../src/config/configuration.ts";
import { publicHalf } from "../../src/keys/key-material.ts";
import { type KeyRing, keysFor } from "../../src/keys/ring.ts";

/** The URL of the live origin in fixtures/catalog.json. */
export const catalogLiveUrl = "http://127.0.0.1:8789";

/** The URL of the CloudFront distribution in fixtures/catalog.json, which `npm start` emulates. */
export const catalogDistributionUrl = "http://127.0.0.1:8791";

/** The header that the live origin requires and the variable with its value, as in fixtures/catalog.json. */
export const secretHeader = "x-live-origin-secret";
export const secretVariable = "LIVE_ORIGIN_SECRET";

/** Allows the live origin's secret to be sent only to this host and port. */
export function liveOriginSecrets(host: string): OriginSecrets {
  return { [secretVariable]: { use: "header", header: secretHeader, hosts: [host] } };
}

/** The audience of the development issuer's tokens. */
export const devAudience = "stagedoor-api";

/** The development issuer as a member of STAGEDOOR_ISSUERS. */
export function devIssuerSettings(ring: KeyRing) {
  return {
    issuer: devIssuer,
    audience: devAudience,
    algorithms: ["ES256"],
    jwks: { keys: keysFor(ring, "token").map(publicHalf) },
  };
}

/** The environment of a worker in development, with its part of the ring. */
export function devEnvironment(
  worker: WorkerName,
  ring: KeyRing,
  mediaUrl: string,
  overrides: Readonly<Record<string, string>>,
) {
  return {
    STAGEDOOR_ENV: "development",
    STAGEDOOR_MEDIA_URL: mediaUrl,
    STAGEDOOR_KEYS: JSON.stringify(ringFor(worker, ring)),
    STAGEDOOR_ORIGIN_SECRETS: JSON.stringify(liveOriginSecrets(new URL(catalogLiveUrl).host)),
    ...(worker === "api" ? { STAGEDOOR_ISSUERS: JSON.stringify([devIssuerSettings(ring)]) } : {}),
    ...overrides,
  };
}

/** The development app, which signs in through a local port or its own scheme. */
export const devClient = {
  clientId: "dev-app",
  name: "Development app",
  redirectUris: ["http://127.0.0.1:8790/callback", "app.stagedoor.dev:/callback"],
};

/** In development anyone can create an account and play every asset with it. In a deployment both are off by default. */
export const devSignUp = { STAGEDOOR_IDENTITY_SIGN_UP: "open", STAGEDOOR_IDENTITY_ASSETS: "*" };

/** The environment of the identity worker in development. The API at `apiUrl` is in front of it. */
export function devIdentityEnvironment(apiUrl: string, secret: string, overrides: Readonly<Record<string, string>>) {
  return {
    STAGEDOOR_ENV: "development",
    STAGEDOOR_API_URL: apiUrl,
    STAGEDOOR_IDENTITY_SECRET: secret,
    STAGEDOOR_IDENTITY_CLIENTS: JSON.stringify([devClient]),
    ...devSignUp,
    ...overrides,
  };
}

/** The addresses of the service on this machine. */
export function addressesAt({ port, mediaPort }: { readonly port: number; readonly mediaPort: number }) {
  return { apiUrl: `http://localhost:${port}`, mediaUrl: `http://localhost:${mediaPort}` };
}
