import { describe, expect, it } from "vitest";
import { EmulatedStore } from "../../../cli/cloudfront/key-value-store.ts";
import { answerStore } from "../../../cli/cloudfront/store-server.ts";
import { seconds } from "../../../src/base/time.ts";
import { bringInStep } from "../../../src/cloudfront/keep-in-step.ts";
import { type AwsStoreParts, openAwsStore } from "../../../src/platform/aws/aws-store.ts";

const arn = "arn:aws:cloudfront::123456789012:key-value-store/0c1e4a38-2f5d-4c4a-9d55-5f2b6a1c7e90";
const credentials = { accessKeyId: "AKIDEXAMPLE", secretAccessKey: "wJalrXUtnFEMI-EXAMPLE" };
const endpoint = "https://kvs.example";

/** A store behind AWS's data API, the client of it, and what it was asked. */
async function opened(changes: Partial<AwsStoreParts> = {}) {
  const emulated = new EmulatedStore(() => 0);
  const answer = answerStore({ store: emulated, arn, ...credentials });
  const requests: string[] = [];
  const store = await openAwsStore({
    ...{ arn, credentials, endpoint },
    fetch: (url, init) => {
      const { host, pathname, search } = new URL(url);
      requests.push(`${init.method} ${host} ${pathname.replace(encodeURIComponent(arn), "{arn}")}${search}`);
      return answer(new Request(url, init));
    },
    ...changes,
  });
  return { emulated, store, requests };
}

const entries = (count: number) => new Map(Array.from({ length: count }, (_, at) => [`l${at}`, `r${at}`]));

describe("AWS's client of a KeyValueStore", () => {
  it("reads and writes a store of several pages with signed requests to the account's host", async () => {
    const { emulated, store, requests } = await opened();
    const written = await bringInStep(store, entries(120));
    const { etag } = emulated.describe();
    expect(written).toEqual({ ok: true, value: { etag, entries: entries(120), puts: 120, deletes: 0 } });
    expect(emulated.list()).toEqual(entries(120));
    expect(await store.read()).toEqual({ etag, entries: entries(120) });
    const host = "123456789012.kvs.example /key-value-stores/{arn}";
    const [describing, first] = [`GET ${host}`, `GET ${host}/keys?MaxResults=50`];
    const others = ["50", "100"].map((token) => `GET ${host}/keys?NextToken=${token}&MaxResults=50`);
    const updates = Array.from({ length: 3 }, () => `POST ${host}/keys`);
    expect(requests).toEqual([describing, first, ...updates, describing, first, ...others]);
  });

  it("reports a conflict if another writer changed the store, or removed what it removes", async () => {
    const { emulated, store } = await opened();
    const change = { puts: [{ key: "c", value: "1" }], deletes: [] };
    expect(await store.update(change, "an older ETag")).toEqual({ ok: false, refusal: "conflict" });
    const { etag } = emulated.describe();
    expect(await store.update({ puts: [], deletes: ["absent"] }, etag)).toEqual({ ok: false, refusal: "conflict" });
  });

  it("names AWS's exception and what to do, and quotes neither an entry nor a credential nor AWS's text", async () => {
    const wrong = await opened({ credentials: { ...credentials, secretAccessKey: "another" } });
    await expect(wrong.store.read()).rejects.toThrow(
      "DescribeKeyValueStore: AccessDeniedException (403): allow cloudfront-keyvaluestore:DescribeKeyValueStore, ListKeys " +
        "and UpdateKeys on the store's ARN",
    );
    const { store } = await opened({ arn: arn.replace("0c1e", "ffff") });
    await expect(store.read()).rejects.toThrow(
      /^DescribeKeyValueStore: ResourceNotFoundException \(404\): there is no store with this ARN$/,
    );
    const { emulated, store: full } = await opened();
    const change = { puts: [{ key: "secret entry", value: "x".repeat(1025) }], deletes: [] };
    await expect(full.update(change, emulated.describe().etag)).rejects.toThrow(
      /^UpdateKeys: ValidationException \(400\)$/,
    );
  });

  it("gives up a call that gets no answer in time, and says so", async () => {
    const fetch: AwsStoreParts["fetch"] = (_, { signal }) =>
      new Promise((_, reject) => signal?.addEventListener("abort", () => reject(signal.reason)));
    const { store } = await opened({ fetch, timeout: seconds(0.01) });
    await expect(store.read()).rejects.toThrow("DescribeKeyValueStore: no answer within 0.01 s");
    const noCredentials = () => new Promise<never>(() => undefined);
    const waiting = await opened({ credentials: noCredentials, timeout: seconds(0.01) });
    await expect(waiting.store.read()).rejects.toThrow("DescribeKeyValueStore: no answer within 0.01 s");
  });
});
