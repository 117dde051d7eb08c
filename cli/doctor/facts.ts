import { randomBytes } from "node:crypto";
import type { Result } from "../../src/base/result.ts";
import type { UnixSeconds } from "../../src/base/seconds.ts";
import type { Catalog } from "../../src/catalog/catalog.ts";
import type { CatalogFault } from "../../src/catalog/fault.ts";
import { ringFor } from "../../src/config/worker-ring.ts";
import { newSessionKey } from "../../src/keys/generate.ts";
import type { KeyRing } from "../../src/keys/ring.ts";
import { devEnvironment, devIdentityEnvironment } from "../local/dev-environment.ts";
import type { DeployedWorker, WorkerKind } from "./worker-files.ts";

/** What the checks before a deployment look at: gathered once, and plain data from then on. */
export interface Facts {
  /** The name of the environment; "development" for the top level of the files. */
  readonly environment: string;
  readonly development: boolean;
  readonly workers: readonly DeployedWorker[];
  /** Files that wrangler does not read, and why. */
  readonly unreadable: readonly { readonly file: string; readonly why: string }[];
  /** The same workers in the other environments of their files. */
  readonly elsewhere: readonly { readonly environment: string; readonly worker: DeployedWorker }[];
  readonly ring:
    | { readonly file: string; readonly mode: number; readonly parsed: Result<KeyRing, readonly string[]> }
    | undefined;
  /** `where` is a file's name, or says which API it was read from. */
  readonly catalog: { readonly where: string; readonly parsed: Result<Catalog, readonly CatalogFault[]> } | undefined;
  /** Why the catalog that is live could not be read, in a sentence, where it was asked for. */
  readonly catalogUnread?: string | undefined;
  /** The text of STAGEDOOR_ISSUERS, where it was given. */
  readonly issuers: string | undefined;
  /** Where development's workers stand. */
  readonly addresses: { readonly apiUrl: string; readonly mediaUrl: string };
  readonly now: UnixSeconds;
}

export function workerOf({ workers }: Pick<Facts, "workers">, kind: WorkerKind): DeployedWorker | undefined {
  return workers.find(({ worker }) => worker === kind);
}

export function soundRing({ ring }: Pick<Facts, "ring">): KeyRing | undefined {
  return ring?.parsed.ok === true ? ring.parsed.value : undefined;
}

export function soundCatalog({ catalog }: Pick<Facts, "catalog">): Catalog | undefined {
  return catalog?.parsed.ok === true ? catalog.parsed.value : undefined;
}

/** Stands for secrets that only Cloudflare knows; it is of a sound form, and no worker ever gets it. */
const unknownSecret = "unknown-secret-of-the-identity-worker";

/**
 * The environment of a worker as it is deployed: its settings, its part of the ring and the issuers. Where no sound ring was
 * given a key of the moment stands in, so that the settings are judged all the same.
 */
export function environmentOf({ worker, vars }: DeployedWorker, facts: Facts): Readonly<Record<string, unknown>> {
  const { apiUrl, mediaUrl } = facts.addresses;
  const ring = soundRing(facts);
  if (worker === "identity") {
    if (facts.development) return { ...devIdentityEnvironment(apiUrl, unknownSecret, {}), ...vars };
    return { STAGEDOOR_IDENTITY_SECRET: unknownSecret, ...vars };
  }
  if (facts.development && ring !== undefined)
    return { ...devEnvironment(worker, ring, mediaUrl, { STAGEDOOR_API_URL: apiUrl }), ...vars };
  const addresses = facts.development
    ? { STAGEDOOR_ENV: "development", STAGEDOOR_MEDIA_URL: mediaUrl, STAGEDOOR_API_URL: apiUrl }
    : {};
  const keys = ring === undefined ? { keys: [newSessionKey("stand-in", randomBytes)] } : ringFor(worker, ring);
  const issuers = worker === "api" && facts.issuers !== undefined ? { STAGEDOOR_ISSUERS: facts.issuers } : {};
  return { ...addresses, STAGEDOOR_KEYS: JSON.stringify(keys), ...issuers, ...vars };
}
