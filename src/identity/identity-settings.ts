import * as z from "zod";
import { isSafeAddress } from "../base/origins.ts";
import type { Seconds } from "../base/time.ts";
import { assetIdSchema } from "../catalog/asset.ts";

/** What the identity worker is configured with. */
export interface IdentitySettings {
  /** The API's own address, behind which the worker stands: `iss` and `aud` of its tokens, and where its routes lie. */
  readonly apiUrl: string;
  /** Other sites that may use the session cookie, as patterns. */
  readonly origins: readonly string[];
  /** Signs session cookies and encrypts the private keys of the JWKS. */
  readonly secret: string;
  /** How long a session lasts without use. */
  readonly idle: Seconds;
  /** How long a JWT lasts. */
  readonly accessTtl: Seconds;
  /** How long a refresh token lasts without use. */
  readonly refreshTtl: Seconds;
  /** How long the answer to a refresh may be asked for again. */
  readonly refreshGrace: Seconds;
  /** Whether a session token as bearer needs the signature that `set-auth-token` has. */
  readonly bearerSignature: "required" | "optional";
  readonly clients: readonly OAuthClient[];
  /** What a new user may open, as `assets` of their row holds it. */
  readonly assets: string;
  /** Whether anybody may make an account. */
  readonly signUp: "closed" | "open";
}

/**
 * A first-party OAuth client (RFC 6749 §2.1, public): an app of the operator's own, which holds no secret and proves by
 * PKCE (RFC 7636) that it is the one that asked for the code.
 */
export const oauthClientSchema = z.strictObject({
  clientId: z
    .string()
    .regex(/^[A-Za-z0-9._-]{1,64}$/, "a client id is 1 to 64 characters of A-Z a-z 0-9 . _ -")
    .describe("Its `client_id`."),
  name: z.string().min(1).max(100).optional().describe("A name for people."),
  redirectUris: z
    .array(
      z.string().refine(isRedirectUri, "a redirect URI is https, http on this machine, or of the app's own scheme"),
    )
    .min(1)
    .max(20)
    .describe(
      "Where codes may be sent, compared character by character, but for the port of an address on this machine.",
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

/** What a user's row says about what he may play. Operators write it, nobody else. */
export interface UserRights {
  /** Asset ids, or "*" for all. */
  readonly assets: readonly string[] | "*";
  readonly streams: number | undefined;
}

/** Whether text is what `assets` of a user's row may hold: `*`, or asset ids with spaces or commas between them. */
export function isAssetList(text: string): boolean {
  return text.trim() === "*" || words(text).every((id) => assetIdSchema.safeParse(id).success);
}

/**
 * The rights in a user's row: what is no asset id opens nothing, and no list opens nothing. A number of streams below one,
 * or none, leaves the limit to the asset and the settings.
 */
export function rightsOf(user: Readonly<Record<string, unknown>>): UserRights {
  const { assets, streams } = user;
  const text = typeof assets === "string" ? assets : "";
  return {
    assets: text.trim() === "*" ? "*" : words(text).filter((id) => assetIdSchema.safeParse(id).success),
    streams: typeof streams === "number" && Number.isSafeInteger(streams) && streams >= 1 ? streams : undefined,
  };
}

/** The claims of an access token that come from its user: no e-mail address, no name, no picture. */
export function claimsOf(user: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const { assets, streams } = rightsOf(user);
  return { assets, ...(streams !== undefined && { streams }) };
}

function words(text: string): string[] {
  return text.split(/[\s,]+/).filter((word) => word !== "");
}
