import { oauthProvider } from "@better-auth/oauth-provider";
import type { BetterAuthOptions, BetterAuthPlugin } from "better-auth";
import { APIError, createAuthMiddleware } from "better-auth/api";
import { bearer, jwt } from "better-auth/plugins";
import { identityPath } from "../base/constants.ts";
import type { Clock } from "../base/time.ts";
import { playScope } from "../catalog/asset.ts";
import type { Telemetry } from "../metrics/telemetry.ts";
import type { RevocationLog } from "../sessions/revocation.ts";
import { claimsOf, type IdentitySettings } from "./identity-settings.ts";
import { libraryMargin, refreshFamilies, revokeToken, storedToken, type Turn } from "./refresh-tokens.ts";
import { cookiePrefix, sessionRules } from "./session-rules.ts";
import type { EndedLogin } from "./sign-out.ts";

/** What the identity worker works with. */
export interface IdentityParts {
  readonly settings: IdentitySettings;
  readonly database: BetterAuthOptions["database"];
  readonly revocations: Pick<RevocationLog, "append">;
  readonly telemetry: Telemetry;
  readonly clock: Clock;
  readonly log: IdentityLog;
  /** Told of an exception, which is a store that failed or a bug. */
  readonly onError: (error: unknown) => void;
  /** Told where a question about sessions was not answered, which most routes then take for a session that is not there. */
  readonly onStoreFailure?: (() => void) | undefined;
  /** Told of each session of sign-in that this request ended. */
  readonly onEnded?: ((ended: EndedLogin) => void) | undefined;
  /** The turn that this request waited for; undefined where it trades in no refresh token. */
  readonly turn?: Turn | undefined;
}

/** Of the access tokens; `offline_access` asks for a refresh token. */
export const oauthScopes = [playScope, "offline_access"];

/** How often the key pair of the JWTs changes, and how long an old one stays in the JWKS, in seconds. */
const keyLife = { rotationInterval: 90 * 86_400, gracePeriod: 7 * 86_400 };

/**
 * better-auth as this service runs it: e-mail and password, cookie and bearer sessions that end without use, JWTs for the
 * API, and refresh tokens for first-party apps. Made for each request, since workerd lets no request use the database of
 * another. `seeding` writes the one resource, which is worth its questions once an isolate.
 */
export function identityOptions(parts: IdentityParts, seeding = false): BetterAuthOptions {
  const { settings, database, telemetry, clock, log, onStoreFailure, onEnded } = parts;
  const { apiUrl, idle, accessTtl, refreshTtl, refreshGrace } = settings;
  return {
    baseURL: apiUrl,
    basePath: identityPath,
    secret: settings.secret,
    trustedOrigins: [apiUrl, ...settings.origins],
    ...(database !== undefined && { database }),
    emailAndPassword: { enabled: true, disableSignUp: settings.signUp !== "open" },
    user: {
      additionalFields: {
        // Not `input`: a viewer who could write them would let himself in.
        assets: { type: "string", required: true, input: false, defaultValue: settings.assets },
        streams: { type: "number", required: false, input: false },
      },
    },
    session: { expiresIn: idle, updateAge: updateAge(idle) },
    // The API counts, in one place and right under concurrency; a counter of each isolate would be none.
    rateLimit: { enabled: false },
    telemetry: { enabled: false },
    // Else the library prints what it did not expect, with its stack, past every log of ours.
    onAPIError: { throw: true },
    logger: { level: "warn", log: (level, message) => log(level, fixedWords(message)) },
    advanced: {
      // It would put `__Secure-` before the name, which `__Host-` is stricter than.
      useSecureCookies: false,
      cookiePrefix,
      defaultCookieAttributes: { secure: true, httpOnly: true, sameSite: "lax", path: "/" },
      disableCSRFCheck: false,
      disableOriginCheck: false,
      ipAddress: { ipAddressHeaders: ["cf-connecting-ip"] },
      database: { validateSchema: false },
    },
    plugins: [
      bearer({ requireSignature: settings.bearerSignature === "required" }),
      jwt({
        disableSettingJwtHeader: true,
        jwks: { keyPairConfig: { alg: "EdDSA", crv: "Ed25519" }, ...keyLife },
        jwt: {
          issuer: apiUrl,
          audience: apiUrl,
          expirationTime: `${accessTtl}s`,
          definePayload: ({ user, session }) => ({
            sid: session.id,
            jti: crypto.randomUUID(),
            scope: playScope,
            ...claimsOf(user),
          }),
        },
      }),
      asPlugin(
        oauthProvider({
          loginPage: `${apiUrl}/`,
          consentPage: `${apiUrl}/`,
          scopes: oauthScopes,
          grantTypes: ["authorization_code", "refresh_token"],
          ...(seeding && { resources: [apiUrl] }),
          enforcePerClientResources: false,
          accessTokenExpiresIn: accessTtl,
          refreshTokenExpiresIn: refreshTtl,
          refreshTokenReuseInterval: refreshGrace + libraryMargin,
          storeTokens: { hash: storedToken },
          customAccessTokenClaims: ({ user }) => claimsOf(user ?? {}),
          // Clients and resources come from the configuration alone.
          clientPrivileges: () => false,
          resourcePrivileges: () => false,
        }),
      ),
      boundedNames(),
      sessionRules({ issuer: apiUrl, log: parts.revocations, clock, telemetry, accessTtl, onStoreFailure, onEnded }),
      refreshFamilies({ resource: apiUrl, refreshTtl, refreshGrace, telemetry, turn: parts.turn }),
      revokeToken({ refreshGrace, turn: parts.turn }),
    ],
  };
}

/** Its declared type and the library's do not fit each other under exactOptionalPropertyTypes; the form of it does. */
function asPlugin(provider: object): BetterAuthPlugin {
  if (!isPlugin(provider)) throw new TypeError("not a plugin");
  return provider;
}

function isPlugin(value: object): value is BetterAuthPlugin {
  return "id" in value && typeof value.id === "string" && "endpoints" in value;
}

/** How old an extension of a session is at least before use writes the next: a thousandth of its life, an hour at most. */
function updateAge(idle: number): number {
  return Math.min(3600, Math.max(1, Math.floor(idle / 1000)));
}

/** Tells of what the library logs: at which level, and the words of its message that it always has. */
type IdentityLog = (level: string, message: string) => void;

/**
 * The fixed words of a message of the library. What it choked on stands behind a colon or in quotes, and may be an address
 * or a token; its further arguments (errors, rows) are never looked at.
 */
export function fixedWords(message: string): string {
  return message.replace(/[:"'`{[(\n][\s\S]*$/, "").slice(0, 120);
}

/** Maximum length of what a client names, in UTF-16 code units: each of these becomes a column of a row. */
const longest: Readonly<Record<string, number>> = {
  name: 256,
  /** RFC 5321 §4.5.3.1.3: 256 octets with the angle brackets. */
  email: 254,
  newEmail: 254,
};

/** The same for every other string of a body: an address of a picture, a token, a URL to go to. */
const longestOther = 2048;

/** A User-Agent goes into the row of each session, for the list of sessions. Nothing depends on its end. */
const longestUserAgent = 256;

/**
 * Bounds what clients name before it becomes a row or a question to the database: the library accepts a name of any length.
 * 400 `NAME_TOO_LONG`; a long User-Agent is cut.
 */
function boundedNames(): BetterAuthPlugin {
  const handler = createAuthMiddleware(async ({ body }) => {
    for (const [member, value] of Object.entries(Object(body)))
      if (!isBounded(value, longest[member] ?? longestOther))
        // Its name was sent by the client as well, so the message does not repeat it.
        throw new APIError("BAD_REQUEST", { code: "NAME_TOO_LONG", message: "A member of the body is too long." });
  });
  return {
    id: "stagedoor-names",
    init: () => ({ options: { databaseHooks: { session: { create: { before: withShortUserAgent } } } } }),
    hooks: { before: [{ matcher: () => true, handler }] },
  };
}

/** A list or an object is as long as its JSON: no route needs one. */
function isBounded(value: unknown, length: number): boolean {
  if (typeof value === "string") return value.length <= length;
  return typeof value !== "object" || value === null || JSON.stringify(value).length <= length;
}

async function withShortUserAgent({ userAgent }: { readonly userAgent?: string | null | undefined }) {
  return { data: { userAgent: userAgent?.slice(0, longestUserAgent) } };
}
