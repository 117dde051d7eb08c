import { cpSync } from "node:fs";
import { join } from "node:path";
import { newDevKeys } from "../../cli/lib/dev-keys.ts";
import { projectRoot } from "../../cli/lib/project.ts";
import type { RingKey } from "../../src/keys/key.ts";
import { operatorOf } from "../cluster/operator.ts";
import type { Connection } from "../cluster/raw-request.ts";
import { type AddressHeader, answerOf, get, untilRefused, viewerOf } from "../cluster/viewer.ts";

/** A running deployment of the service, as its clients see it. */
export interface Deployment {
  readonly apiUrl: string;
  readonly mediaUrl: string;
  /** The ring that runs now, with private halves, so that tests can sign anything. */
  readonly keys: readonly RingKey[];
  readonly addressHeader: AddressHeader;
  readonly issuer: string;
  /** How its hosts are reached, if their names have no addresses. */
  readonly connection?: Connection;
  /** Replaces the key ring. Sessions, leases and revocations stay. */
  deploy(keys: readonly RingKey[]): Promise<void>;
  /** The log so far. */
  log(): string;
  stop(): Promise<void>;
}

/** The deployment of a suite, once it has started. */
export type Current = () => Deployment;

/** In milliseconds: the longest time after which a revocation applies to every request, in every deployment. */
export const promise = 2000;

/** A short life of URLs and leases, so that no test waits for minutes. */
export const settings = {
  STAGEDOOR_LEASE_TTL: "6",
  STAGEDOOR_PAUSE_ALLOWANCE: "0",
  STAGEDOOR_EXPIRY_STEP: "1",
} as const;

/** The kid of the first session key. No kid is one of development, which production refuses. */
export const sessionKid = "suite-session";

/** A ring with a key of each purpose, except CloudFront's. */
export async function newRing(): Promise<readonly RingKey[]> {
  const keys = await newDevKeys();
  return keys.flatMap((key) =>
    key.purpose === "cloudfront" ? [] : [{ ...key, kid: key.kid.replace("dev-", "suite-") }],
  );
}

/** The assets of `fixtures/media` that a suite plays. */
export const playable = ["vod-ts", "vod-fmp4", "vod-aes", "vod-tracks", "vod-single"] as const;

/** An asset that is bound to the viewer's network, and one that only the test of its revocation plays. */
export const bound = "bound";
export const withdrawn = "withdrawn";

/** The assets in addition to those of the fixture catalog. */
export const ownAssets = [{ id: bound, binding: { network: "prefix" } }, { id: withdrawn }] as const;

/** Writes the files of {@link ownAssets} to `folder`, each in a folder of its own. */
export function writeOwnFilms(folder: string): void {
  for (const { id } of ownAssets)
    cpSync(join(projectRoot, "fixtures/media/vod-single"), join(folder, id), { recursive: true });
}

let viewers = 0;

/** The clients of a deployment. */
export function clientsOf(current: Current) {
  return {
    /** A viewer that no other test uses. */
    viewer: (claims: Parameters<typeof viewerOf>[2] = {}, address?: string) =>
      viewerOf(current(), `viewer-${++viewers}`, claims, address),
    /** Loads a URL of the media host, without following redirects; `address` is the client's. */
    get: (url: string, address?: string) => get(url, address, current().addressHeader),
    untilRefused: (url: string, code: string, address?: string) =>
      untilRefused(url, code, address, current().addressHeader),
    operator: () => operatorOf(current(), "ann"),
    post: (path: string, body: string, headers: Readonly<Record<string, string>> = {}) =>
      answerOf(fetch(current().apiUrl + path, { method: "POST", body, headers })),
  };
}

export type Clients = ReturnType<typeof clientsOf>;
