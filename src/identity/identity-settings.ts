import * as z from "zod";
import { isSafeAddress } from "../base/origins.ts";
import type { Seconds } from "../base/time.ts";
import { assetIdSchema } from "../catalog/asset.ts";

/** The identity worker's configuration. */
export interface IdentitySettings {
  /**
   * The API's own address, which forwards to this worker: `iss` and `aud` of its tokens, and the base of its routes.
   */
  readonly apiUrl: string;
  /** Other sites that can use the session cookie, as patterns. */
  readonly origins: readonly string[];
  /** Signs session cookies and encrypts the private keys of the JWKS. */
  readonly secret: string;
  /** How long a sign-in session lasts without use. */
  readonly idle: Seconds;
  /** Lifetime of a JWT. */
  readonly accessTtl: Seconds;
  /** How long a refresh token lasts without use. */
  readonly refreshTtl: Seconds;
  /** How long the same refresh can be repeated. */
  readonly refreshGrace: Seconds;
  /** Whether a session token in the Authorization header needs the signature that `set-auth-token` has. */
  readonly bearerSignature: "required" | "optional";
  readonly clients: readonly OAuthClient[];
  /** The `assets` of a new user's row. */
  readonly assets: string;
  /** Whether anyone can create an account. */
  readonly signUp: "closed" | "open";
}

/**
 * A first-party OAuth client (RFC 6749 §2.1, public): an app of the operator's own. It has no secret: PKCE (RFC 7636)
 * proves that it is the app that requested the code.
 */
export const oauthClientSchema = z.strictObject({
  clientId: z
    .string()
    .regex(/^[A-Za-z0-9._-]{1,64}$/, "a client id is 1 to 64 characters of A-Z a-z 0-9 . _ -")
    .describe("Its `client_id`."),
  name: z.string().min(1).max(100).optional().describe("A display name."),
  redirectUris: z
    .array(z.string().refine(isRedirectUri, "a redirect URI uses https, http on this machine, or the app's own scheme"))
    .min(1)
    .max(20)
    .describe(
      "Addresses that codes can be sent to. Compared character by character, except the port of an address on this machine.",
    ),
});

type OAuthClient = z.infer<typeof oauthClientSchema>;

/** RFC 8252 §7: claimed https addresses, loopback, and private-use schemes, which are reversed domain names. */
function isRedirectUri(text: string): boolean {
  if (!URL.canParse(text) || text.includes("#")) return false;
  const { protocol, username, password } = new URL(text);
  if (username !== "" || password !== "") return false;
  return isSafeAddress(text) || /^[a-z][a-z0-9-]*(\.[a-z0-9-]+)+:$/.test(protocol);
}

/** A user's rights, from their row. Only operators write it. */
export interface UserRights {
  /** Asset ids, or "*" for all. */
  readonly assets: readonly string[] | "*";
  readonly streams: number | undefined;
}

/** Whether a text is a valid `assets` of a user's row: `*`, or asset ids separated by spaces or commas. */
export function isAssetList(text: string): boolean {
  return text.trim() === "*" || words(text).every((id) => assetIdSchema.safeParse(id).success);
}

/**
 * The rights in a user's row. Values that are not asset ids are ignored. Without a positive number of streams, the
 * asset and the settings set the limit.
 */
export function rightsOf(user: Readonly<Record<string, unknown>>): UserRights {
  const { assets, streams } = user;
  const text = typeof assets === "string" ? assets : "";
  return {
    assets: text.trim() === "*" ? "*" : words(text).filter((id) => assetIdSchema.safeParse(id).success),
    streams: typeof streams === "number" && Number.isSafeInteger(streams) && streams >= 1 ? streams : undefined,
  };
}

/** The user's claims in an access token: no e-mail address, name or picture. */
export function claimsOf(user: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const { assets, streams } = rightsOf(user);
  return { assets, ...(streams !== undefined && { streams }) };
}

function words(text: string): string[] {
  return text.split(/[\s,]+/).filter((word) => word !== "");
}
