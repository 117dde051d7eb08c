import { randomBytes } from "node:crypto";
import { maxSessionTtl } from "../../src/base/constants.ts";
import { after, systemClock } from "../../src/base/time.ts";
import type { Catalog } from "../../src/catalog/catalog.ts";
import { bringInStep } from "../../src/cloudfront/keep-in-step.ts";
import { StoreContents } from "../../src/cloudfront/store-contents.ts";
import { withInert } from "../../src/edge/answer-media.ts";
import { withCors } from "../../src/http/cors.ts";
import { type KeyRing, keysFor } from "../../src/keys/ring.ts";
import type { Origin } from "../../src/origin/origin.ts";
import { functionScript, manifestOrigin, settingsOfFunction } from "../lib/function-script.ts";
import { startDistribution } from "./distribution-server.ts";
import { emulateDistribution, type OriginRequest } from "./emulator.ts";
import { EmulatedStore, writable } from "./key-value-store.ts";

export interface LocalDistributionOptions {
  /** 0 lets the system choose. */
  readonly port: number;
  readonly ring: KeyRing;
  /** The settings of the media host (STAGEDOOR_*), of which the function has some. */
  readonly settings: Readonly<Record<string, string>>;
  readonly mediaUrl: string;
  /** A value of STAGEDOOR_EDGE_SECRETS. */
  readonly edgeSecret: string;
  /** The assets of the running catalog. */
  readonly catalog: () => Promise<Catalog>;
  /** Their files. */
  readonly origin: Origin;
}

export interface LocalDistribution {
  /** Scheme, host and port, as an asset's `cdnUrl` has them. */
  readonly url: string;
  readonly store: EmulatedStore;
  readonly stop: () => Promise<void>;
}

/** A secret by which the media host knows this distribution, for as long as it runs. */
export function newEdgeSecret(): string {
  return randomBytes(32).toString("base64url");
}

/**
 * Starts an emulated CloudFront distribution on this machine: the function as it would be uploaded, a cache, the files' origin
 * and the media host as the origin of playlists. Its store has the ring's keys. Rejects if the port is in use.
 */
export async function startLocalDistribution(options: LocalDistributionOptions): Promise<LocalDistribution> {
  const { port, settings, mediaUrl, edgeSecret } = options;
  const script = await functionScript({ ...settingsOfFunction(settings), storeFailure: "refuse" });
  if (!script.ok) throw new Error(script.refusal);
  const store = new EmulatedStore(Date.now);
  const answer = emulateDistribution({
    ...{ script: script.value, store, clock: Date.now },
    origins: {
      default: { fetch: (request) => fileOf(request, options) },
      [manifestOrigin]: {
        customHeaders: { "Stagedoor-Edge-Secret": edgeSecret },
        fetch: ({ method, target, headers }) =>
          fetch(`${mediaUrl}${target}`, { method, headers: passedOn(headers), redirect: "manual" }),
      },
    },
    // What the media host sends with each of its responses.
    responseHeaders: withInert(withCors(new Response(null))).headers,
  });
  const wanted = new StoreContents().wanted(systemClock(), {
    keys: keysFor(options.ring, "cloudfront-session"),
    until: after(systemClock(), maxSessionTtl),
  });
  if (!wanted.ok) throw new Error(wanted.refusal);
  await bringInStep(writable(store), wanted.value.entries);
  const server = await startDistribution(answer, port);
  return { url: server.url, store, stop: server.stop };
}

/** A file, as a bucket answers CloudFront. */
async function fileOf(
  { method, target, headers }: OriginRequest,
  { catalog, origin }: LocalDistributionOptions,
): Promise<Response> {
  const asset = (await catalog()).assetOfPath(target);
  if (asset === undefined) return new Response(null, { status: 404 });
  const [path = "", query = ""] = target.slice(asset.id.length + 2).split("?", 2);
  const range = headers.get("Range") ?? undefined;
  const file = await origin({ asset, path, query, method: method === "HEAD" ? "HEAD" : "GET", range });
  if (file.ok) return file.value;
  return new Response(null, { status: file.refusal.code === "object_unknown" ? 404 : 502 });
}

/** Headers of one connection, and those that CloudFront writes itself. */
const ownHeaders = ["accept-encoding", "connection", "content-length", "host", "keep-alive", "te", "transfer-encoding"];

function passedOn(headers: Headers): Headers {
  const kept = new Headers(headers);
  for (const name of ownHeaders) kept.delete(name);
  return kept;
}
