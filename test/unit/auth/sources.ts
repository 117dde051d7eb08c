import type { IdentitySession, IdentitySessions, IdentitySource } from "../../../src/auth/identity-credential.ts";
import { type CredentialRequest, sessionCookieName } from "../../../src/auth/read-credential.ts";
import type { CredentialSources } from "../../../src/auth/request-credential.ts";
import { systemTimer } from "../../../src/base/time.ts";
import { noTelemetry } from "../../../src/metrics/telemetry.ts";
import { memoryProofs } from "../../support/memory-stores.ts";
import { now } from "../signing/session.ts";

export const apiUrl = "https://api.example";

/** The default sources of credentials in tests: no issuers and no identity worker. */
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

/** An identity worker with these sessions, which ends any session on request. */
export function identityWith(sessions: IdentitySessions): IdentitySource {
  return { issuer: apiUrl, sessions, end: async () => undefined, findUser: async () => undefined };
}

/** A request with headers. */
export function requestWith(
  headers: Readonly<Record<string, string>> = {},
  more: Partial<Omit<CredentialRequest, "headers">> = {},
): CredentialRequest {
  return { method: "POST", url: `${apiUrl}/stream/start`, body: undefined, ...more, headers: new Headers(headers) };
}

/** A token as the identity worker issues it, and the same in a cookie. */
export const identityToken = `${"aB3".repeat(10)}xY.${"A".repeat(43)}%3D`;
export const sessionCookie = `${sessionCookieName}=${identityToken}`;

/** A running sign-in session, started a minute ago. */
export const signedIn: IdentitySession = {
  sessionId: "login-1",
  userId: "user-1",
  createdAt: (now - 60) * 1000 + 999,
  expiresAt: (now + 600) * 1000 + 999,
  assets: ["film"],
  streams: 2,
};
