import { ok, type Result, refuse } from "../base/result.ts";
import { type Milliseconds, systemClock, systemMillisecondClock, systemTimer } from "../base/time.ts";
import type { Configuration } from "../config/configuration.ts";
import { type Admit, admitSession } from "../edge/admit-session.ts";
import { admissionSecrets, answerAdmission, asksForAdmission, forNginx } from "../edge/answer-admission.ts";
import { answerMedia, type MediaRequest } from "../edge/answer-media.ts";
import { fileDelivery } from "../edge/deliver-file.ts";
import { guardFiles } from "../edge/guard-file.ts";
import { serveRequest } from "../edge/serve-request.ts";
import { type Observed, observe } from "../edge/serve-unenforced.ts";
import { type ReadinessCheck, readiness, readyPath, storeChecks } from "../http/health.ts";
import type { Reporting } from "../http/problem-response.ts";
import { traitsOf } from "../http/request-traits.ts";
import { PlaylistShelf } from "../manifest/playlist-shelf.ts";
import type { PlaylistSource } from "../manifest/playlist-source.ts";
import { answerManifest } from "../manifest/serve-playlist.ts";
import { noTelemetry, type Telemetry } from "../metrics/telemetry.ts";
import type { MediaCache } from "../origin/fill-cache.ts";
import type { Origin } from "../origin/origin.ts";
import { rememberLeases } from "../sessions/lease-memory.ts";
import { cloudFrontSigners } from "../signing/cloudfront/asset-signers.ts";
import { publicKeysOf } from "../signing/cloudfront/verify-cloudfront.ts";
import { rememberGrants } from "../signing/grant.ts";
import { prepareSessionKeys } from "../signing/session-keys.ts";
import { answerProbes, quietReporting } from "./answer-probes.ts";
import type { AnswerRequest, HostPorts, SessionStores } from "./host-ports.ts";

/** What the edge gets from its host. */
export interface EdgePorts extends HostPorts {
  readonly stores: SessionStores;
  readonly origin: Origin;
  readonly cache: MediaCache;
  /** The manifest service. */
  readonly manifest: { fetch(request: Request): Promise<Response> };
  /** Whether an nginx that checks media URLs itself may ask here whether their sessions are admitted. */
  readonly admitsForNginx?: boolean;
  /** Maximum number of sessions in memory: one that is forgotten costs its next request a question to the store. */
  readonly mostSessions: number;
}

/** The edge, created once per isolate or process; or the faults of the key ring. */
export async function edgeService(
  configuration: Configuration,
  ports: EdgePorts,
): Promise<Result<AnswerRequest, readonly string[]>> {
  const publicKeys = await publicKeysOf(configuration.ring, systemClock);
  if (!publicKeys.ok) return refuse(publicKeys.refusal);
  const { leaseTtl, sharedNetworks, storeFailure, mediaUrl } = configuration;
  const { stores, telemetry, catalog, origin, cache, manifest } = ports;
  const admission = {
    ...stores,
    leases: rememberLeases({ capacity: ports.mostSessions, leaseTtl }),
    logins: new Map(),
    timer: systemTimer,
    onFailure: ports.onRefusal,
    sharedNetworks,
    storeFailure,
  };
  /** The parts that count what they do. */
  const countedBy = (own: Telemetry) => {
    const admit: Admit = (access, asking) => admitSession(access, asking, { ...admission, telemetry: own });
    const deliver = fileDelivery({ origin, cache, clock: systemClock, telemetry: own });
    const files = guardFiles({ deliver, clock: systemClock, timer: systemTimer });
    return { telemetry: own, admit, deliver, files };
  };
  const checks = {
    ...storeChecks({ ...stores, catalog, clock: systemClock }),
    manifest: async () => (await manifest.fetch(new Request(new URL(readyPath, mediaUrl)))).ok,
  };
  const parts = {
    ...configuration,
    ...countedBy(telemetry),
    revocations: stores.revocations,
    observed: observe(ports.reporting, systemClock),
    clock: systemClock,
    timer: systemTimer,
    milliseconds: systemMillisecondClock,
    keys: await prepareSessionKeys(configuration.ring, ports.hmac),
    cloudFrontKeys: await prepareSessionKeys(configuration.ring, ports.hmac, ["session", "cloudfront-session"]),
    open: rememberGrants(ports.mostSessions),
    publicKeys: publicKeys.value,
    catalog,
    ready: readiness({ checks, clock: systemClock, timer: systemTimer }),
    sha256: ports.sha256,
    manifest,
  };
  const { revocations } = stores;
  const secrets = ports.admitsForNginx === true ? await admissionSecrets(configuration.ring) : undefined;
  const readTraits = (request: Request) => traitsOf(request, configuration);
  const answering = (own: typeof parts, reporting: Reporting): AnswerRequest => {
    const serve: AnswerRequest = (request, waitUntil, target) =>
      answerMedia(request, reporting, (media) => serveRequest(media, { ...own, waitUntil }), { target, readTraits });
    if (secrets === undefined) return serve;
    return async (request, waitUntil, target) => {
      if (!asksForAdmission(request)) return serve(request, waitUntil, target);
      const answer = (media: MediaRequest) => answerAdmission(media, { ...own, waitUntil, revocations, secrets });
      return forNginx(await answerMedia(request, reporting, answer, { target, readTraits }));
    };
  };
  const quiet = { ...parts, ...countedBy(noTelemetry), observed: noObservation };
  const { keys } = parts;
  return ok(
    answerProbes(answering(parts, ports.reporting), answering(quiet, quietReporting(ports.reporting)), {
      host: "media",
      keys,
      revocations,
    }),
  );
}

/** For the requests of doctor. */
const noObservation: Observed = () => undefined;

/** What the manifest service gets from its host. */
export interface ManifestPorts extends HostPorts {
  readonly source: PlaylistSource;
  /** Signs for CloudFront with a private key of the ring. */
  readonly signWith: Parameters<typeof cloudFrontSigners>[3];
  readonly readinessChecks: Readonly<Record<string, ReadinessCheck>>;
  /** Maximum size of the playlists, and of values computed from them, in memory, in bytes. */
  readonly shelfCapacity: number;
  /** Maximum number of sessions whose grants are in memory. */
  readonly mostSessions: number;
}

/** The manifest service, created once per isolate or process. */
export async function manifestService(configuration: Configuration, ports: ManifestPorts): Promise<AnswerRequest> {
  const { ring, mediaUrl } = configuration;
  const parts = {
    ...configuration,
    mediaHost: new URL(mediaUrl).host,
    clock: systemClock,
    milliseconds: systemMillisecondClock,
    keys: await prepareSessionKeys(ring, ports.hmac),
    cloudFrontKeys: await prepareSessionKeys(ring, ports.hmac, ["session", "cloudfront-session"]),
    open: rememberGrants(ports.mostSessions),
    catalog: ports.catalog,
    source: ports.source,
    onRefusal: ports.onRefusal,
    onLive: (delay: Milliseconds) => ports.telemetry({ event: "live", delay }),
    ready: readiness({ checks: ports.readinessChecks, clock: systemClock, timer: systemTimer }),
    sha256: ports.sha256,
    shelf: new PlaylistShelf(ports.shelfCapacity),
    cloudFront: cloudFrontSigners(ring, mediaUrl, systemClock, ports.signWith),
  };
  const readTraits = (request: Request) => traitsOf(request, configuration);
  const answering =
    (reporting: Reporting): AnswerRequest =>
    (request, waitUntil) =>
      answerMedia(request, reporting, (media) => answerManifest(media, { ...parts, waitUntil }), { readTraits });
  const { keys } = parts;
  return answerProbes(answering(ports.reporting), answering(quietReporting(ports.reporting)), {
    host: "media",
    keys,
    revocations: undefined,
  });
}
