import {
  convertV4MiniflareOptions,
  Log,
  LogLevel,
  Miniflare,
  type Request as MiniflareRequest,
  Response as MiniflareResponse,
  type V4WorkerOptions,
} from "miniflare";
import { devEnvironment, devIdentityEnvironment } from "../../cli/lib/dev-environment.ts";
import { newIdentitySecret } from "../../cli/lib/dev-keys.ts";
import { freePort } from "../../cli/lib/ports.ts";
import { seed, worker } from "../../cli/local/cluster.ts";
import type { WorkerName } from "../../src/config/configuration.ts";
import type { KeyRing } from "../../src/keys/ring.ts";
import { keepLine, keepSecrets } from "./kept-logs.ts";

/**
 * The workers during the deployment of a new key ring: one worker of each kind for every ring, all with the same
 * Durable Objects, files and catalog, as isolates with an old and a new secret run side by side. `send` chooses the
 * ring.
 */
export interface RotatingCluster {
  /** The media host's URL. */
  readonly mediaUrl: string;
  readonly send: (worker: "api" | "edge", ring: number, path: string, init?: RequestInit) => Promise<Response>;
  readonly miniflare: Miniflare;
  readonly stop: () => Promise<void>;
}

export async function startRotatingCluster(
  rings: readonly KeyRing[],
  settings: Readonly<Record<string, string>>,
): Promise<RotatingCluster> {
  const ports: Record<WorkerName, number[]> = { api: [], edge: [], manifest: [] };
  for (const name of ["api", "edge", "manifest"] as const) for (const _ of rings) ports[name].push(await freePort());
  const mediaUrl = `http://localhost:${ports.edge[0]}`;
  const apiUrl = `http://localhost:${ports.api[0]}`;
  const identitySecret = newIdentitySecret();
  for (const { keys } of rings) keepSecrets(keys, settings, {}, {}, { identitySecret });
  const workers: V4WorkerOptions[] = [await worker("identity", devIdentityEnvironment(apiUrl, identitySecret, {}), {})];
  const page = async () => new MiniflareResponse(null, { status: 404 });
  for (const name of ["manifest", "edge", "api"] as const) {
    const first = await worker(name, {}, name === "api" ? { serviceBindings: { PAGE: page } } : {});
    for (const [i, ring] of rings.entries())
      workers.push({
        ...first,
        name: i === 0 ? `stagedoor-${name}` : `stagedoor-${name}-${i}`,
        bindings: devEnvironment(name, ring, mediaUrl, { STAGEDOOR_API_URL: apiUrl, ...settings }),
        unsafeDirectSockets: [{ host: "127.0.0.1", port: ports[name][i] ?? 0 }],
        ...(name === "edge" && { serviceBindings: { MANIFEST: manifest } }),
        ...(i > 0 && { durableObjects: objectsOf(first, `stagedoor-${name}`) }),
      });
  }

  /** The manifest worker with the ring that the request names. */
  async function manifest(request: MiniflareRequest): Promise<MiniflareResponse> {
    const i = Number(request.headers.get(manifestRing) ?? 0);
    const target = await miniflare.getWorker(i === 0 ? "stagedoor-manifest" : `stagedoor-manifest-${i}`);
    return target.fetch(request.url, { method: request.method, headers: request.headers, redirect: "manual" });
  }

  const miniflare = new Miniflare(
    convertV4MiniflareOptions({
      workers,
      cf: false,
      log: new Log(LogLevel.ERROR),
      handleStructuredLogs: ({ message }) => keepLine(message),
    }),
  );
  await miniflare.ready;
  await seed(miniflare, { liveUrl: "http://127.0.0.1:9" });
  return {
    mediaUrl,
    miniflare,
    send: (name, ring, path, init) =>
      fetch(`http://localhost:${ports[name][ring]}${path}`, { redirect: "manual", ...init }),
    stop: () => miniflare.dispose(),
  };
}

/** The header that names the manifest worker's ring in a test. */
export const manifestRing = "X-Manifest-Ring";

/** The Durable Objects of a worker's first variant, which all variants share. */
function objectsOf(first: V4WorkerOptions, script: string): NonNullable<V4WorkerOptions["durableObjects"]> {
  const shared: Record<string, { className: string; scriptName: string }> = {};
  for (const [name, object] of Object.entries(first.durableObjects ?? {})) {
    const { className, scriptName = script } = Object(object);
    shared[name] = { className, scriptName };
  }
  return shared;
}
