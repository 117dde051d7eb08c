import { randomBytes } from "node:crypto";
import { setTimeout as wait } from "node:timers/promises";
import { after, systemClock } from "../../src/base/time.ts";
import type { Catalog } from "../../src/catalog/catalog.ts";
import { packedKey } from "../../src/cloudfront/packed-entry.ts";
import {
  type CycleResult,
  cycleTimes,
  type FollowedLog,
  StoreCycle,
  storeKeys,
} from "../../src/cloudfront/store-cycle.ts";
import { withInert } from "../../src/edge/answer-media.ts";
import { withCors } from "../../src/http/cors.ts";
import type { KeyRing } from "../../src/keys/ring.ts";
import { type Origin, pickHeaders } from "../../src/origin/origin.ts";
import { functionScript, manifestOrigin, settingsOfFunction } from "../lib/function-script.ts";
import { forwardedHeaders } from "./distribution-plan.ts";
import { startDistribution } from "./distribution-server.ts";
import { emulateDistribution, type OriginRequest } from "./emulator.ts";
import { EmulatedStore, writable } from "./key-value-store.ts";

export interface LocalDistributionOptions {
  /** 0 lets the system choose. */
  readonly port: number;
  /** The key ring as it is now. */
  readonly ring: () => KeyRing;
  /** The settings of the media host (STAGEDOOR_*), of which the function has some. */
  readonly settings: Readonly<Record<string, string>>;
  /** A value of STAGEDOOR_EDGE_SECRETS. */
  readonly edgeSecret: string;
  /** Asks the media host, which is the origin of playlists. */
  readonly media: (request: OriginRequest) => Promise<Response>;
  /** The assets of the running catalog. */
  readonly catalog: () => Promise<Catalog>;
  /** Their files. */
  readonly origin: Origin;
  /** The revocation log, of which the store is kept in step. */
  readonly log: FollowedLog;
  /** Receives a line for each failed cycle. */
  readonly onFailure: (line: string) => void;
}

export interface LocalDistribution {
  /** Scheme, host and port, as an asset's `cdnUrl` has them. */
  readonly url: string;
  readonly store: EmulatedStore;
  /** Runs a cycle of the store's writer now, without waiting for the next. */
  readonly keepInStep: () => Promise<CycleResult>;
  readonly stop: () => Promise<void>;
}

/** A secret by which the media host knows this distribution, for as long as it runs. */
export function newEdgeSecret(): string {
  return randomBytes(32).toString("base64url");
}

/**
 * Starts an emulated CloudFront distribution on this machine: the function as it would be uploaded, a cache, the files' origin,
 * the media host as the origin of playlists, and a store that is kept in step with the keys and the revocation log. Rejects if
 * the port is in use.
 */
export async function startLocalDistribution(options: LocalDistributionOptions): Promise<LocalDistribution> {
  const { settings, edgeSecret, media } = options;
  const own = settingsOfFunction(settings);
  // With an invalid setting the workers answer 500, and their log names it. They start all the same, and so does this.
  const valid = own.ok ? own : settingsOfFunction({});
  if (!valid.ok) throw new Error(valid.refusal);
  const script = await functionScript({ ...valid.value, storeFailure: "refuse" });
  if (!script.ok) throw new Error(script.refusal);
  const store = new EmulatedStore(Date.now);
  // Nobody had URLs of this distribution before, so that no end is missing: the function renews from the beginning.
  store.update(
    { puts: [{ key: packedKey, value: `1||${after(systemClock(), cycleTimes.lifetime)}|||` }] },
    store.describe().etag,
  );
  const answer = emulateDistribution({
    ...{ script: script.value, store, clock: Date.now },
    origins: {
      default: { fetch: (request) => fileOf(request, options) },
      [manifestOrigin]: {
        customHeaders: { [edgeSecretHeader]: edgeSecret },
        fetch: (request) => media({ ...request, headers: pickHeaders(request.headers, sentHeaders) }),
      },
    },
    // What the media host sends with each of its responses.
    responseHeaders: withInert(withCors(new Response(null))).headers,
  });
  const writer = startWriter(store, options);
  await writer.keepInStep();
  const server = await startDistribution(answer, options.port);
  const stop = async () => {
    await writer.stop();
    await server.stop();
  };
  return { url: server.url, store, keepInStep: writer.keepInStep, stop };
}

/** Runs the cycles of a store's writer one after another, until it is stopped. */
function startWriter(store: EmulatedStore, { log, ring, onFailure }: LocalDistributionOptions) {
  const cycle = new StoreCycle({ log, store: writable(store), clock: systemClock });
  const stopped = new AbortController();
  const runNow = async () => {
    const result = await cycle.run(storeKeys(ring(), systemClock()));
    if (result.status === "failed" && !stopped.signal.aborted)
      onFailure(`The KeyValueStore of the emulated CloudFront is not in step: ${result.detail}`);
    return result;
  };
  let last = runNow();
  const keepInStep = () => {
    last = last.then(runNow);
    return last;
  };
  const follow = async () => {
    while (!stopped.signal.aborted) {
      const { next } = await last;
      await wait(next * 1000, undefined, { signal: stopped.signal }).catch(() => undefined);
      if (!stopped.signal.aborted) await keepInStep();
    }
  };
  const following = follow();
  const stop = async () => {
    stopped.abort();
    await following;
    await last;
  };
  return { keepInStep, stop };
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
  // As S3 reads it.
  const key = path.replaceAll("+", "%20").replaceAll("%2B", "+");
  const file = await origin({ asset, path: key, query, method: method === "HEAD" ? "HEAD" : "GET", range });
  if (file.ok) return file.value;
  return new Response(null, { status: file.refusal.code === "object_unknown" ? 404 : 502 });
}

const edgeSecretHeader = "Stagedoor-Edge-Secret";

/** What the origin request policy names, what the distribution adds, and what CloudFront sends in any case. */
const sentHeaders = [...forwardedHeaders, edgeSecretHeader, "Range", "If-None-Match", "If-Range"];
