import { EmulatedStore } from "../cli/cloudfront/key-value-store.ts";
import { answerStore } from "../cli/cloudfront/store-server.ts";
import { CloudFrontStore } from "../src/platform/cloudflare/cloudfront-object.ts";
import type { RevocationLogNamespace } from "../src/platform/cloudflare/session-stores.ts";

const arn = "arn:aws:cloudfront::123456789012:key-value-store/0c1e4a38-2f5d-4c4a-9d55-5f2b6a1c7e90";
const credentials = { accessKeyId: "AKIAIOSFODNN7EXAMPLE", secretAccessKey: "wJalrXUtnFEMI-EXAMPLE" };
const key = { kty: "oct", alg: "HS256", k: "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8" };

/** AWS's side of each object, which an eviction of the object does not touch. */
const worlds = new Map<string, World>();

/** What the objects of this isolate reported to the metrics. */
const reports: string[] = [];

const unasked = {
  counts: async () => undefined,
  sessions: async () => undefined,
  refusals: async () => undefined,
  groups: async () => undefined,
  history: async () => undefined,
  events: async () => undefined,
  actions: async () => undefined,
  ofViewer: async () => undefined,
};

interface World {
  readonly store: EmulatedStore;
  readonly lines: string[];
  isDown: boolean;
  arns: string;
}

/** The real object with settings, a revocation log and a KeyValueStore of its own. */
export class EmulatedCloudFrontStore extends CloudFrontStore {
  readonly #world: World;

  constructor(
    state: DurableObjectState,
    { REVOCATION_LOG: logs }: { REVOCATION_LOG: RevocationLogNamespace<unknown> },
  ) {
    const id = state.id.toString();
    const world = worlds.get(id) ?? { store: new EmulatedStore(Date.now), lines: [], isDown: false, arns: arn };
    worlds.set(id, world);
    const answer = answerStore({ store: world.store, arn, ...credentials });
    const settings = {
      STAGEDOOR_ENV: "development",
      STAGEDOOR_MEDIA_URL: "http://localhost:8788",
      STAGEDOOR_KEYS: JSON.stringify({
        keys: [
          { ...key, kid: "dev-session", purpose: "session" },
          { ...key, kid: "dev-cf", purpose: "cloudfront-session" },
        ],
      }),
      get STAGEDOOR_CLOUDFRONT_STORES() {
        return world.arns;
      },
      STAGEDOOR_AWS_KEY_ID: credentials.accessKeyId,
      STAGEDOOR_AWS_SECRET_KEY: credentials.secretAccessKey,
    };
    const REVOCATION_LOG = { idFromName: () => logs.idFromName(id), get: (name: unknown) => logs.get(name) };
    const METRICS_STORE = {
      idFromName: () => undefined,
      get: () => ({ ...unasked, report: async (report: unknown) => reports.push(JSON.stringify(report)) }),
    };
    super(state, Object.assign(settings, { REVOCATION_LOG, METRICS_STORE }), {
      fetch: (url, init) =>
        world.isDown ? Promise.reject(new TypeError("no network")) : answer(new Request(url, init)),
      log: (line) => world.lines.push(line),
    });
    this.#world = world;
  }

  /** The store's entries. */
  entries(): Record<string, string> {
    return Object.fromEntries(this.#world.store.list());
  }

  lines(): string[] {
    return this.#world.lines;
  }

  reports(): readonly string[] {
    return reports;
  }

  change(world: { readonly isDown?: boolean; readonly arns?: string }): void {
    Object.assign(this.#world, world);
  }

  async isAwaited(): Promise<boolean> {
    return (await this.ctx.storage.getAlarm()) !== null;
  }
}
