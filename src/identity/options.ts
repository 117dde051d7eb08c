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
import type { EndedLogin } from "./service-messages.ts";
import { cookiePrefix, sessionRules } from "./session-rules.ts";

/** The dependencies of the identity worker. */
export interface IdentityParts {
  readonly settings: IdentitySettings;
  readonly database: BetterAuthOptions["database"];
  readonly revocations: Pick<RevocationLog, "append">;
  readonly telemetry: Telemetry;
  readonly clock: Clock;
  readonly log: IdentityLog;
  /** Reports an exception: a store failure or a bug. */
  readonly onError: (error: unknown) => void;
  /** Reports a failed query about sessions. Most routes of the library treat that as a missing session. */
  readonly onStoreFailure?: (() => void) | undefined;
  /** Reports each sign-in session that this request ended. */
  readonly onEnded?: ((ended: EndedLogin) => void) | undefined;
  /** The turn that this request waited for; undefined if it uses no refresh token. */
  readonly turn?: Turn | undefined;
}

/** The scopes of the access tokens; `offline_access` requests a refresh token. */
export const oauthScopes = [playScope, "offline_access"];

/** How often the key pair of the JWTs rotates, and how long an old key stays in the JWKS, in seconds. */
const keyLife = { rotationInterval: 90 * 86_400, gracePeriod: 7 * 86_400 };

/**
 * The options of better-auth in this service: e-mail and password, cookie and bearer sessions with an idle timeout,
 * JWTs for the API, and refresh tokens for first-party apps. Created per request, because in workerd a request cannot
 * use another request's database connection. `seeding` writes the one resource; its queries are needed once per
 * isolate.
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
        // Not `input`: otherwise a viewer could grant themselves assets.
        assets: { type: "string", required: true, input: false, defaultValue: settings.assets },
        streams: { type: "number", required: false, input: false },
      },
    },
    session: { expiresIn: idle, updateAge: updateAge(idle) },
    // The API counts requests in one place. A counter per isolate would not limit anything.
    rateLimit: { enabled: false },
    telemetry: { enabled: false },
    // Otherwise the library prints unexpected errors with their stack and bypasses this service's log.
    onAPIError: { throw: true },
    logger: { level: "warn", log: (level, message) => log(level, fixedWords(message)) },
    advanced: {
      // It would put `__Secure-` in front of the name, and `__Host-` is stricter.
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
          // Clients and resources come from the configuration only.
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

/**
 * The plugin's declared type does not match the library's under exactOptionalPropertyTypes, so its shape is checked.
 */
function asPlugin(provider: object): BetterAuthPlugin {
  if (!isPlugin(provider)) throw new TypeError("not a plugin");
  return provider;
}

function isPlugin(value: object): value is BetterAuthPlugin {
  return "id" in value && typeof value.id === "string" && "endpoints" in value;
}

/** The minimum time between two extensions of a session: a thousandth of its lifetime, at most an hour. */
function updateAge(idle: number): number {
  return Math.min(3600, Math.max(1, Math.floor(idle / 1000)));
}

/** Logs a message of the library: its level and its fixed words. */
type IdentityLog = (level: string, message: string) => void;

/**
 * The fixed words of a library message. The part after a colon or in quotes is removed, because it may contain an
 * address or a token. Further arguments (errors, rows) are never logged.
 */
export function fixedWords(message: string): string {
  return message.replace(/[:"'`{[(\n][\s\S]*$/, "").slice(0, 120);
}

/** Maximum length of the client's values, in UTF-16 code units: each of them is stored in a column. */
const longest: Readonly<Record<string, number>> = {
  name: 256,
  /** RFC 5321 §4.5.3.1.3: 256 octets with the angle brackets. */
  email: 254,
  newEmail: 254,
};

/** Maximum length of every other string in a body: a picture's URL, a token, a redirect URL. */
const longestOther = 2048;

/** Each session's row stores the User-Agent for the list of sessions. Cutting off its end does no harm. */
const longestUserAgent = 256;

/**
 * Limits the client's values before they are stored or used in a query: the library accepts values of any length.
 * Responds 400 `NAME_TOO_LONG`; a long User-Agent is cut.
 */
function boundedNames(): BetterAuthPlugin {
  const handler = createAuthMiddleware(async ({ body }) => {
    for (const [member, value] of Object.entries(Object(body)))
      if (!isBounded(value, longest[member] ?? longestOther))
        // The client sent the member's name too, so the message does not repeat it.
        throw new APIError("BAD_REQUEST", { code: "NAME_TOO_LONG", message: "A member of the body is too long." });
  });
  return {
    id: "stagedoor-names",
    init: () => ({ options: { databaseHooks: { session: { create: { before: withShortUserAgent } } } } }),
    hooks: { before: [{ matcher: () => true, handler }] },
  };
}

/** The length of a list or an object is that of its JSON. No route needs one. */
function isBounded(value: unknown, length: number): boolean {
  if (typeof value === "string") return value.length <= length;
  return typeof value !== "object" || value === null || JSON.stringify(value).length <= length;
}

async function withShortUserAgent({ userAgent }: { readonly userAgent?: string | null | undefined }) {
  return { data: { userAgent: userAgent?.slice(0, longestUserAgent) } };
}
