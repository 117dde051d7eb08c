import { ok } from "../src/base/result.ts";
import { milliseconds, seconds, systemTimer, unixMilliseconds, unixSeconds } from "../src/base/time.ts";
import { type AdmissionParts, admitSession } from "../src/edge/admit-session.ts";
import { answerMedia } from "../src/edge/answer-media.ts";
import { guardFiles } from "../src/edge/guard-file.ts";
import { type EdgeParts, serveRequest } from "../src/edge/serve-request.ts";
import type { KeyRing } from "../src/keys/ring.ts";
import { noTelemetry } from "../src/metrics/telemetry.ts";
import { nodeSha256, oneShotHmac } from "../src/platform/node/node-crypto.ts";
import { rememberLeases } from "../src/sessions/lease-memory.ts";
import { watchRevocations } from "../src/sessions/revocation-watch.ts";
import { rememberGrants } from "../src/signing/grant.ts";
import { memoryRevocationLog, memoryStreams } from "../test/support/memory-stores.ts";
import { manifestBench, mediaPlaylist, mediaUrl, ruledAsset, sharedAsset } from "./manifest.ts";
import { measureInTurn, ownCpu, timed } from "./measure.ts";
import { playlistNamed } from "./playlists.ts";
import { grantIssuer, viewers } from "./viewers.ts";

/** Many short ones: the difference is small, and each is compared with its neighbour. */
const rounds = 61;
const requests = 1000;

/** How a request is seen by Cloudflare, and what a browser sends. */
const cf = { country: "US", regionCode: "CA", postalCode: "90210", asn: 64_600 };
const headers = {
  Origin: "https://tv.example.com",
  "CF-Connecting-IP": "192.0.2.7",
  "User-Agent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36",
};

/**
 * A live playlist through the edge and the manifest worker in Node, without a network: CPU microseconds. `ruled`: with all of an
 * asset's rules and a blackout elsewhere; `free`: without any.
 */
export async function playlistsInNode(ring: KeyRing) {
  const now = unixSeconds(1_795_000_000);
  const clock = () => unixMilliseconds(now * 1000);
  const { check, freshIsolate } = await manifestBench(playlistNamed("live6"), ring, now, oneShotHmac);
  const log = memoryRevocationLog(clock);
  const until = unixSeconds(now + 86_400);
  const blackout = { kind: "subject", cause: "revoked", at: now, until } as const;
  for (const place of ["DE", "US-NY", "AS64499"])
    await log.append([{ ...blackout, value: `blackout:${ruledAsset}:${place}` }], "operator");
  const revocations = watchRevocations({
    log,
    clock,
    timer: systemTimer,
    maxAge: milliseconds(2000),
    failure: "closed",
  });
  await revocations.fresh();
  const { streamsOf } = memoryStreams();
  const admission: AdmissionParts = {
    ...{ revocations, log, streams: streamsOf, leases: rememberLeases({ capacity: 10_000 }), logins: new Map() },
    ...{ timer: systemTimer, sharedNetworks: 3, storeFailure: "closed", telemetry: noTelemetry },
    onFailure: () => undefined,
  };
  const isolate = freshIsolate();
  const deliver = () => Promise.reject(new Error("no file is asked for"));
  const parts: EdgeParts = {
    ...{
      keys: check.keys,
      open: rememberGrants(10_000),
      catalog: async () => ok(check.catalog),
      grantIssuer,
      mediaUrl,
    },
    ...{ clock: () => now, milliseconds: clock, timer: systemTimer, telemetry: noTelemetry, sha256: nodeSha256 },
    ...{ deliver, files: guardFiles({ deliver, clock: () => now, timer: systemTimer }), revocations },
    ...{ publicKeys: () => undefined, waitUntil: () => undefined, observed: () => undefined, ready: async () => [] },
    ...{ development: false, edgeSecrets: [], renewal: "redirect", enforcement: undefined },
    ...{ pauseAllowance: seconds(300), expiryStep: seconds(30) },
    admit: (...asked: readonly [Parameters<typeof admitSession>[0], Parameters<typeof admitSession>[1]]) =>
      admitSession(...asked, admission),
    manifest: { fetch: (request: Request) => isolate(request) },
  };
  const reporting = { worker: "edge", telemetry: noTelemetry, random: () => new Uint8Array(8), log: fail } as const;
  const targetFor = await viewers(ring, () => now);
  const all = (asset: string) => {
    const sent = Array.from({ length: requests }, (_, viewer) => {
      const request = new Request(mediaUrl + targetFor(viewer, { purpose: "playlist", asset, file: mediaPlaylist }), {
        headers,
      });
      Object.defineProperty(request, "cf", { value: cf });
      return request;
    });
    return timed(ownCpu, requests, async () => {
      for (const request of sent) {
        const response = await answerMedia(request, reporting, (asked) => serveRequest(asked, parts));
        if (response.status !== 200) throw new Error(`the edge answered ${response.status}`);
        await response.body?.cancel();
      }
    });
  };
  return measureInTurn({ ruled: all(ruledAsset), free: all(sharedAsset) }, rounds);
}

function fail(line: string): never {
  throw new Error(line);
}
