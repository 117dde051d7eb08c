import * as z from "zod";
import { isSafeAddress } from "../base/safe-address.ts";

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

export type OAuthClient = z.infer<typeof oauthClientSchema>;

/** RFC 8252 §7: claimed https addresses, loopback, and private-use schemes, which are reversed domain names. */
function isRedirectUri(text: string): boolean {
  if (!URL.canParse(text) || text.includes("#")) return false;
  const { protocol, username, password } = new URL(text);
  if (username !== "" || password !== "") return false;
  return isSafeAddress(text) || /^[a-z][a-z0-9-]*(\.[a-z0-9-]+)+:$/.test(protocol);
}
