import { existsSync } from "node:fs";
import { decodeJwt, type JWTPayload } from "jose";
import * as z from "zod";
import { backendIssuers, isBackendToken } from "../../src/auth/backend-token.ts";
import { claimAt } from "../../src/auth/claims.ts";
import { backendIssuer } from "../../src/auth/credential.ts";
import { faultsAmong, type Issuer, issuerSchema } from "../../src/auth/issuer.ts";
import { operatorIssuer } from "../../src/auth/operator-token.ts";
import { isJws } from "../../src/auth/read-credential.ts";
import { trustIssuer } from "../../src/auth/trusted-issuers.ts";
import type { TrustedIssuer } from "../../src/auth/verify-jwt.ts";
import { identityPath } from "../../src/base/constants.ts";
import { adviceOn, fieldText } from "../../src/base/issue-advice.ts";
import { systemClock, systemTimer } from "../../src/base/time.ts";
import { readConfiguration } from "../../src/config/configuration.ts";
import type { KeyRing } from "../../src/keys/ring.ts";
import { nodeSha256 } from "../../src/platform/node/node-crypto.ts";
import { endFailed, endMisused } from "./command.ts";
import { devEnvironment } from "./dev-environment.ts";
import { parseJson, readText, readTextOrInput, shortName } from "./files.ts";

/**
 * The issuers that the local API trusts: the development issuer and, if the token names a local API as its issuer, the
 * identity worker of that API, whose keys are fetched.
 */
export function devIssuers(ring: KeyRing, token: string): readonly TrustedIssuer[] {
  const configuration = readConfiguration(devEnvironment("api", ring, "http://localhost:8788", {}));
  if (configuration.ok) return trust([...configuration.value.issuers, ...localIdentity(token)]);
  return endFailed(["A local API would refuse the key ring:", ...configuration.refusal].join("\n  "));
}

function localIdentity(token: string): readonly Issuer[] {
  const issuer = claimsOf(token)?.iss;
  if (issuer === undefined || !/^http:\/\/localhost:\d{1,5}$/.test(issuer)) return [];
  const jwksUri = `${issuer}${identityPath}/jwks`;
  return [issuerSchema.parse({ issuer, audience: issuer, algorithms: ["EdDSA"], jwksUri })];
}

/** The unverified claims of a JWT; undefined for another token. */
export function claimsOf(token: string): JWTPayload | undefined {
  try {
    return decodeJwt(token);
  } catch {
    return undefined; // not a JWT: the explanation says so
  }
}

/** The issuers in a file with the value of STAGEDOOR_ISSUERS. The file may contain secrets, so errors quote nothing. */
export function readIssuers(file: string): readonly TrustedIssuer[] {
  return trust(parseIssuers(file, readText(file, "the issuers")).settings);
}

/** The entries of an issuers file: as they are written, and with their defaults. */
export interface IssuersFile {
  readonly entries: readonly unknown[];
  readonly settings: readonly Issuer[];
}

/** Parses the text of an issuers file. An invalid one ends the command with all its errors, which quote no value. */
export function parseIssuers(file: string, text: string): IssuersFile {
  const document = parseJson(text);
  if (!Array.isArray(document) || document.length === 0)
    return endFailed(
      `${shortName(file)} must be a list of issuers in JSON, not ${kindOf(document)}:
  [{"issuer": "https://id.example.com", "audience": "my-api", "algorithms": ["RS256"], "jwksUri": "https://id.example.com/jwks"}]
\`npx stagedoor issuers add --discovery <url>\` writes it; docs/identity-providers/index.md has the values of each provider.`,
    );
  const parsed = z.array(issuerSchema).safeParse(document);
  const errors = parsed.success
    ? faultsAmong(parsed.data)
    : parsed.error.issues.map((issue) => `${fieldText(issue.path)}: ${adviceOn(issue, document)}`);
  if (parsed.success && errors.length === 0) return { entries: document, settings: parsed.data };
  return endFailed([`${shortName(file)} is not a valid list of issuers:`, ...errors].join("\n  "));
}

function kindOf(document: unknown): string {
  if (document === undefined) return "text that is not JSON";
  if (Array.isArray(document)) return "an empty list";
  return typeof document === "object" && document !== null ? "one object: put it in a list" : "another value";
}

/** A claim of a refused token: the values that its issuer's settings require, and the token's. */
export interface ClaimMismatch {
  readonly claim: string;
  readonly expected: string;
  readonly found: string;
}

/**
 * Why no issuer accepts a JWT, if the cause is its `iss` or its audience. Only the command line shows these values: the API tells
 * clients neither what it expects nor what it found.
 */
export function claimMismatch(token: string, issuers: readonly TrustedIssuer[]): ClaimMismatch | undefined {
  const claims = claimsOf(token);
  if (claims === undefined || isBackendToken(token)) return undefined;
  const settings = issuers.find(({ settings: { issuer } }) => issuer === claims.iss)?.settings;
  if (settings === undefined)
    return {
      claim: "iss",
      expected: listed(issuers.map(({ settings: { issuer } }) => issuer)),
      found: valueText(claims.iss),
    };
  const { audience, audienceClaim } = settings;
  const value = claimAt(claims, audienceClaim);
  if ([value].flat().some((one) => audience.some((known) => known === one))) return undefined;
  return { claim: [audienceClaim].flat().join("."), expected: listed(audience), found: valueText(value) };
}

/** The issuers for the explanation of a token: those of backends' credentials, which the ring's own keys sign. */
export async function backendSources(token: string, readRing: () => Promise<KeyRing>) {
  return isBackendToken(token) ? { issuers: [], backends: backendIssuers(await readRing(), systemClock) } : undefined;
}

/** Advice about a credential of operators or backends, which no viewer's issuer signs. */
export function ownCredentialNote(token: string): string | undefined {
  const issuer = claimsOf(token)?.iss;
  if (issuer === backendIssuer)
    return "This is a backend's credential: the routes of streams accept it with a viewer, in the deployment whose key ring signed it (docs/backends.md). --ring names that ring.";
  if (issuer !== operatorIssuer) return undefined;
  return "This is an operator's credential: only the routes below /operator accept it, in the deployment whose key ring signed it.";
}

function listed(values: readonly string[]): string {
  return values.map((value) => JSON.stringify(value)).join(" or ");
}

function valueText(value: unknown): string {
  return value === undefined ? "none" : JSON.stringify(value).slice(0, 256);
}

/** Issuers as the API trusts them: their keys are fetched, and they are asked about opaque tokens. */
export function trust(issuers: readonly Issuer[]): readonly TrustedIssuer[] {
  const deps = { fetch, clock: systemClock, timer: systemTimer, sha256: nodeSha256, onFailure: () => undefined };
  return issuers.map((issuer) => trustIssuer(issuer, deps));
}

/** A token, or the content of the file with this name. No token has the form of a path with an extension. */
export function readTokenOption(option: string, value: string): string {
  const isFile = value === "-" || existsSync(value);
  if (!isFile && /^(\.{1,2}|~)?\/|\.(jwt|token|txt)$/.test(value) && !isJws(value))
    return endMisused(`--${option} must be a token, a file with one, or - for standard input: no file has that name.`);
  const token = isFile ? readTextOrInput(value, "the token").trim() : value;
  return token === "" || /\s/.test(token)
    ? endMisused(
        `--${option} must be one token, a file with one, or - for standard input${isFile ? `; ${value === "-" ? "standard input" : shortName(value)} has ${token === "" ? "no text" : "spaces or several lines"}` : ""}.`,
      )
    : token;
}
