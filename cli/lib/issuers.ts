import { decodeJwt } from "jose";
import * as z from "zod";
import { faultsAmong, type Issuer, issuerSchema } from "../../src/auth/issuer.ts";
import { trustIssuer } from "../../src/auth/trusted-issuers.ts";
import type { TrustedIssuer } from "../../src/auth/verify-jwt.ts";
import { identityPath } from "../../src/base/constants.ts";
import { systemClock, systemTimer } from "../../src/base/time.ts";
import { readConfiguration } from "../../src/config/configuration.ts";
import type { KeyRing } from "../../src/keys/ring.ts";
import { nodeSha256 } from "../../src/platform/node/node-crypto.ts";
import { endFailed } from "./command.ts";
import { devEnvironment } from "./dev-environment.ts";
import { parseJson, readText, shortName } from "./files.ts";

/**
 * The issuers that the local API trusts: the development issuer and, for a token that names an API of this machine, that
 * one's identity worker, which is asked for its keys.
 */
export function devIssuers(ring: KeyRing, token: string): readonly TrustedIssuer[] {
  const configuration = readConfiguration(devEnvironment("api", ring, "http://localhost:8788", {}));
  if (configuration.ok) return trusted([...configuration.value.issuers, ...localIdentity(token)]);
  return endFailed(["The key ring does not serve a local API:", ...configuration.refusal].join("\n  "));
}

function localIdentity(token: string): readonly Issuer[] {
  const issuer = claimedIssuer(token);
  if (issuer === undefined || !/^http:\/\/localhost:\d{1,5}$/.test(issuer)) return [];
  const jwksUri = `${issuer}${identityPath}/jwks`;
  return [issuerSchema.parse({ issuer, audience: issuer, algorithms: ["EdDSA"], jwksUri })];
}

function claimedIssuer(token: string): string | undefined {
  try {
    return decodeJwt(token).iss;
  } catch {
    return undefined; // no JWT at all: the explanation says so
  }
}

/** The issuers of a file that holds what STAGEDOOR_ISSUERS does. It may hold secrets, so a fault quotes nothing. */
export function issuersIn(file: string): readonly TrustedIssuer[] {
  const parsed = z
    .array(issuerSchema)
    .min(1)
    .safeParse(parseJson(readText(file, "the issuers")));
  const faults = parsed.success
    ? faultsAmong(parsed.data)
    : parsed.error.issues.map(({ path, message }) => `${path.join(".")}: ${message}`);
  if (parsed.success && faults.length === 0) return trusted(parsed.data);
  return endFailed([`${shortName(file)} holds no list of issuers:`, ...faults].join("\n  "));
}

function trusted(issuers: readonly Issuer[]): readonly TrustedIssuer[] {
  const reach = { fetch, clock: systemClock, timer: systemTimer, sha256: nodeSha256, onFailure: () => undefined };
  return issuers.map((issuer) => trustIssuer(issuer, reach));
}
