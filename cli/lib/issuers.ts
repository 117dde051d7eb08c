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
 * The issuers that the local API trusts: the development issuer and, if the token names a local API as its issuer, the
 * identity worker of that API, whose keys are fetched.
 */
export function devIssuers(ring: KeyRing, token: string): readonly TrustedIssuer[] {
  const configuration = readConfiguration(devEnvironment("api", ring, "http://localhost:8788", {}));
  if (configuration.ok) return trust([...configuration.value.issuers, ...localIdentity(token)]);
  return endFailed(["A local API would refuse the key ring:", ...configuration.refusal].join("\n  "));
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
    return undefined; // not a JWT: the explanation says so
  }
}

/** The issuers in a file with the value of STAGEDOOR_ISSUERS. The file may contain secrets, so errors quote nothing. */
export function readIssuers(file: string): readonly TrustedIssuer[] {
  const parsed = z
    .array(issuerSchema)
    .min(1)
    .safeParse(parseJson(readText(file, "the issuers")));
  const errors = parsed.success
    ? faultsAmong(parsed.data)
    : parsed.error.issues.map(({ path, message }) => `${path.join(".")}: ${message}`);
  if (parsed.success && errors.length === 0) return trust(parsed.data);
  return endFailed([`${shortName(file)} is not a valid list of issuers:`, ...errors].join("\n  "));
}

function trust(issuers: readonly Issuer[]): readonly TrustedIssuer[] {
  const deps = { fetch, clock: systemClock, timer: systemTimer, sha256: nodeSha256, onFailure: () => undefined };
  return issuers.map((issuer) => trustIssuer(issuer, deps));
}
