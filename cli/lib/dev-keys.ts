import { randomBytes } from "node:crypto";
import {
  existsSync,
  linkSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { importJWK, SignJWT } from "jose";
import type { QualityCap } from "../../src/base/quality.ts";
import { playScope } from "../../src/catalog/asset.ts";
import { devIssuer } from "../../src/config/configuration.ts";
import {
  newBackendKey,
  newCloudFrontKey,
  newEdgeKey,
  newOperatorKey,
  newSessionKey,
  newTokenKey,
} from "../../src/keys/generate.ts";
import type { RingKey } from "../../src/keys/key.ts";
import { type KeyRing, keysFor, parseKeyRing } from "../../src/keys/ring.ts";
import { devAudience } from "./dev-environment.ts";

/** The file with the development keys, relative to the project; git ignores it. */
export const devKeysFile = ".stagedoor/keys.json";

/** The kids of the first development keys. */
const devKids = {
  session: "dev-session",
  rsa: "dev-cloudfront-rsa",
  ec: "dev-cloudfront-ec",
  token: "dev-issuer",
  operator: "dev-operator",
  backend: "dev-backend",
  edge: "dev-cloudfront-session",
};

/**
 * The development key ring. The first call creates its file, which only the owner can read. A ring of an earlier version gets
 * the operator and backend keys and CloudFront's session key, if it lacks them. Throws an Error that says what to do if the file is not a key ring.
 */
export async function devKeyRing(root: string): Promise<KeyRing> {
  const file = join(root, devKeysFile);
  if (!existsSync(file)) createFile(file, ringText(await newDevKeys()));
  const ring = readRing(file);
  const missing = [
    ...(keysFor(ring, "cloudfront-session").length > 0 ? [] : [newEdgeKey(devKids.edge, randomBytes)]),
    ...(keysFor(ring, "operator").length > 0 ? [] : [await newOperatorKey(devKids.operator)]),
    ...(keysFor(ring, "backend").length > 0 ? [] : [await newBackendKey(devKids.backend)]),
  ];
  if (missing.length === 0) return ring;
  writeKeys(file, [...ring.keys, ...missing]);
  return readRing(file);
}

function readRing(file: string): KeyRing {
  const ring = parseKeyRing(JSON.parse(readFileSync(file, "utf8")));
  if (ring.ok) return ring.value;
  throw new Error(`${devKeysFile} is not a key ring; delete it and start again\n  ${ring.refusal.join("\n  ")}`);
}

/** New development keys, one of each kind. */
export async function newDevKeys(): Promise<RingKey[]> {
  return [
    newSessionKey(devKids.session, randomBytes),
    await newCloudFrontKey(devKids.rsa, "rsa"),
    await newCloudFrontKey(devKids.ec, "ec"),
    await newTokenKey(devKids.token),
    await newOperatorKey(devKids.operator),
    await newBackendKey(devKids.backend),
    newEdgeKey(devKids.edge, randomBytes),
  ];
}

/** The identity worker's secret in development. It is kept in a file, because a new secret signs out all users. */
export function devIdentitySecret(root: string): string {
  const file = join(root, ".stagedoor/identity-secret");
  if (!existsSync(file)) createFile(file, newIdentitySecret());
  return readFileSync(file, "utf8").trim();
}

/** 32 random bytes in base64url. */
export function newIdentitySecret(): string {
  return randomBytes(32).toString("base64url");
}

/**
 * Creates the file whole, unless another process has created it meanwhile: two commands that run first at the same time use the
 * same keys.
 */
function createFile(file: string, text: string): void {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  const temporary = writeBeside(file, text);
  try {
    linkSync(temporary, file);
  } catch (error) {
    if (!existsSync(file)) throw error;
  } finally {
    rmSync(temporary);
  }
}

/** Replaces the file in one step, so that no process reads half of a ring. */
function writeKeys(file: string, keys: readonly RingKey[]): void {
  // A symbolic link stays a link.
  const target = realpathSync(file);
  renameSync(writeBeside(target, ringText(keys)), target);
}

function ringText(keys: readonly RingKey[]): string {
  return `${JSON.stringify({ keys }, null, 2)}\n`;
}

function writeBeside(file: string, text: string): string {
  const temporary = `${file}.${randomBytes(6).toString("hex")}`;
  writeFileSync(temporary, text, { mode: 0o600, flag: "wx" });
  return temporary;
}

export interface DevTokenClaims {
  /** By default the development issuer. */
  readonly issuer?: string;
  readonly subject: string;
  /** Ids of assets, or `"*"` for all. */
  readonly assets: readonly string[] | "*";
  /** By default the scope that a start requires. */
  readonly scope?: string;
  /** The subject's stream limit; by default none. */
  readonly streams?: number;
  /** The best quality of the subject's plan; by default every quality. */
  readonly quality?: QualityCap;
  /** `sid`: the id of the sign-in session; by default none. */
  readonly login?: string;
  readonly lifetimeSeconds: number;
}

/** Signs a bearer token (ES256) of the development issuer, which only a local API accepts, or of a test's own issuer. */
export async function signDevToken(ring: KeyRing, claims: DevTokenClaims): Promise<string> {
  const [key] = keysFor(ring, "token");
  if (key?.d === undefined) throw new Error("the key ring has no private key of the purpose token");
  const { issuer = devIssuer, subject, assets, scope = playScope, streams, quality, login, lifetimeSeconds } = claims;
  const { kty, crv, x, y, d } = key;
  const now = Math.floor(Date.now() / 1000);
  return new SignJWT({
    scope,
    assets: assets === "*" ? "*" : [...assets],
    ...(streams !== undefined && { streams }),
    ...(quality !== undefined && { quality_cap: quality }),
    ...(login !== undefined && { sid: login }),
  })
    .setProtectedHeader({ alg: key.alg, kid: key.kid, typ: "at+jwt" })
    .setIssuer(issuer)
    .setAudience(devAudience)
    .setSubject(subject)
    .setJti(crypto.randomUUID())
    .setIssuedAt(now)
    .setExpirationTime(now + lifetimeSeconds)
    .sign(await importJWK({ kty, crv, x, y, d }, key.alg));
}
