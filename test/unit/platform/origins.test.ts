import { describe } from "vitest";
import { unixSeconds } from "../../../src/base/time.ts";
import { httpOrigin } from "../../../src/origin/http-origin.ts";
import { originOf } from "../../../src/origin/origin.ts";
import { type Bucket, r2Origin } from "../../../src/platform/cloudflare/r2-origin.ts";
import { memoryOrigin } from "../../support/memory-files.ts";
import { httpOriginOf, sampleAsset } from "../catalog/sample.ts";
import { fakeServer } from "../origin/fake-server.ts";
import { contractCaching, contractFiles, originContract } from "../origin/origin-contract.ts";
import { fakeBucket } from "./fake-bucket.ts";
import { runtimeBindings } from "./runtime-bindings.ts";

const base = "https://origin.example/films/42/";
const clock = () => unixSeconds(1_800_000_000);

function memory() {
  const files = [...contractFiles].map(([name, body]) => {
    const path = name === "Ü b+c.m4s" ? "%C3%9C%20b+c.m4s" : name;
    return [`film/${path}`, { body, etag: `"${body.length}-m"`, ...contractCaching(name) }] as const;
  });
  return memoryOrigin(new Map(files));
}

originContract("a map in memory", async () => ({ origin: memory(), asset: sampleAsset() }));

originContract("an HTTP server", async () => {
  const { fetch } = fakeServer(base, contractFiles);
  return {
    origin: httpOrigin({ fetch, clock, secretOf: () => undefined, originSecrets: {} }),
    asset: sampleAsset({ origin: httpOriginOf() }),
  };
});

originContract("a fake R2", async () => {
  const objects = new Map(
    [...contractFiles].map(([name, body]) => [`film/${name}`, { body, httpMetadata: contractCaching(name) }]),
  );
  return { origin: r2Origin({ MEDIA: fakeBucket(objects) }), asset: sampleAsset() };
});

originContract("the origin of an asset's type", async () => {
  const { fetch } = fakeServer(base, contractFiles);
  const origin = originOf({
    r2: memory(),
    http: httpOrigin({ fetch, clock, secretOf: () => undefined, originSecrets: {} }),
    file: memory(),
  });
  return { origin, asset: sampleAsset({ origin: httpOriginOf() }) };
});

const bindings = await runtimeBindings();
const bucket = bindings === undefined ? undefined : Reflect.get(bindings, "MEDIA");

describe.skipIf(!isFillable(bucket))("in workerd, which has an R2 binding MEDIA,", () => {
  originContract("R2 itself", async () => {
    if (!isFillable(bucket)) throw new Error("no bucket");
    for (const [name, body] of contractFiles)
      await bucket.put(`contract/${name}`, body, { httpMetadata: contractCaching(name) });
    const asset = sampleAsset({ origin: { type: "r2", binding: "MEDIA", prefix: "contract/" } });
    return { origin: r2Origin({ MEDIA: bucket }), asset };
  });
});

interface FillableBucket extends Bucket {
  put(
    key: string,
    body: Uint8Array<ArrayBuffer>,
    options: { readonly httpMetadata: { readonly cacheControl?: string } },
  ): Promise<unknown>;
}

function isFillable(value: unknown): value is FillableBucket {
  return typeof value === "object" && value !== null && typeof Reflect.get(value, "put") === "function";
}
