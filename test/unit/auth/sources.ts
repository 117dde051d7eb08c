import type { IdentitySession, IdentitySessions, IdentitySource } from "../../../src/auth/identity-credential.ts";
import { type CredentialAsked, sessionCookieName } from "../../../src/auth/read-credential.ts";
import type { CredentialSources } from "../../../src/auth/request-credential.ts";
import { systemTimer } from "../../../src/base/time.ts";
import { noTelemetry } from "../../../src/metrics/telemetry.ts";
import { memoryProofs } from "../../support/memory-stores.ts";
import { now } from "../signing/session.ts";

export const apiUrl = "https://api.example";

/** What credentials are validated with, where a test does not say otherwise: no issuers, and no identity worker. */
export function sourcesOf(changes: Partial<CredentialSources> = {}): CredentialSources {
  return {
    issuers: [],
    clock: () => now,
    timer: systemTimer,
    site: { apiUrl, origins: [] },
    identity: undefined,
    proofs: memoryProofs(() => now),
    telemetry: noTelemetry,
    ...changes,
  };
}

/** An identity worker that answers for sessions as told, and ends whatever it is asked to. */
export function identityThat(sessions: IdentitySessions): IdentitySource {
  return { issuer: apiUrl, sessions, end: async () => undefined };
}

/** A request with headers. */
export function askedWith(
  headers: Readonly<Record<string, string>> = {},
  more: Partial<Omit<CredentialAsked, "headers">> = {},
): CredentialAsked {
  return { method: "POST", url: `${apiUrl}/stream/start`, body: undefined, ...more, headers: new Headers(headers) };
}

/** A token as the identity worker gives it out, and the same in a cookie. */
export const identityToken = `${"aB3".repeat(10)}xY.${"A".repeat(43)}%3D`;
export const sessionCookie = `${sessionCookieName}=${identityToken}`;

/** A session of sign-in that is running, signed in to a minute ago. */
export const signedIn: IdentitySession = {
  sessionId: "login-1",
  userId: "user-1",
  createdAt: (now - 60) * 1000 + 999,
  expiresAt: (now + 600) * 1000 + 999,
  assets: ["film"],
  streams: 2,
};
