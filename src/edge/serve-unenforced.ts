import { extensionOf } from "../base/alias.ts";
import { makeRoom } from "../base/bounded-map.ts";
import { ok, type Refusal, type RefusalCode, type Result, refuse } from "../base/result.ts";
import { between, type Clock, roundDownTo, seconds, type UnixSeconds, type WaitUntil } from "../base/time.ts";
import type { Asset } from "../catalog/asset.ts";
import { type ConditionRefusal, checkConditions, type RequestSource } from "../catalog/conditions.ts";
import { isServedIn } from "../catalog/enforcement.ts";
import { logObserved, type Reporting, refusalHeader } from "../http/problem-response.ts";
import { isRefusalCode } from "../http/problems.ts";
import type { RequestTraits } from "../metrics/gathered.ts";
import { servedEvents, type Telemetry } from "../metrics/telemetry.ts";
import { contentTypes } from "../origin/file-response.ts";
import type { OriginRefusal } from "../origin/origin.ts";
import { blackoutIn, endedBecause, forbiddenBy, type RevocationSnapshot } from "../sessions/revocation-snapshot.ts";
import type { RevocationWatch } from "../sessions/revocation-watch.ts";
import type { MediaTarget } from "../signing/media-url.ts";
import type { DeliverFile, ViewerRequest } from "./deliver-file.ts";
import { type UnenforcedContext, type UnenforcedFile, unenforcedFile } from "./unenforced-file.ts";

/** Told of each request that is served although it would be refused. */
export type Observed = (why: Why, traits: RequestTraits) => void;

/** Why a request would be refused. */
export interface Why {
  readonly code: RefusalCode;
  readonly reason: string;
}

export interface UnenforcedParts extends UnenforcedContext {
  readonly revocations: Pick<RevocationWatch, "atHand" | "current">;
  readonly deliver: DeliverFile;
  readonly waitUntil: WaitUntil;
  readonly telemetry: Telemetry;
  readonly observed: Observed;
  readonly traits: () => RequestTraits;
  readonly source: () => RequestSource;
  /** The manifest worker's answer; undefined if there is none. */
  readonly rewrite: (file: UnenforcedFile) => Promise<Response | undefined>;
}

type Ended = Refusal<"session_revoked" | "place_not_allowed">;

/** How long a viewer or a cache keeps what was served without protection. */
const fileLife = seconds(60);
const playlistLife = seconds(1);

/**
 * Serves a refused request from the origin if its asset is not enforced; otherwise undefined. With a valid grant a playlist is
 * rewritten. Without one it is passed on as the origin wrote it: its relative URIs come back here, and are served in the same way.
 *
 * What an operator revoked stays refused, and so does an asset where it is blacked out. A viewer whose session was revoked can drop the grant from their URLs, so only the
 * revocation of an asset is sure to hold.
 */
export async function serveUnenforced(
  why: Why,
  target: MediaTarget,
  viewer: ViewerRequest,
  parts: UnenforcedParts,
): Promise<Result<Response, OriginRefusal | Ended | ConditionRefusal> | undefined> {
  const file = unenforcedFile(target, why.code, parts);
  if (file === undefined) return undefined;
  const snapshot = parts.revocations.atHand(parts.waitUntil) ?? (await parts.revocations.current(parts.waitUntil));
  const known = "ok" in snapshot ? (snapshot.ok ? snapshot.value : undefined) : snapshot;
  if (known === undefined && file.mode !== "off") return undefined;
  const revoked = known && (revokedIn(known, file) ?? blackoutIn(known, file.asset.id, parts.source));
  if (revoked !== undefined) return refuse(revoked);
  // A request with a grant was refused before its conditions were checked, and one without has no playlist that checks them.
  const met = checkConditions(file.asset, parts.source(), parts.now);
  if (!met.ok) return met;
  parts.observed(why, { ...parts.traits(), asset: file.asset.id });
  const rewritten = file.isPlaylist && file.grant !== undefined ? await parts.rewrite(file) : undefined;
  if (rewritten !== undefined && !isUnenforcedRefusal(rewritten, file)) return ok(rewritten);
  await rewritten?.body?.cancel();
  return passOn(file, viewer, parts);
}

function revokedIn(snapshot: RevocationSnapshot, { grant, asset }: UnenforcedFile): Ended | undefined {
  const ofAsset = snapshot.entries.asset.get(asset.id);
  const entry = ofAsset ?? (grant && forbiddenBy(snapshot, grant, asset.id));
  return entry?.cause === "revoked" ? endedBecause("revoked").refusal : undefined;
}

/** Whether the manifest worker refused what this mode serves: it may have read an older catalog. In `off` any failure counts. */
function isUnenforcedRefusal({ ok: isOk, headers }: Response, { mode }: UnenforcedFile): boolean {
  const code = headers.get(refusalHeader) ?? "";
  return !isOk && (mode === "off" || (isRefusalCode(code) && isServedIn(mode, code)));
}

async function passOn(
  { asset, path, query, until, isPlaylist }: UnenforcedFile,
  viewer: ViewerRequest,
  { deliver, waitUntil, telemetry, now }: UnenforcedParts,
): Promise<Result<Response, OriginRefusal>> {
  const life = isPlaylist ? playlistLife : fileLife;
  const remaining = seconds(Math.min(life, until === undefined ? life : between(now, until)));
  // A live playlist changes all the time. It is kept for a second, so that the origin is asked once for many viewers.
  const kept: Asset = isPlaylist
    ? { ...asset, cacheLifetime: Math.min(asset.cacheLifetime ?? playlistLife, playlistLife) }
    : asset;
  const cacheable = isPlaylist || isMedia(path);
  const delivered = await deliver({ ...viewer, asset: kept, path, query, remaining, cacheable }, waitUntil);
  if (delivered.ok) telemetry(servedEvents.served[isPlaylist ? "playlist" : "segment"]);
  return delivered;
}

/** Whether a path is that of a segment. A key is like any other file without its URL's purpose, and caches must not keep it. */
function isMedia(path: string): boolean {
  return /^(video|audio|image|text\/vtt|application\/mp4)/.test(
    contentTypes.get(extensionOf(path).toLowerCase()) ?? "",
  );
}

/** How many kinds of observed requests are remembered, so that each is logged once a minute. */
const mostKinds = 1_000;

/** Counts each observed request, and logs the first of a code, asset and player in each minute. One per isolate. */
export function observe(
  { worker, log, telemetry }: Pick<Reporting, "worker" | "log" | "telemetry">,
  clock: Clock,
): Observed {
  const logged = new Map<string, UnixSeconds>();
  return ({ code, reason }, traits) => {
    telemetry({ event: "observed", code, ...traits });
    const { asset, player } = traits;
    const kind = `${code} ${asset} ${player}`;
    const minute = roundDownTo(seconds(60), clock());
    if (logged.get(kind) === minute) return;
    makeRoom(logged, mostKinds);
    logged.set(kind, minute);
    logObserved(log, worker, { code, reason }, { asset, player });
  };
}
