import { chmodSync, existsSync, mkdirSync } from "node:fs";
import type { Server } from "node:http";
import { dirname, resolve } from "node:path";
import { parseNetwork } from "../../src/base/ip-address.ts";
import { ok, type Result, refusal, refuse } from "../../src/base/result.ts";
import { systemClock, systemTimer } from "../../src/base/time.ts";
import type { WritableStore } from "../../src/cloudfront/keep-in-step.ts";
import { catalogOf, rootsOf } from "../../src/deployment/catalog-of.ts";
import type { Log } from "../../src/http/problem-response.ts";
import { seriesOf } from "../../src/metrics/metrics.ts";
import { httpOrigin } from "../../src/origin/http-origin.ts";
import { type Origin, originOf } from "../../src/origin/origin.ts";
import { openAwsStore } from "../../src/platform/aws/aws-store.ts";
import { fileOrigin } from "../../src/platform/node/file-origin.ts";
import { guardedFetch } from "../../src/platform/node/guarded-fetch.ts";
import { drain, type HttpFront, httpFront, listenOn } from "../../src/platform/node/http-front.ts";
import { nodeHost } from "../../src/platform/node/node-host.ts";
import type { NodeStores } from "../../src/platform/node/node-stores.ts";
import type { AnswerRequest } from "../../src/service/host-ports.ts";
import { WebhookQueue } from "../../src/webhooks/webhook-queue.ts";
import { awsStoreClient, installs, loadedPeer, loadStoreClient } from "../lib/peers.ts";
import { accountsOf } from "./run-accounts.ts";
import { storesOf, writeCatalog } from "./run-stores.ts";
import type { ServicePlan } from "./service-plan.ts";

/** How long responses in progress may take after a signal, in milliseconds: longer than a blocking reload waits. */
const drainTimeout = 20_000;

/** A service in this process, behind ports that stay open. */
interface OpenHost {
  /** What answers on each port; undefined for a port that the role does not open. */
  readonly fronts: Readonly<Record<"api" | "media", HttpFront | undefined>>;
  /** Waits for the requests that it is answering, and closes its stores. */
  readonly retire: () => Promise<void>;
}

/** Makes the stores of a service, and writes the first catalog; once, before any process serves. Or why not. */
export async function prepareStores(plan: ServicePlan): Promise<string | undefined> {
  const stores = await openStores(plan);
  if (typeof stores === "string") return stores;
  const { deployment, options } = plan;
  const { environment, replacesCatalog: replaces } = options;
  const text = JSON.stringify(catalogOf(deployment, environment), null, 2);
  const fault = await writeCatalog(stores, text, { config: deployment.config, environment, replaces });
  await stores.close();
  return fault;
}

/** One process of a service: its ports, and what answers on them, which a new configuration replaces. */
export class ServiceProcess {
  #current: OpenHost;
  readonly #servers: readonly Server[];
  /** Reloads run one after another, and a stop waits for them. */
  #turn: Promise<unknown> = Promise.resolve();

  private constructor(host: OpenHost, servers: (current: () => OpenHost) => readonly Server[]) {
    this.#current = host;
    this.#servers = servers(() => this.#current);
  }

  /** Opens the ports of a service, or says why it cannot. */
  static async start(plan: ServicePlan): Promise<Result<ServiceProcess, string>> {
    const host = await openHost(plan);
    if (!host.ok) return host;
    const { role, port, mediaPort, address } = plan.options;
    const ports: number[] = [];
    const started = new ServiceProcess(host.value, (current) => {
      const servers: Server[] = [];
      for (const [name, number] of [
        ["api", port],
        ["media", mediaPort],
      ] as const) {
        if (role !== "all" && role !== name) continue;
        ports.push(number);
        servers.push(httpFront(() => frontOf(current(), name)));
      }
      return servers;
    });
    await Promise.all(started.#servers.map((server, index) => listenOn(server, ports[index] ?? 0, address)));
    return ok(started);
  }

  /**
   * Answers new requests by another plan, and the ones in progress by the old one. If the new one cannot start, the old
   * one continues: resolves with the reason.
   */
  reload(plan: ServicePlan): Promise<string | undefined> {
    const reloaded = this.#turn.then(async () => {
      const next = await openHost(plan);
      if (!next.ok) return next.refusal;
      const previous = this.#current;
      this.#current = next.value;
      this.#retiring.push(previous.retire());
      return undefined;
    });
    this.#turn = reloaded.catch(() => undefined);
    return reloaded;
  }

  readonly #retiring: Promise<void>[] = [];

  /** Stops listening, answers what has arrived, and closes the stores. */
  async stop(): Promise<void> {
    await this.#turn;
    await Promise.all(this.#servers.map((server) => drain(server, drainTimeout)));
    await Promise.all([...this.#retiring, this.#current.retire()]);
  }
}

function frontOf({ fronts }: OpenHost, name: "api" | "media"): HttpFront {
  const front = fronts[name];
  if (front === undefined) throw new Error("a reload cannot change the role");
  return front;
}

async function openHost(plan: ServicePlan): Promise<Result<OpenHost, string>> {
  const { folder, options, deployment, host, configurations, secrets, apiUrl, mediaUrl, file } = plan;
  const { environment, role } = options;
  const { config } = deployment;
  const stores = await openStores(plan);
  if (typeof stores === "string") return refuse(stores);
  const accounts =
    role === "media" ? undefined : await accountsOf(folder, config, { environment, apiUrl, secrets, file });
  if (typeof accounts === "string") {
    await stores.close();
    return refuse(accounts);
  }
  const { cloudFrontStores } = configurations.api;
  const openStore = role === "media" || cloudFrontStores.length === 0 ? undefined : await storeOpener();
  if (typeof openStore === "string") {
    await accounts?.close();
    await stores.close();
    return refuse(openStore);
  }
  const running = await nodeHost({
    role,
    openStore,
    configurations,
    stores,
    accounts,
    origin: originsFor(plan),
    roots: [...rootsOf(config, environment).keys()],
    fetch: (input, init) => fetch(input, init),
    log,
  });
  if (!running.ok) return refuse(["The configuration is invalid:", ...running.refusal].join("\n  "));
  const { api, media, waitUntil, close } = running.value;
  const stopWebhooks = role === "media" ? async () => undefined : sendEvents(plan, stores);
  const requests = new RequestsInProgress();
  const trustedProxies = host.trustedProxies.flatMap((text) => parseNetwork(text) ?? []);
  const front = (publicUrl: string, answer: AnswerRequest | undefined): HttpFront | undefined =>
    answer && {
      publicUrl,
      answer: requests.counted(answer),
      waitUntil,
      trustedProxies,
      placeHeaders: host.placeHeaders,
    };
  return ok({
    fronts: { api: front(apiUrl, api), media: front(mediaUrl, media) },
    retire: async () => {
      await requests.none();
      await stopWebhooks();
      await close();
    },
  });
}

/** How often events are sent to webhooks, in milliseconds. */
const sendInterval = 2_000;

/** Sends events to the webhooks of a plan until the returned function is called, which waits for the last delivery. */
function sendEvents(
  { configurations, host }: ServicePlan,
  { counts, claim, gathered }: NodeStores,
): () => Promise<void> {
  const { webhooks } = configurations.manifest;
  if (webhooks.endpoints.length === 0 || counts === undefined) return async () => undefined;
  let counted = new Map<string, number>();
  const queue = new WebhookQueue(webhooks, {
    store: counts,
    events: gathered.events,
    fetch: guardedFetch(host.privateOrigins),
    clock: systemClock,
    timer: systemTimer,
    claim,
    onOutcome: (outcome) => {
      const series = seriesOf("stagedoor_webhooks_total", { outcome });
      counted.set(series, (counted.get(series) ?? 0) + 1);
    },
  });
  const turn = async (deliver: () => Promise<unknown>) => {
    await deliver();
    const sums = [...counted];
    counted = new Map();
    if (sums.length > 0)
      await gathered.report({ worker: "webhooks", counts: sums, refusals: [], alive: [], ended: [] });
  };
  const loops = queue.turns.map((deliver) => {
    let running: Promise<unknown> | undefined;
    const timer = setInterval(() => {
      // A store that does not answer is in the log by other requests; the next turn tries again.
      running ??= turn(deliver)
        .catch(() => undefined)
        .finally(() => {
          running = undefined;
        });
    }, sendInterval);
    return async () => {
      clearInterval(timer);
      await running;
    };
  });
  return async () => {
    await Promise.all(loops.map((stop) => stop()));
  };
}

/** What opens a KeyValueStore by AWS's client; or which packages are missing. */
async function storeOpener(): Promise<((arn: string) => Promise<WritableStore>) | string> {
  return (await loadedPeer(awsStoreClient, loadStoreClient)) === undefined
    ? `cdns: the store of a CloudFront Function is written with ${awsStoreClient}, which is not installed: ${installs(awsStoreClient)}`
    : (arn) => openAwsStore({ arn, fetch });
}

/** Requests without a response yet. A response's body needs no store. */
class RequestsInProgress {
  #count = 0;
  #onNone: (() => void) | undefined;

  counted(answer: AnswerRequest): AnswerRequest {
    return async (...words) => {
      this.#count++;
      try {
        return await answer(...words);
      } finally {
        if (--this.#count === 0) this.#onNone?.();
      }
    };
  }

  none(): Promise<void> {
    return new Promise((resolve) => {
      this.#onNone = resolve;
      if (this.#count === 0) resolve();
    });
  }
}

const log: Log = (line) => console.log(line);

async function openStores(plan: ServicePlan): Promise<NodeStores | string> {
  const { deployment, options, secrets, configurations, file } = plan;
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  // SQLite makes files of its own next to the database.
  process.umask(0o077);
  const { environment, role } = options;
  const configuration = configurations.edge;
  const servesApi = role !== "media";
  const stores = await storesOf(deployment.config, { environment, secrets, configuration, file, servesApi, log });
  if (existsSync(file)) chmodSync(file, 0o600);
  return stores;
}

/** The origins of all assets: folders of this machine, and HTTP and S3 with the secrets of the file. */
function originsFor({ folder, deployment, configurations, options, secrets, host }: ServicePlan): Origin {
  const folders = [...rootsOf(deployment.config, options.environment)];
  const roots = new Map(folders.map(([name, path]) => [name, resolve(folder, path)]));
  return originOf({
    r2: async ({ asset }) => refusal("configuration_invalid", `${asset.id}: an origin of the type r2 needs Cloudflare`),
    file: fileOrigin(roots),
    http: httpOrigin({
      fetch: guardedFetch(host.privateOrigins),
      secretOf: (name) => secrets[name],
      originSecrets: configurations.edge.originSecrets,
      clock: systemClock,
    }),
  });
}
