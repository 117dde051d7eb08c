import * as z from "zod";
import { issuerSchema } from "../auth/issuer.ts";
import { defaultLeaseTtl, identityPath, maxSessionTtl } from "../base/constants.ts";
import { isOriginPattern, isSafeAddress } from "../base/origins.ts";
import { originSecretsSchema } from "../catalog/origin-secrets.ts";

/** A whole number, as environment variables give it. */
function wholeBetween(least: number, most: number, message = "write a whole number in digits") {
  return z
    .string()
    .regex(/^\d{1,9}$/, message)
    .transform(Number)
    .pipe(z.number().min(least).max(most));
}

/** A length of time in whole seconds. */
export function secondsBetween(least: number, most: number) {
  return wholeBetween(least, most, "write whole seconds in digits");
}

/** A variable whose value is JSON. */
export function json(what: string) {
  return z.string().transform((text, context): unknown => {
    try {
      return JSON.parse(text);
    } catch {
      context.addIssue({ code: "custom", message: `not JSON: ${what}` });
      return z.NEVER;
    }
  });
}

/** `iss` of the grants where nothing else is said. */
export const defaultGrantIssuer = "stagedoor";

const address = z
  .string()
  .refine(
    (text) => /^https?:\/\/[a-z0-9.-]+(:\d{1,5})?$/.test(text),
    "write scheme, host and port in lower case, without a path or a slash at the end",
  );

/** fetch refuses an address with a user name or password in it. */
function namesNobody(text: string): boolean {
  if (!URL.canParse(text)) return true; // said already
  const { username, password } = new URL(text);
  return username === "" && password === "";
}

const originPatternHint =
  "write origins as https://www.example.com, https://*.example.com or capacitor://localhost, in lower case";

/** What stands at the root of the API's host, whatever the base path: routes below it would never be reached. */
const rootPaths = ["/console", "/metrics", "/health", "/ready", "/openapi.json", identityPath] as const;

/** Every setting of the three workers, by the name of its environment variable. */
export const settingsSchema = z.object({
  STAGEDOOR_ENV: z
    .enum(["development", "staging", "production"])
    .default("production")
    .describe("Only development takes dev keys, the dev issuer and the demo page."),
  STAGEDOOR_KEYS: json('the key ring is a JWK Set, {"keys": [...]}').describe(
    "The key ring, a secret: `npx stagedoor keys new` makes keys.",
  ),
  STAGEDOOR_MEDIA_URL: address.describe("Where players reach the media host."),
  STAGEDOOR_ISSUERS: json("the issuers are a list")
    .pipe(z.array(issuerSchema).min(1, "name at least one issuer"))
    .optional()
    .describe("The issuers of bearer tokens that the API trusts (API only)."),
  STAGEDOOR_GRANT_ISSUER: z.string().min(1).max(64).default(defaultGrantIssuer).describe("`iss` of the grants."),
  STAGEDOOR_BASE_PATH: z
    .string()
    .regex(/^(\/|(\/[A-Za-z0-9._-]+)+)$/, "begin with a slash and end without one")
    .refine((path) => !rootPaths.some((own) => path === own || path.startsWith(`${own}/`)), {
      message: `choose another: the API's host answers ${rootPaths.join(", ")} itself`,
    })
    .default("/")
    .describe(
      "What stands before /stream/start, such as /api/v1; none of the paths that the API's host has at its root.",
    ),
  STAGEDOOR_MANIFEST_TTL: secondsBetween(60, 600).default(300).describe("How long a manifest URL lives."),
  STAGEDOOR_SESSION_TTL: secondsBetween(5, maxSessionTtl)
    .default(21_600)
    .describe("How long a session lasts where the asset does not say."),
  STAGEDOOR_PAUSE_ALLOWANCE: secondsBetween(0, 86_400)
    .default(300)
    .describe("How long a viewer may pause before a URL has to be renewed."),
  STAGEDOOR_EXPIRY_STEP: secondsBetween(1, 3600)
    .default(30)
    .describe("Expiries are rounded up to multiples of it; all viewers of a step share one playlist."),
  STAGEDOOR_STREAM_LIMIT: wholeBetween(0, 1000)
    .default(0)
    .describe(
      "How many streams a viewer may run at once where neither his token nor the asset says; 0 for any number.",
    ),
  STAGEDOOR_SHARED_NETWORKS: wholeBetween(0, 16)
    .default(3)
    .describe(
      "In how many networks at once a session may play. A request from another is refused; where more load playlists, the session ends. 0 for any number.",
    ),
  STAGEDOOR_LEASE_TTL: secondsBetween(6, 3600)
    .default(defaultLeaseTtl)
    .describe("How long a silent session counts as running."),
  STAGEDOOR_REVOCATION_MAX_AGE: secondsBetween(1, 3600)
    .default(2)
    .describe("How old the edge's knowledge of revocations may be before a request waits for it."),
  STAGEDOOR_STORE_FAILURE: z
    .enum(["closed", "open"])
    .default("closed")
    .describe(
      "What a viewer gets while revocations and leases do not answer: 503, or the stream, even of sessions that were ended (docs/operate/monitoring.md).",
    ),
  STAGEDOOR_API_URL: address
    .optional()
    .describe("Where players reach the API: needed for the identity worker, cookies and DPoP."),
  STAGEDOOR_ORIGINS: z
    .string()
    .transform((text) => text.split(/[\s,]+/).filter((word) => word !== ""))
    .pipe(z.array(z.string().refine(isOriginPattern, originPatternHint)).max(100))
    .default([])
    .describe(
      "Other sites that may use the session cookie, and apps that may sign in: https://www.example.com, https://*.example.com, capacitor://localhost.",
    ),
  STAGEDOOR_START_RATE: wholeBetween(0, 1_000_000)
    .default(1000)
    .describe("How many starts an hour a subject may ask for; 0 for any number."),
  STAGEDOOR_START_RATE_ADDRESS: wholeBetween(0, 1_000_000)
    .default(10_000)
    .describe(
      "How many starts an hour a client's address (/64 of IPv6), and ten times as many its network (/24, /48), may ask for with a credential that a provider or the identity worker has to be asked about; 0 for any number.",
    ),
  STAGEDOOR_REFUSED_RATE_ADDRESS: wholeBetween(0, 1_000_000)
    .default(1000)
    .describe(
      "How many credentials an hour that a provider or the identity worker refuses an address (/64 of IPv6), and ten times as many its network, may send to running sessions; and, counted apart, how many refused ones a network to the console's sign-in; 0 for any number.",
    ),
  STAGEDOOR_SIGN_IN_RATE: wholeBetween(0, 1_000_000)
    .default(100)
    .describe("How many passwords an hour may be tried for one account; 0 for any number."),
  STAGEDOOR_SIGN_IN_RATE_ADDRESS: wholeBetween(0, 1_000_000)
    .default(1000)
    .describe("How many passwords an hour a client's network may try, and sign-ups; 0 for any number."),
  STAGEDOOR_TOKEN_RATE_ADDRESS: wholeBetween(0, 1_000_000)
    .default(20_000)
    .describe(
      "How many tokens an hour the apps in a network may ask for by code or refresh, and revoke; 0 for any number.",
    ),
  STAGEDOOR_ENTITLEMENT_URL: z
    .url({ protocol: /^https?$/ })
    .refine(isSafeAddress, "it is https, or http on localhost")
    .refine(namesNobody, "put no user name and password into it; STAGEDOOR_ENTITLEMENT_SECRET says who asks")
    .optional()
    .describe("Your own service that decides about each start and renewal; nobody is let in while it does not answer."),
  STAGEDOOR_ENTITLEMENT_SECRET: z
    .string()
    .regex(/^[\x21-\x7e]{16,512}$/, "16 to 512 printable characters without spaces")
    .optional()
    .describe("What it is sent as a bearer token, so that it knows who asks (a secret)."),
  STAGEDOOR_ENTITLEMENT_CACHE: secondsBetween(0, 60)
    .default(10)
    .describe("How long its answer is kept for the same viewer, asset and network."),
  STAGEDOOR_ORIGIN_SECRETS: json('{"ORIGIN_SECRET": {"use": "header", "header": "X-Secret", "hosts": ["…"]}}')
    .pipe(originSecretsSchema)
    .default({})
    .describe(
      "What each secret of an origin may be used for: its hosts, and the header or the access key. One that is not named here is sent nowhere.",
    ),
  STAGEDOOR_RENEWAL: z
    .enum(["redirect", "off"])
    .default("redirect")
    .describe("What an authentic segment URL gets whose time has run out: a redirect to a fresh one, or a refusal."),
});

export type Settings = z.infer<typeof settingsSchema>;
