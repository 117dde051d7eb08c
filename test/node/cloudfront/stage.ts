import { emulateDistribution } from "../../../cli/cloudfront/emulator.ts";
import { EmulatedStore, type StoreUpdate } from "../../../cli/cloudfront/key-value-store.ts";
import { functionScript } from "../../../cli/lib/function-script.ts";
import { unixSeconds } from "../../../src/base/time.ts";
import type { FunctionSettings } from "../../../src/cloudfront/function-types.ts";
import { type PackedState, packedEntry } from "../../../src/cloudfront/store-entries.ts";
import type { SessionKey } from "../../../src/keys/key.ts";
import { now, ringKeys } from "../../unit/signing/session.ts";
import type { Case } from "../verifier/worlds.ts";

/** What a viewer gets: a response of the function itself, or the origin that CloudFront asks, and for what. */
export type Outcome =
  | { readonly status: number; readonly refusal?: string; readonly location?: string }
  | { readonly origin: string; readonly target: string; readonly viewer?: string };

export const settings: FunctionSettings = {
  issuer: "stagedoor",
  manifestOrigin: "manifest",
  storeFailure: "refuse",
  renewal: { lifetime: 300, step: 30 },
};

export async function scriptOf(changes: Partial<FunctionSettings> = {}): Promise<string> {
  const script = await functionScript({ ...settings, ...changes });
  if (!script.ok) throw new Error(script.refusal);
  return script.value;
}

/** A packed entry of keys without revocations, for as long as any test lasts. */
export function packed(changes: Partial<PackedState> = {}): string {
  const until = unixSeconds(now + 100_000_000);
  const entry = packedEntry({ keys: ringKeys, revocations: [], until, renewal: "function", ...changes });
  if (!entry.ok) throw new Error(entry.refusal);
  return entry.value;
}

/** A distribution whose origins say what they were asked, with a clock and a store. */
export class Stage {
  readonly store: EmulatedStore;
  /** In milliseconds. */
  time = now * 1000;
  #asked: Outcome | undefined;
  readonly fetch: (request: Parameters<ReturnType<typeof emulateDistribution>>[0]) => Promise<Response>;

  constructor(
    script: string,
    { keys = ringKeys, propagation = 0 }: { keys?: readonly SessionKey[]; propagation?: number } = {},
  ) {
    const clock = () => this.time;
    this.store = new EmulatedStore(clock, propagation);
    const origin = (id: string) => ({
      fetch: async ({ target, headers }: { target: string; headers: Headers }) => {
        const viewer = headers.get("stagedoor-viewer");
        this.#asked = { origin: id, target, ...(viewer !== null && { viewer }) };
        return new Response(null, { headers: { "Cache-Control": "no-store" } });
      },
    });
    const origins = { default: origin("default"), manifest: origin("manifest") };
    this.fetch = emulateDistribution({ script, store: this.store, clock, origins });
    this.write({ puts: [{ key: "c", value: packed({ keys }) }] });
    this.time += propagation;
  }

  write(update: StoreUpdate): void {
    const written = this.store.update(update, this.store.describe().etag);
    if (!written.ok) throw new Error(written.refusal);
  }

  async outcome(
    { target, client, now: at }: Case,
    method = "GET",
    more: Record<string, string> = {},
  ): Promise<Outcome> {
    this.time = at * 1000;
    this.#asked = undefined;
    const headers = new Headers({ ...more, "User-Agent": client.userAgent });
    const response = await this.fetch({ method, target, headers, address: client.address });
    const refusal = response.headers.get("Stagedoor-Refusal");
    const location = response.headers.get("Location");
    return (
      this.#asked ?? {
        status: response.status,
        ...(refusal !== null && { refusal }),
        ...(location !== null && { location }),
      }
    );
  }
}
