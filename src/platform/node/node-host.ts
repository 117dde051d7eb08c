import { makeRoom } from "../../base/bounded-map.ts";
import type { Refusal, Result } from "../../base/result.ts";
import { ok, refuse } from "../../base/result.ts";
import { type Seconds, seconds, systemClock, systemMillisecondClock, systemTimer } from "../../base/time.ts";
import { defaultMaxAge, keepCatalog } from "../../catalog/catalog-source.ts";
import { editInTurn } from "../../catalog/edit-in-turn.ts";
import type { WritableStore } from "../../cloudfront/keep-in-step.ts";
import { cycleLog, cycleTelemetry, type StoreWriter, startStoreWriter } from "../../cloudfront/store-writer.ts";
import type { Configuration, WorkerName } from "../../config/configuration.ts";
import { type Log, logError, logRefusal } from "../../http/problem-response.ts";
import {
  type DirectPorts,
  directPlaylists,
  type PlaylistSource,
  playlistName,
} from "../../manifest/playlist-source.ts";
import { sharePlaylist } from "../../manifest/share-playlist.ts";
import { Reporter, withOwn } from "../../metrics/reporter.ts";
import { memoryMediaCache } from "../../origin/memory-media-cache.ts";
import { type Origin, timedOrigin } from "../../origin/origin.ts";
import { apiService } from "../../service/api-service.ts";
import { type AnswerRequest, countSkipped, type HostPorts, watchedStores } from "../../service/host-ports.ts";
import { edgeService, manifestService } from "../../service/media-service.ts";
import { documentStreams } from "../../sessions/document-streams.ts";
import { leaseTimes } from "../../sessions/lease-rules.ts";
import type { RevocationLog } from "../../sessions/revocation.ts";
import type { NodeAccounts } from "./node-accounts.ts";
import { cloudFrontSign, nodeSha256, oneShotHmac } from "./node-crypto.ts";
import { mostSessions, type NodeStores } from "./node-stores.ts";

/** What a process answers: both hosts, or one of them while other processes answer the other. */
export type HostRole = "all" | "api" | "media";

export interface NodeHostParts {
  readonly role: HostRole;
  /** The configuration of each service, with its part of the key ring. */
  readonly configurations: Readonly<Record<WorkerName, Configuration>>;
  readonly stores: NodeStores;
  /** Viewers' accounts; undefined if they have another provider. */
  readonly accounts: NodeAccounts | undefined;
  readonly origin: Origin;
  /** The names of the folders that `origin` reads from. */
  readonly roots: readonly string[];
  /** For requests to providers: JWK Sets, introspection, entitlement. */
  readonly fetch: typeof globalThis.fetch;
  /** Opens the KeyValueStore with an ARN; undefined if this process writes none. */
  readonly openStore?: ((arn: string) => Promise<WritableStore>) | undefined;
  readonly log: Log;
}

/** A running service: the handlers of its two hosts; undefined for a host that its role leaves out. */
export interface NodeHost {
  readonly api: AnswerRequest | undefined;
  readonly media: AnswerRequest | undefined;
  /** Keeps work running after a response, until {@link NodeHost.close}. */
  readonly waitUntil: (work: Promise<unknown>) => void;
  /** Waits for the work after responses, and closes the stores. */
  readonly close: () => Promise<void>;
}

/** Sizes in memory, in bytes. */
const memory = { shelf: 256 * 1024 * 1024, files: 256 * 1024 * 1024 };

/** How often expired rows are removed, of accounts as well, and counts are reported. */
const sweepEvery = seconds(60);
const sweepAccountsEvery = seconds(3600);
const reportEvery = seconds(2);

/** The number of playlists that are shared at once. */
const mostPlaylists = 10_000;

/** The whole service in this process; or the faults of the configuration, with the stores closed. */
export async function nodeHost(parts: NodeHostParts): Promise<Result<NodeHost, readonly string[]>> {
  const { configurations, log, role } = parts;
  const { catalog, gathered, readinessChecks } = parts.stores;
  const random = (length: number) => crypto.getRandomValues(new Uint8Array(length));
  const { leaseTtl } = configurations.edge;
  const streams = documentStreams({
    documents: parts.stores.leases,
    times: leaseTimes(leaseTtl),
    secrets: { hmac: oneShotHmac, random },
    clock: systemClock,
  });
  const pending = new Set<Promise<unknown>>();
  const waitUntil = (work: Promise<unknown>) => {
    const done = work.catch(() => undefined).finally(() => pending.delete(done));
    pending.add(done);
  };

  const reporterOf = (worker: string) =>
    new Reporter({
      worker,
      gathered,
      clock: systemMillisecondClock,
      timer: systemTimer,
      every: reportEvery,
      isolate: crypto.randomUUID(),
    });

  /** The ports of a service, and its reporter of counts. */
  const portsOf = (worker: WorkerName): HostPorts & { readonly reporter: Reporter } => {
    const reporter = reporterOf(worker);
    const { telemetry } = reporter;
    const onRefusal = (why: Refusal) => logRefusal(log, worker, why);
    const { development } = configurations[worker];
    return {
      reporter,
      telemetry,
      log,
      onRefusal,
      reporting: { worker, log, telemetry, random },
      random,
      hmac: oneShotHmac,
      sha256: nodeSha256,
      catalog: keepCatalog({
        load: catalog.load,
        clock: systemClock,
        maxAge: defaultMaxAge(development),
        onRefusal,
      }),
    };
  };

  const [apiPorts, manifestPorts, edgePorts] = [portsOf("api"), portsOf("manifest"), portsOf("edge")];
  // One copy of the revocation log for the process.
  const stores = watchedStores(
    { log: countedLog(parts.stores.revocations, edgePorts), streams },
    configurations.edge,
    edgePorts,
  );
  parts.stores.onRevocation(() => waitUntil(stores.revocations.catchUp()));
  const mediaHandler = async () => {
    const origin = timedOrigin(parts.origin, manifestPorts.telemetry, systemMillisecondClock);
    const manifest = await manifestService(configurations.manifest, {
      ...manifestPorts,
      source: playlistsInProcess({ origin, timer: systemTimer, clock: systemMillisecondClock }),
      signWith: (key, hash) => cloudFrontSign({ ...key }, hash),
      readinessChecks: {},
      shelfCapacity: memory.shelf,
      mostSessions,
    });
    return edgeService(configurations.edge, {
      ...edgePorts,
      stores,
      origin: timedOrigin(parts.origin, edgePorts.telemetry, systemMillisecondClock),
      cache: memoryMediaCache({ capacity: memory.files, clock: systemClock }),
      mostSessions,
      manifest: { fetch: (request) => manifest(request, waitUntil) },
      admitsForNginx: true,
    });
  };
  const accountReporter = reporterOf("identity");
  const accounts = parts.accounts?.service({
    revocations: countedLog(parts.stores.revocations, accountReporter),
    telemetry: accountReporter.telemetry,
    log,
  });
  const apiHandler = () =>
    apiService(configurations.api, {
      ...apiPorts,
      stores,
      gathered: withOwn(gathered, apiPorts.reporter),
      catalogEditing: editInTurn({
        store: { load: catalog.load, save: catalog.replace },
        // The store always shows its latest text, so there is nothing to note.
        notes: { read: () => undefined, write: () => undefined },
        clock: systemClock,
        timer: systemTimer,
        sha256: nodeSha256,
      }),
      proofs: parts.stores.proofs,
      limits: parts.stores.limits,
      fetch: parts.fetch,
      roots: parts.roots,
      identity: accounts,
      readinessChecks,
      waitUntil,
    });
  const edge = role === "api" ? ok(undefined) : await mediaHandler();
  const api = role === "media" ? ok(undefined) : await apiHandler();
  /** A full disk must not end the process: what has expired is ignored anyway. */
  const repeat = (every: Seconds, worker: string, work: () => Promise<void>) =>
    setInterval(() => waitUntil(work().catch((error: unknown) => logError(log, worker, error))), every * 1000).unref();
  const sweeps = [
    repeat(sweepEvery, "api", () => parts.stores.sweep()),
    ...(accounts === undefined ? [] : [repeat(sweepAccountsEvery, "identity", () => accounts.sweep())]),
  ];
  const reporters = [apiPorts, manifestPorts, edgePorts].map(({ reporter }) => reporter);
  const writers: StoreWriter[] = [];
  const close = async () => {
    for (const sweep of sweeps) clearInterval(sweep);
    await Promise.all(writers.map((writer) => writer.stop()));
    await Promise.all(pending);
    await Promise.all([...reporters, accountReporter].map((reporter) => reporter.report()));
    await parts.accounts?.close();
    await parts.stores.close();
  };
  const faults = [edge, api].flatMap((service) => (service.ok ? [] : service.refusal));
  if (!edge.ok || !api.ok) {
    await close();
    return refuse(faults);
  }
  if (role !== "media") writers.push(...storeWriters(parts, apiPorts.reporter, waitUntil));
  const counted = (answer: AnswerRequest | undefined, reporters: readonly Reporter[]): AnswerRequest | undefined => {
    if (answer === undefined) return undefined;
    return (request, keepRunning, target) => {
      for (const reporter of reporters) reporter.linger(waitUntil);
      return answer(request, keepRunning, target);
    };
  };
  return ok({
    api: counted(api.value, [apiPorts.reporter, accountReporter]),
    media: counted(edge.value, [edgePorts.reporter, manifestPorts.reporter]),
    waitUntil,
    close,
  });
}

/** What keeps the stores of CloudFront's functions in step. Of several processes one writes: they take turns by the used proofs. */
function storeWriters(
  { stores, configurations, openStore, log }: NodeHostParts,
  reporter: Reporter,
  waitUntil: (work: Promise<unknown>) => void,
): readonly StoreWriter[] {
  if (openStore === undefined) return [];
  const { cloudFrontStores, cloudFrontRenewal: renewal, ring } = configurations.api;
  return cloudFrontStores.map((arn) => {
    const [logged, counted] = [cycleLog(log, arn), cycleTelemetry(reporter.telemetry, arn)];
    return startStoreWriter({
      open: () => openStore(arn),
      log: stores.revocations,
      ring,
      renewal,
      claim: (turn, until) => stores.proofs.firstUse("cloudfront-store", `${arn} ${turn}`, until),
      clock: systemClock,
      timer: systemTimer,
      onResult: (result) => {
        logged(result);
        counted(result);
        reporter.linger(waitUntil);
      },
    });
  });
}

/** The log of all services, which counts skipped entries. */
function countedLog(log: RevocationLog, { telemetry }: Pick<HostPorts, "telemetry">): RevocationLog {
  const onSkipped = countSkipped(telemetry);
  return {
    ...log,
    append: async (entries, by) => {
      const skipped = await log.append(entries, by);
      onSkipped(skipped);
      return skipped;
    },
  };
}

/** Playlists that all requests of this process share, by their name. One that does not change is only revalidated. */
function playlistsInProcess(ports: DirectPorts): PlaylistSource {
  const direct = directPlaylists(ports);
  const shared = new Map<string, PlaylistSource>();
  return (question) => {
    if (question.known?.live === false) return direct(question);
    const name = playlistName(question);
    const source = shared.get(name) ?? sharePlaylist(ports);
    shared.delete(name);
    makeRoom(shared, mostPlaylists);
    shared.set(name, source);
    return source(question);
  };
}
