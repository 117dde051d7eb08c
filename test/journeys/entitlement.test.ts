import { readFileSync } from "node:fs";
import { createServer, type IncomingHttpHeaders, type Server, type ServerResponse } from "node:http";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { fixtureCatalog } from "../../cli/lib/project.ts";
import { freePort } from "../../cli/local/ports.ts";
import { startTestCluster } from "../cluster/test-cluster.ts";
import { type Answer, get, sessionOf, until, viewerOf } from "../cluster/viewer.ts";

const secret = "the-secret-of-the-shop-9d1f";
/** In seconds. */
const cache = 2;
/** The asset that has conditions of its own here. */
const conditional = "vod-single";

interface Asked {
  readonly path: string | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly body: Readonly<Record<string, unknown>>;
}

const log: string[] = [];
const tokens: string[] = [];
/** What the shop was asked, and what it answers each subject; 403 where the test says nothing. */
const asked: Asked[] = [];
const answers = new Map<string, (response: ServerResponse) => void>();
let shop: Server;
let cluster: Awaited<ReturnType<typeof startTestCluster>>;

beforeAll(async () => {
  shop = createServer(async (request, response) => {
    let text = "";
    for await (const chunk of request) text += chunk;
    const body = JSON.parse(text || "{}");
    asked.push({ path: request.url, headers: request.headers, body });
    const answer = answers.get(body.subject);
    if (request.url !== "/may-play" || answer === undefined) response.writeHead(403).end();
    else answer(response);
  });
  const port = await freePort();
  await new Promise<void>((resolve) => shop.listen(port, "127.0.0.1", resolve));
  cluster = await startTestCluster(
    {
      STAGEDOOR_ENTITLEMENT_URL: `http://127.0.0.1:${port}/may-play`,
      STAGEDOOR_ENTITLEMENT_SECRET: secret,
      STAGEDOOR_ENTITLEMENT_CACHE: String(cache),
      STAGEDOOR_STORE_FAILURE: "open",
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
/** A viewer whom no other test knows, and what the shop answers where it is asked about him. */
async function viewer(
  answer: string | ((response: ServerResponse) => void),
  claims: Parameters<typeof viewerOf>[2] = {},
) {
  const subject = `customer-${++viewers}`;
  const made = await viewerOf(cluster.addresses, subject, claims);
  tokens.push(made.token);
  const say = (next: typeof answer) =>
    answers.set(subject, typeof next === "string" ? (response) => void response.end(next) : next);
  say(answer);
  return { ...made, subject, say, questions: () => asked.filter(({ body }) => body.subject === subject) };
}

const told = ({ status, code }: Answer) => [status, code];
const yes = '{"allow": true}';

describe("an operator's own service", () => {
  it("is asked about a start, and lets the viewer play", async () => {
    const ann = await viewer(yes);
    const session = await ann.start();
    expect((await get(session.manifestUrl)).status).toBe(200);
    expect(ann.questions().length).toBe(1);
    const [question] = ann.questions();
    expect(question?.body).toEqual({
      issuer: "stagedoor-dev",
      subject: ann.subject,
      asset: "vod-ts",
      address: "127.0.0.1",
      country: null,
    });
    expect(question?.headers).toMatchObject({
      authorization: `Bearer ${secret}`,
      "content-type": "application/json",
    });
  });

  it("refuses one with 403, and its reason goes to the log and not to the viewer", async () => {
    const ann = await viewer('{"allow": false, "reason": "no subscription\\n{since May}"}');
    const refused = await ann.tryStart();
    expect(told(refused)).toEqual([403, "entitlement_refused"]);
    expect(JSON.stringify(refused.body)).not.toContain("May");
    expect(log.some((line) => line.includes("the entitlement service refused: no subscription {since May}"))).toBe(
      true,
    );
  });

  it("lets in at once who has bought a moment ago", async () => {
    const ann = await viewer('{"allow": false}');
    expect(told(await ann.tryStart())).toEqual([403, "entitlement_refused"]);
    ann.say(yes);
    expect((await ann.tryStart()).status).toBe(201);
  });

  const elsewhere = (response: ServerResponse) => response.writeHead(307, { Location: "/elsewhere" }).end(yes);
  it.each<[string, string | ((response: ServerResponse) => void), string]>([
    ["does not answer", () => undefined, "did not answer within 2 s"],
    ["never ends its answer", (response) => void response.writeHead(200).write('{"allow":'), "within 2 s"],
    ["fails", (response) => void response.writeHead(500).end(yes), "answered 500"],
    ["redirects", (response) => void elsewhere(response), "answered 307"],
    ["breaks off", (response) => void response.destroy(), "cannot be reached, or broke the connection off"],
    ["answers broken JSON", '{"allow": true', "did not answer with JSON"],
    ["answers a page", "<!doctype html><p>true", "did not answer with JSON"],
    ["answers something else", '{"allow": "yes"}', "something else"],
    ["answers too much", yes.padEnd(5000), "more than 4096 bytes"],
  ])("that %s lets nobody in, also where stores fail open: 503", async (_, answer, reason) => {
    const ann = await viewer(answer);
    expect(told(await ann.tryStart())).toEqual([503, "store_unavailable"]);
    expect(log.some((line) => line.includes("store_unavailable") && line.includes(reason))).toBe(true);
  });

  it("that redirected was not followed, with the secret in hand", () => {
    expect(new Set(asked.map(({ path }) => path))).toEqual(new Set(["/may-play"]));
  });

  it("names how many streams the viewer may run, in place of his token", async () => {
    const ann = await viewer('{"allow": true, "streams": 1}', { streams: 5 });
    await ann.start();
    expect(told(await ann.tryStart())).toEqual([429, "stream_limit"]);
  });

  it("names when the session ends at the latest, and it does", async () => {
    /** A start, of which the service says that its session ends in so many seconds. */
    const endingIn = async (length: number) => {
      const end = new Date(Math.ceil(Date.now() / 1000 + length) * 1000).toISOString();
      const ann = await viewer(JSON.stringify({ allow: true, until: end }));
      const answer = await ann.tryStart();
      if (answer.status !== 201) return undefined;
      expect(Object(answer.body).sessionExpiresAt).toBe(end.replace(".000", ""));
      const session = sessionOf(answer);
      return { ann, session, played: (await get(session.manifestUrl)).status === 200 };
    };
    // A busy machine needs a longer session to see it play.
    let length = 1;
    const seen = await until(
      () => {
        length *= 2;
        return endingIn(length);
      },
      (one) => one?.played === true,
    );
    if (seen === undefined) throw new Error("no session played");
    const { ann, session } = seen;
    await until(
      () => get(session.manifestUrl),
      ({ status }) => status === 403,
    );
    expect(told(await ann.renew(session))).toEqual([403, "grant_expired"]);
  });

  it("is asked once about the same viewer, asset and network for as long as its answer is kept", async () => {
    const ann = await viewer(yes);
    const since = Date.now();
    for (let i = 0; i < 5; i++) await ann.renew(await ann.start());
    // An answer is kept for more than `cache - 1` seconds, since the clock counts whole ones: slow machines ask again.
    const most = 1 + Math.floor((Date.now() - since) / ((cache - 1) * 1000));
    expect(ann.questions().length).toBeLessThanOrEqual(most);
    const asset = "vod-fmp4";
    await ann.start({ asset });
    expect(ann.questions().map(({ body }) => body.asset)).toContain(asset);
    const before = ann.questions().length;
    await until(ann.tryStart, () => ann.questions().length > before, 500);
    expect(ann.questions().length).toBe(before + 1);
  });

  it("is asked at a renewal as well: the session is not prolonged, and goes on until its end", async () => {
    const ann = await viewer(yes);
    const session = await ann.start();
    ann.say('{"allow": false}');
    const refused = await until(
      () => ann.renew(session),
      ({ status }) => status === 403,
    );
    expect(told(refused)).toEqual([403, "entitlement_refused"]);
    expect((await get(session.manifestUrl)).status).toBe(200);
  });
});

describe("an asset's conditions", () => {
  const startFrom = async (token: string, headers: Readonly<Record<string, string>>) => {
    const answered = await fetch(`${cluster.addresses.apiUrl}/stream/start`, {
      method: "POST",
      headers: { Authorization: `Bearer ${token}`, ...headers },
      body: JSON.stringify({ asset: conditional }),
    });
    const { code } = Object(await answered.json());
    return [answered.status, code];
  };
  const site = { Origin: "https://tv.example.com" };

  it("are asked before the operator's service, which hears of those alone who meet them, and from where", async () => {
    const ann = await viewer(yes);
    const from = (headers: Readonly<Record<string, string>>) => startFrom(ann.token, headers);
    expect(await from({ ...site, "CF-IPCountry": "FR" })).toEqual([403, "country_forbidden"]);
    expect(await from(site)).toEqual([403, "country_forbidden"]);
    expect(await from({ "CF-IPCountry": "DE" })).toEqual([403, "origin_forbidden"]);
    expect(await from({ "CF-IPCountry": "DE", Origin: "https://example.com.evil.example" })).toEqual([
      403,
      "origin_forbidden",
    ]);
    expect(ann.questions()).toEqual([]);
    expect(await from({ ...site, "CF-IPCountry": "DE" })).toEqual([201, undefined]);
    expect(ann.questions().map(({ body }) => body.country)).toEqual(["DE"]);
  });
});

it("a service that is down lets nobody in: 503, with Retry-After", async () => {
  const ann = await viewer(yes);
  shop.closeAllConnections();
  await new Promise((resolve) => shop.close(resolve));
  const answered = await fetch(`${cluster.addresses.apiUrl}/stream/start`, {
    method: "POST",
    headers: { Authorization: `Bearer ${ann.token}` },
    body: '{"asset":"vod-ts"}',
  });
  expect([answered.status, Object(await answered.json()).code]).toEqual([503, "store_unavailable"]);
  expect(Number(answered.headers.get("Retry-After"))).toBeGreaterThan(0);
});

it("the log holds neither the secret nor a token", () => {
  const all = log.join("\n");
  expect(all).toContain("entitlement_refused");
  expect(tokens.length).toBeGreaterThan(10);
  for (const hidden of [secret, ...tokens.map((token) => token.slice(-22))]) expect(all).not.toContain(hidden);
});
