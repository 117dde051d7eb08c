import { readFileSync } from "node:fs";
import { createServer, type IncomingHttpHeaders, type Server, type ServerResponse } from "node:http";
import { Webhook } from "standardwebhooks";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { freePort } from "../../cli/lib/ports.ts";
import { fixtureCatalog } from "../../cli/lib/project.ts";
import { startTestCluster } from "../cluster/test-cluster.ts";
import { type Answer, get, sessionOf, until, viewerOf } from "../cluster/viewer.ts";
import { walk } from "../cluster/walk.ts";

const secret = "the-secret-of-the-shop-9d1f";
const webhookSecret = `whsec_${Buffer.alloc(32, 7).toString("base64")}`;
/** What the shop received as a webhook. */
const hooks: { readonly headers: IncomingHttpHeaders; readonly text: string }[] = [];
/** How long the service's responses are kept, in seconds. */
const cache = 2;
/** The asset that has conditions of its own in this test. */
const conditional = "vod-single";

interface ShopRequest {
  readonly path: string | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly body: Readonly<Record<string, unknown>>;
}

const log: string[] = [];
const tokens: string[] = [];
/** The requests that the shop received, and its response for each subject: 403 if the test sets none. */
const requests: ShopRequest[] = [];
const responses = new Map<string, (response: ServerResponse) => void>();
let shop: Server;
let cluster: Awaited<ReturnType<typeof startTestCluster>>;

beforeAll(async () => {
  shop = createServer(async (request, response) => {
    let text = "";
    for await (const chunk of request) text += chunk;
    if (request.url === "/hooks") {
      hooks.push({ headers: request.headers, text });
      return void response.writeHead(204).end();
    }
    const body = JSON.parse(text || "{}");
    requests.push({ path: request.url, headers: request.headers, body });
    const respond = responses.get(body.subject);
    if (request.url !== "/may-play" || respond === undefined) response.writeHead(403).end();
    else respond(response);
  });
  const port = await freePort();
  await new Promise<void>((resolve) => shop.listen(port, "127.0.0.1", resolve));
  cluster = await startTestCluster(
    {
      STAGEDOOR_ENTITLEMENT_URL: `http://127.0.0.1:${port}/may-play`,
      STAGEDOOR_ENTITLEMENT_SECRET: secret,
      STAGEDOOR_ENTITLEMENT_CACHE: String(cache),
      STAGEDOOR_STORE_FAILURE: "open",
      STAGEDOOR_WEBHOOKS: JSON.stringify([{ url: `http://127.0.0.1:${port}/hooks` }]),
      STAGEDOOR_WEBHOOK_SECRET: webhookSecret,
    },
    log,
  );
  const catalog: { assets: { id: string }[] } = JSON.parse(readFileSync(fixtureCatalog, "utf8"));
  for (const asset of catalog.assets)
    if (asset.id === conditional)
      Object.assign(asset, { countries: { only: ["DE"] }, origins: ["https://*.example.com"] });
  const stored = await cluster.miniflare.getKVNamespace("CATALOG", "stagedoor-api");
  await stored.put("catalog", JSON.stringify(catalog));
});

afterAll(async () => {
  await cluster.stop();
  shop.closeAllConnections();
  shop.close();
});

let viewers = 0;
/** A viewer that no other test uses, and the shop's response for them. */
async function viewer(
  first: string | ((response: ServerResponse) => void),
  claims: Parameters<typeof viewerOf>[2] = {},
) {
  const subject = `customer-${++viewers}`;
  const device = await viewerOf(cluster.addresses, subject, claims);
  tokens.push(device.token);
  const respondWith = (next: typeof first) =>
    responses.set(subject, typeof next === "string" ? (response) => void response.end(next) : next);
  respondWith(first);
  return { ...device, subject, respondWith, sent: () => requests.filter(({ body }) => body.subject === subject) };
}

const statusAndCode = ({ status, code }: Answer) => [status, code];
const allowed = '{"allow": true}';

describe("the operator's entitlement service", () => {
  it("receives one request per start, and lets the viewer play", async () => {
    const ann = await viewer(allowed);
    const session = await ann.start();
    expect((await get(session.manifestUrl)).status).toBe(200);
    expect(ann.sent().length).toBe(1);
    const [request] = ann.sent();
    expect(request?.body).toEqual({
      issuer: "stagedoor-dev",
      subject: ann.subject,
      asset: "vod-ts",
      address: "127.0.0.1",
      country: null,
    });
    expect(request?.headers).toMatchObject({
      authorization: `Bearer ${secret}`,
      "content-type": "application/json",
    });
  });

  it("refuses a start with 403, and only the log has its reason", async () => {
    const ann = await viewer('{"allow": false, "reason": "no subscription\\n{since May}"}');
    const refused = await ann.tryStart();
    expect(statusAndCode(refused)).toEqual([403, "entitlement_refused"]);
    expect(JSON.stringify(refused.body)).not.toContain("May");
    expect(log.some((line) => line.includes("the entitlement service refused: no subscription {since May}"))).toBe(
      true,
    );
  });

  it("caps the quality of a session, which cannot play a friend's segment of a higher one", async () => {
    const [friend, capped] = [await viewer(allowed), await viewer('{"allow": true, "quality": {"maxHeight": 270}}')];
    const [whole, own] = [await friend.start(), await capped.start()];
    const [all, left] = [await walk(whole.manifestUrl), await walk(own.manifestUrl)];
    const namesOf = ({ playlists }: typeof all) =>
      [...playlists.keys()].map((url) => /\/(\d+p)\//.exec(url)?.[1] ?? "entry");
    expect(namesOf(all).toSorted()).toEqual(["180p", "270p", "360p", "entry"]);
    expect(namesOf(left).toSorted()).toEqual(["180p", "270p", "entry"]);
    const [mine = ""] = left.files;
    expect((await get(mine)).status).toBe(200);
    const theirs = [...all.files].find((url) => url.includes("/360p/")) ?? "";
    expect((await get(theirs)).status).toBe(200);
    const underOwnGrant = theirs.replace(whole.grant, own.grant);
    expect(statusAndCode(await get(underOwnGrant))).toEqual([403, "signature_invalid"]);
  });

  it("gets the events of a session as webhooks, signed by the specification's scheme", async () => {
    const { start, end } = await viewer(allowed);
    const session = await start();
    await end(session);
    const own = () => hooks.filter(({ text }) => text.includes(session.sessionId));
    await until(
      async () => own().length,
      (count) => count === 2,
    );
    const verified = own().map(({ headers, text }) => {
      const names = ["webhook-id", "webhook-timestamp", "webhook-signature"];
      const sent = Object.fromEntries(names.map((name) => [name, String(headers[name])]));
      return Object(new Webhook(webhookSecret).verify(text, sent));
    });
    expect(verified).toMatchObject([
      { type: "session.started", data: { asset: "vod-ts" } },
      { type: "session.ended", data: { why: "left" } },
    ]);
    expect(own().some(({ text }) => text.includes(session.grant))).toBe(false);
  });

  it("lets a viewer in right after their purchase", async () => {
    const ann = await viewer('{"allow": false}');
    expect(statusAndCode(await ann.tryStart())).toEqual([403, "entitlement_refused"]);
    ann.respondWith(allowed);
    expect((await ann.tryStart()).status).toBe(201);
  });

  const elsewhere = (response: ServerResponse) => response.writeHead(307, { Location: "/elsewhere" }).end(allowed);
  it.each<[string, string | ((response: ServerResponse) => void), string]>([
    ["does not answer", () => undefined, "did not answer within 2 s"],
    ["never ends its answer", (response) => void response.writeHead(200).write('{"allow":'), "within 2 s"],
    ["fails", (response) => void response.writeHead(500).end(allowed), "answered 500"],
    ["redirects", (response) => void elsewhere(response), "answered 307"],
    ["breaks off", (response) => void response.destroy(), "cannot be reached, or broke the connection off"],
    ["sends broken JSON", '{"allow": true', "did not answer with JSON"],
    ["sends a page", "<!doctype html><p>true", "did not answer with JSON"],
    ["sends something else", '{"allow": "yes"}', "something else"],
    ["sends too much", allowed.padEnd(5000), "more than 4096 bytes"],
  ])("refuses every start with 503 if it %s, even where stores fail open", async (_, first, reason) => {
    const ann = await viewer(first);
    expect(statusAndCode(await ann.tryStart())).toEqual([503, "provider_unavailable"]);
    expect(log.some((line) => line.includes("provider_unavailable") && line.includes(reason))).toBe(true);
  });

  it("is never reached through a redirect, which would leak the secret", () => {
    expect(new Set(requests.map(({ path }) => path))).toEqual(new Set(["/may-play"]));
  });

  it("overrides the stream limit of the viewer's token", async () => {
    const ann = await viewer('{"allow": true, "streams": 1}', { streams: 5 });
    await ann.start();
    expect(statusAndCode(await ann.tryStart())).toEqual([429, "stream_limit"]);
  });

  it("sets the latest end of the session", async () => {
    /** Starts a session that the service ends after this many seconds. */
    const endingIn = async (length: number) => {
      const end = new Date(Math.ceil(Date.now() / 1000 + length) * 1000).toISOString();
      const ann = await viewer(JSON.stringify({ allow: true, until: end }));
      const started = await ann.tryStart();
      if (started.status !== 201) return undefined;
      expect(Object(started.body).sessionExpiresAt).toBe(end.replace(".000", ""));
      const session = sessionOf(started);
      return { ann, session, played: (await get(session.manifestUrl)).status === 200 };
    };
    // A busy machine needs a longer session to see it play.
    let length = 1;
    const ending = await until(
      () => {
        length *= 2;
        return endingIn(length);
      },
      (session) => session?.played === true,
    );
    if (ending === undefined) throw new Error("no session played");
    const { ann, session } = ending;
    await until(
      () => get(session.manifestUrl),
      ({ status }) => status === 403,
    );
    expect(statusAndCode(await ann.renew(session))).toEqual([403, "grant_expired"]);
  });

  it("receives one request per viewer, asset and network while its answer is cached", async () => {
    const ann = await viewer(allowed);
    const since = Date.now();
    for (let i = 0; i < 5; i++) await ann.renew(await ann.start());
    // An answer is kept for more than `cache - 1` seconds, since the clock counts whole seconds. A slow machine asks
    // again.
    const most = 1 + Math.floor((Date.now() - since) / ((cache - 1) * 1000));
    expect(ann.sent().length).toBeLessThanOrEqual(most);
    const asset = "vod-fmp4";
    await ann.start({ asset });
    expect(ann.sent().map(({ body }) => body.asset)).toContain(asset);
    const before = ann.sent().length;
    await until(ann.tryStart, () => ann.sent().length > before, 500);
    expect(ann.sent().length).toBe(before + 1);
  });

  it("can refuse a renewal, and the session then lasts until its expiry", async () => {
    const ann = await viewer(allowed);
    const session = await ann.start();
    ann.respondWith('{"allow": false}');
    const refused = await until(
      () => ann.renew(session),
      ({ status }) => status === 403,
    );
    expect(statusAndCode(refused)).toEqual([403, "entitlement_refused"]);
    expect((await get(session.manifestUrl)).status).toBe(200);
  });
});

describe("an asset's conditions", () => {
  const startFrom = async (token: string, headers: Readonly<Record<string, string>>) => {
    const response = await fetch(`${cluster.addresses.apiUrl}/stream/start`, {
      method: "POST",
      headers: { Authorization: `Bearer ${token}`, ...headers },
      body: JSON.stringify({ asset: conditional }),
    });
    const { code } = Object(await response.json());
    return [response.status, code];
  };
  const site = { Origin: "https://tv.example.com" };

  it("are checked before the entitlement service, which learns only of viewers who meet them", async () => {
    const ann = await viewer(allowed);
    const from = (headers: Readonly<Record<string, string>>) => startFrom(ann.token, headers);
    expect(await from({ ...site, "CF-IPCountry": "FR" })).toEqual([403, "country_forbidden"]);
    expect(await from(site)).toEqual([403, "country_forbidden"]);
    expect(await from({ "CF-IPCountry": "DE" })).toEqual([403, "origin_forbidden"]);
    expect(await from({ "CF-IPCountry": "DE", Origin: "https://example.com.evil.example" })).toEqual([
      403,
      "origin_forbidden",
    ]);
    expect(ann.sent()).toEqual([]);
    expect(await from({ ...site, "CF-IPCountry": "DE" })).toEqual([201, undefined]);
    expect(ann.sent().map(({ body }) => body.country)).toEqual(["DE"]);
  });
});

it("a start is refused with 503 and Retry-After while the entitlement service is down", async () => {
  const ann = await viewer(allowed);
  shop.closeAllConnections();
  await new Promise((resolve) => shop.close(resolve));
  const response = await fetch(`${cluster.addresses.apiUrl}/stream/start`, {
    method: "POST",
    headers: { Authorization: `Bearer ${ann.token}` },
    body: '{"asset":"vod-ts"}',
  });
  expect([response.status, Object(await response.json()).code]).toEqual([503, "provider_unavailable"]);
  expect(Number(response.headers.get("Retry-After"))).toBeGreaterThan(0);
});

it("the log contains neither the service's secret nor a token", () => {
  const all = log.join("\n");
  expect(all).toContain("entitlement_refused");
  expect(tokens.length).toBeGreaterThan(10);
  for (const hidden of [secret, ...tokens.map((token) => token.slice(-22))]) expect(all).not.toContain(hidden);
});
