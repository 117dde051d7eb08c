import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { operatorOf } from "../cluster/operator.ts";
import { startTestCluster } from "../cluster/test-cluster.ts";
import { type Answer, answerOf, get, sessionOf, until, viewerOf } from "../cluster/viewer.ts";
import { walk } from "../cluster/walk.ts";

let cluster: Awaited<ReturnType<typeof startTestCluster>>;
let ask: (method: string, path: string, body?: object) => Promise<Answer>;

beforeAll(async () => {
  cluster = await startTestCluster({});
  const { addresses, miniflare } = cluster;
  const { token } = await operatorOf(addresses, "ann", ["operator:read", "operator:assets"]);
  ask = (method, path, body) =>
    answerOf(
      fetch(`${addresses.apiUrl}/operator${path}`, {
        method,
        headers: { Authorization: `Bearer ${token}` },
        ...(body !== undefined && { body: JSON.stringify(body) }),
      }),
    );
  // These files belong to no asset yet.
  const bucket = await miniflare.getR2Bucket("MEDIA", "stagedoor-edge");
  for (const { key } of (await bucket.list({ prefix: "vod-single/" })).objects) {
    const object = await bucket.get(key);
    if (object !== null) await bucket.put(key.replace("vod-single/", "premiere/"), await object.arrayBuffer());
  }
});

afterAll(() => cluster.stop());

const premiere = { origin: { type: "r2", binding: "MEDIA", prefix: "premiere/" }, entry: "index.m3u8" };
const idsIn = ({ body }: Answer) => Object(body).assets.map(({ id }: { id: string }) => id);

describe("an asset that an operator adds while the workers run", () => {
  it("plays without a restart once the workers have read the catalog again", async () => {
    const ann = await viewerOf(cluster.addresses, "ann");
    await walk((await ann.start({ asset: "vod-single" })).manifestUrl);
    const added = await ask("PUT", "/assets/premiere", { id: "premiere", ...premiere });
    expect([added.status, Object(added.body).was]).toEqual([200, "added"]);
    expect(idsIn(await ask("GET", "/assets"))).toContain("premiere");
    const bob = await viewerOf(cluster.addresses, "bob");
    // Each worker keeps the catalog for five seconds in development, and for 30 seconds elsewhere.
    const started = await until(
      () => bob.tryStart({ asset: "premiere" }),
      ({ status }) => status === 201,
    );
    const { manifestUrl } = sessionOf(started);
    await until(
      () => get(manifestUrl),
      ({ status }) => status === 200,
    );
    const { playlists, files } = await walk(manifestUrl);
    expect([playlists.size, files.size > 1]).toEqual([1, true]);
  });
});

describe("the catalog of running workers", () => {
  it("keeps all of 20 concurrent changes, and a change that bypassed the API", async () => {
    const before = idsIn(await ask("GET", "/assets"));
    const ids = Array.from({ length: 20 }, (_, n) => `batch-${n}`);
    const asset = (id: string) => ({ id, origin: { ...premiere.origin, prefix: `${id}/` }, entry: premiere.entry });
    const responses = await Promise.all(ids.map((id) => ask("PUT", `/assets/${id}`, asset(id))));
    expect(responses.map(({ status }) => status)).toEqual(ids.map(() => 200));
    const store = await cluster.miniflare.getKVNamespace("CATALOG", "stagedoor-api");
    const document = JSON.parse(String(await store.get("catalog", "text")));
    expect(new Set(document.assets.map(({ id }: { id: string }) => id))).toEqual(new Set([...before, ...ids]));
    document.assets.push(asset("by-wrangler"));
    await store.put("catalog", JSON.stringify(document));
    expect((await ask("DELETE", "/assets/batch-0")).status).toBe(204);
    const after = new Set(idsIn(await ask("GET", "/assets")));
    expect([after.has("by-wrangler"), after.has("batch-0"), after.has("batch-19")]).toEqual([true, false, true]);
  });

  it("refuses an invalid asset and names every fault", async () => {
    const refused = await ask("PUT", "/assets/within", {
      id: "within",
      origin: { ...premiere.origin, prefix: "vod-ts/360p/" },
      entry: "../index.m3u8",
    });
    expect([refused.status, refused.code]).toEqual([400, "asset_invalid"]);
    expect(Object(refused.body).faults).toEqual([
      expect.stringMatching(/^path_not_canonical: within: entry/),
      expect.stringMatching(/^prefix_overlap: within: origin\.prefix/),
    ]);
    expect(idsIn(await ask("GET", "/assets"))).not.toContain("within");
  });
});

describe("a rollout from observe to enforce, under load", () => {
  it("refuses no request of a session, and all others once it is enforced", async () => {
    const { apiUrl: _, mediaUrl } = cluster.addresses;
    const plain = () => get(`${mediaUrl}/vod-ts/index.m3u8`);
    const set = (body: object) => ask("PUT", "/assets/vod-ts/enforcement", body);
    expect((await plain()).code).toBe("signature_missing");

    let isOver = false;
    const refused: string[] = [];
    const walked = { sessions: 0, withoutGrant: 0 };
    const sessions = Array.from({ length: 3 }, async (_, n) => {
      for (let round = 0; !isOver; round++) {
        const viewer = await viewerOf(cluster.addresses, `viewer-${n}-${round}`);
        const { manifestUrl } = await viewer.start({ asset: "vod-ts" });
        for (let again = 0; again < 5; again++) {
          try {
            const { files } = await walk(manifestUrl);
            for (const file of [...files].slice(0, 2)) {
              const { status, code } = await get(file);
              if (status !== 200) refused.push(`${status} ${code}`);
            }
          } catch (error) {
            refused.push(String(error));
          }
        }
        walked.sessions++;
      }
    });

    const observing = await set({ mode: "observe", until: new Date(Date.now() + 3_600_000).toISOString() });
    expect([observing.status, Object(observing.body).enforcement.mode]).toEqual([200, "observe"]);
    await until(plain, ({ status }) => status === 200);
    // A player without a token plays the origin's own playlists.
    const { files } = await walk(`${mediaUrl}/vod-ts/index.m3u8`);
    walked.withoutGrant += files.size;
    expect((await get(`${mediaUrl}/vod-single/index.m3u8`)).code).toBe("signature_missing");
    expect(await (await fetch(`${mediaUrl}/ready`)).json()).toMatchObject({ enforcement: { observe: 1, off: 0 } });
    const observed = await until(
      () => ask("GET", "/breakdown?by=asset"),
      ({ body }) =>
        Object(body).groups?.some(
          ({ value, observed }: Observed) => value === "vod-ts" && "signature_missing" in observed,
        ),
    );
    expect(observed.status).toBe(200);

    const before = walked.sessions;
    expect((await set({ mode: "enforce" })).status).toBe(200);
    await until(plain, ({ status }) => status === 403);
    await until(
      async () => walked.sessions,
      (count) => count > before + 3,
    );
    isOver = true;
    await Promise.all(sessions);
    expect([refused, walked.withoutGrant > 3]).toEqual([[], true]);
  });
});

interface Observed {
  readonly value: string;
  readonly observed: object;
}
