import * as z from "zod";
import { adviceOn, fieldText } from "../base/issue-advice.ts";
import { ok, type Result, refuse } from "../base/result.ts";
import { seconds } from "../base/time.ts";
import { type IdentitySettings, isAssetList, oauthClientSchema } from "../identity/identity-settings.ts";
import { json, secondsBetween, settingsSchema } from "./settings.ts";

/** The identity worker's own settings, by the names of their environment variables. */
export const identitySettingsSchema = z.object({
  STAGEDOOR_IDENTITY_SECRET: z
    .string()
    .regex(
      /^[\x21-\x7e]{32,512}$/,
      "32 to 512 printable characters without spaces, such as the output of `openssl rand -base64 32`",
    )
    .describe("Signs session cookies and encrypts the keys of the JWKS (a secret)."),
  STAGEDOOR_IDENTITY_IDLE: secondsBetween(2, 34_560_000)
    .default(604_800)
    .describe("How long a sign-in session lasts without use; each use extends it."),
  STAGEDOOR_IDENTITY_ACCESS_TTL: secondsBetween(5, 86_400).default(900).describe("Lifetime of a JWT."),
  STAGEDOOR_IDENTITY_REFRESH_TTL: secondsBetween(60, 34_560_000)
    .default(2_592_000)
    .describe("How long a refresh token lasts without use."),
  STAGEDOOR_IDENTITY_REFRESH_GRACE: secondsBetween(1, 60)
    .default(10)
    .describe("How long the same refresh can be repeated, in case its answer was lost."),
  STAGEDOOR_IDENTITY_BEARER_SIGNATURE: z
    .enum(["required", "optional"])
    .default("required")
    .describe("Whether a session token in the Authorization header needs the signature that `set-auth-token` has."),
  STAGEDOOR_IDENTITY_CLIENTS: json("the clients are a list")
    .pipe(z.array(oauthClientSchema).max(50))
    .default([])
    .describe("First-party apps that use refresh tokens: public OAuth clients with PKCE."),
  STAGEDOOR_IDENTITY_ASSETS: z
    .string()
    .max(4000)
    .refine(isAssetList, "write * or asset ids separated by spaces")
    .default("")
    .describe("Assets that a new account can play: * or asset ids separated by spaces; none by default."),
  STAGEDOOR_IDENTITY_SIGN_UP: z
    .enum(["closed", "open"])
    .default("closed")
    .describe("Whether anyone can create an account (POST /api/auth/sign-up/email)."),
});

/** The settings that it shares with the other workers. */
const sharedSchema = settingsSchema.pick({
  STAGEDOOR_ENV: true,
  STAGEDOOR_API_URL: true,
  STAGEDOOR_ORIGINS: true,
});

const schema = identitySettingsSchema.extend(sharedSchema.shape).extend({
  STAGEDOOR_API_URL: sharedSchema.shape.STAGEDOOR_API_URL.unwrap(),
});

export interface IdentityConfiguration extends IdentitySettings {
  readonly development: boolean;
}

/** The identity worker's settings, or every fault at once; see `readConfiguration`. */
export function readIdentityConfiguration(
  environment: Readonly<Record<string, unknown>>,
): Result<IdentityConfiguration, readonly string[]> {
  const parsed = schema.safeParse(environment);
  const issues = parsed.success ? [] : parsed.error.issues;
  const faults = issues.map((issue) => `${fieldText(issue.path)}: ${adviceOn(issue, environment)}`);
  faults.push(
    ...Object.keys(environment)
      .filter((name) => name.startsWith("STAGEDOOR_") && !(name in schema.shape) && !(name in settingsSchema.shape))
      .map((name) => `${name}: there is no such setting`),
  );
  const development = environment.STAGEDOOR_ENV === "development";
  if (!development && String(environment.STAGEDOOR_API_URL).startsWith("http:"))
    faults.push("STAGEDOOR_API_URL: use https; http is only accepted with STAGEDOOR_ENV=development");
  if (parsed.success) {
    const ids = parsed.data.STAGEDOOR_IDENTITY_CLIENTS.map(({ clientId }) => clientId);
    if (new Set(ids).size < ids.length) faults.push("STAGEDOOR_IDENTITY_CLIENTS: a client id occurs twice");
  }
  return parsed.success && faults.length === 0 ? ok(configuration(parsed.data)) : refuse(faults);
}

function configuration(settings: z.infer<typeof schema>): IdentityConfiguration {
  return {
    development: settings.STAGEDOOR_ENV === "development",
    apiUrl: settings.STAGEDOOR_API_URL,
    origins: settings.STAGEDOOR_ORIGINS,
    secret: settings.STAGEDOOR_IDENTITY_SECRET,
    idle: seconds(settings.STAGEDOOR_IDENTITY_IDLE),
    accessTtl: seconds(settings.STAGEDOOR_IDENTITY_ACCESS_TTL),
    refreshTtl: seconds(settings.STAGEDOOR_IDENTITY_REFRESH_TTL),
    refreshGrace: seconds(settings.STAGEDOOR_IDENTITY_REFRESH_GRACE),
    bearerSignature: settings.STAGEDOOR_IDENTITY_BEARER_SIGNATURE,
    clients: settings.STAGEDOOR_IDENTITY_CLIENTS,
    assets: settings.STAGEDOOR_IDENTITY_ASSETS,
    signUp: settings.STAGEDOOR_IDENTITY_SIGN_UP,
  };
}
