import { decodeJwt } from "jose";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { OperatorScope } from "../../src/auth/operator-token.ts";
import { signedUp } from "../cluster/device.ts";
import { operatorOf } from "../cluster/operator.ts";
import { secretsIn } from "../cluster/secrets.ts";
import { startTestCluster } from "../cluster/test-cluster.ts";
import { answerOf, get, until, untilRefused, urlsOf, viewerOf } from "../cluster/viewer.ts";

let cluster: Awaited<ReturnType<typeof startTestCluster>>;
let operator: Awaited<ReturnType<typeof operatorOf>>;
/** The body of every response of an operator route. The last test searches them for secrets. */
const bodies: string[] = [];
const tokens: string[] = [];
/**
 * The ids of a user and of their sign-in session. An operator may see them, since they revoke by them, and they look
 * like tokens.
 */
const ids: string[] = [];

beforeAll(async () => {
  cluster = await startTestCluster({});
  operator = await operatorOf(cluster.addresses, "ann");
});

afterAll(() => cluster.stop());

async function send(method: string, path: string, body?: object, token = operator.token) {
  const answer = await answerOf(
    fetch(`${cluster.addresses.apiUrl}/operator${path}`, {
      method,
      headers: { Authorization: `Bearer ${token}` },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    }),
  );
  bodies.push(JSON.stringify(answer.body));
  return { ...answer, body: Object(answer.body) };
}

async function playingSession(name: string) {
  const viewer = await viewerOf(cluster.addresses, name);
  tokens.push(viewer.token);
  const session = await viewer.start();
  tokens.push(session.grant);
  const urls = await urlsOf(session);
  expect((await get(urls.segment)).status).toBe(200);
  return { viewer, session, urls };
}

describe("an operator", () => {
  it("sees a running session, revokes it, and sees it leave the list", async () => {
    const { session, urls } = await playingSession("dan");
    const listSession = () => send("GET", `/sessions?session=${session.sessionId}`);
    const { body } = await until(listSession, ({ body: { count } }) => count === 1);
    expect(body.sessions).toEqual([
      {
        sessionId: session.sessionId,
        asset: "vod-ts",
        subject: expect.stringMatching(/^[\w-]{22}$/),
        country: expect.stringMatching(/^[A-Z]{2}$/),
        startedAt: expect.any(String),
        lastSeenAt: expect.any(String),
        endsAt: expect.any(String),
      },
    ]);
    for (const name of ["startedAt", "lastSeenAt"])
      expect(Date.parse(body.sessions[0][name])).toBeLessThanOrEqual(Date.now() + 1000);
    expect((await send("GET", "/sessions?asset=vod-ts")).body.count).toBeGreaterThanOrEqual(1);
    expect((await send("GET", "/sessions?asset=vod-fmp4")).body.sessions).toEqual([]);
    expect((await send("POST", "/explain", { text: urls.segment })).body.verdict).toBe("served");
    await operator.revoke({ session: session.sessionId });
    await until(listSession, ({ body: { count } }) => count === 0);
    await untilRefused(urls.segment, "session_revoked");
    expect((await listSession()).body).toEqual({ count: 0, sessions: [] });
    await until(
      () => send("POST", "/explain", { text: urls.segment }),
      ({ body: { verdict } }) => verdict === "refused",
    );
    const { body: explained } = await send("POST", "/explain", { text: urls.segment });
    expect([explained.verdict, explained.code]).toEqual(["refused", "session_revoked"]);
  });

  it("finds the reason of a viewer's refusal by its Request-Id", async () => {
    const { urls } = await playingSession("eve");
    const forged = urls.segment.replace(/.$/, (last) => (last === "A" ? "Q" : "A"));
    const response = await fetch(forged);
    const request = response.headers.get("Request-Id") ?? "";
    expect([response.status, request]).toEqual([403, expect.stringMatching(/^[0-9a-f]{16}$/)]);
    const { body } = await until(
      () => send("GET", `/refusals?request=${request}`),
      ({ body: { recent } }) => recent.length > 0,
    );
    expect(body.recent).toMatchObject([{ worker: "edge", code: "signature_invalid", request }]);
    expect(body.total.signature_invalid).toBeGreaterThanOrEqual(1);
    expect(body.minutes).toHaveLength(60);
    const { body: explained } = await send("POST", "/explain", { text: forged });
    expect([explained.code, explained.reason]).toEqual(["signature_invalid", body.recent[0].reason]);
  });

  it("finds a viewer by issuer and subject, and by e-mail address, with a running session and what a start would answer", async () => {
    const { viewer, session } = await playingSession("gus");
    const { iss: issuer = "", sub: subject = "" } = decodeJwt(viewer.token);
    const start = { asset: "vod-ts", country: "DE" };
    const { body } = await until(
      () => send("POST", "/viewer", { viewer: { issuer, subject }, start }),
      ({ body: { sessions } }) => sessions.length > 0,
    );
    expect(body.sessions).toMatchObject([{ sessionId: session.sessionId, asset: "vod-ts", state: "running" }]);
    expect([body.issuer, body.subject, body.start.verdict]).toEqual([issuer, subject, "accepted"]);
    const { email } = await signedUp(cluster.addresses.apiUrl);
    const { body: account } = await send("POST", "/viewer", { email });
    expect(account).toMatchObject({ issuer: cluster.addresses.apiUrl, sessions: [], refusals: [] });
    ids.push(account.subject);
    expect((await send("POST", "/viewer", { email: "nobody@example.com" })).status).toBe(400);
  });

  it("is told whether viewers can start and watch", async () => {
    await playingSession("hal");
    const { body } = await until(
      () => send("GET", "/status"),
      ({ body: { starts } }) => starts.accepted > 0,
    );
    expect(body).toMatchObject({ level: expect.stringMatching(/^(ok|warning|error)$/), minutes: 5 });
    expect(body.starts.requested).toBeGreaterThanOrEqual(body.starts.accepted);
  });

  it("sees the keys and their states", async () => {
    const { body } = await send("GET", "/keys");
    const purposes = new Set(body.keys.map(({ purpose }: { purpose: string }) => purpose));
    expect(purposes).toEqual(new Set(["session", "cloudfront-session", "cloudfront", "operator", "backend"]));
    expect(body.keys.every(({ state }: { state: string }) => state === "active")).toBe(true);
  });

  it("simulates a start without counting it", async () => {
    const viewer = await viewerOf(cluster.addresses, "fay", { streams: 1 });
    tokens.push(viewer.token);
    const simulated = async (asset: string) => {
      const { body } = await send("POST", "/simulate", { credential: viewer.token, asset, address: "192.0.2.7" });
      return [body.verdict, body.code];
    };
    for (let i = 0; i < 3; i++) expect(await simulated("vod-ts")).toEqual(["accepted", null]);
    const session = await viewer.start();
    tokens.push(session.grant);
    expect(await simulated("vod-ts")).toEqual(["refused", "stream_limit"]);
    expect((await viewer.tryStart()).code).toBe("stream_limit");
    expect(await simulated("nothing")).toEqual(["refused", "asset_unknown"]);
  });

  it("inspects a user's sign-in session by its token without extending it", async () => {
    const user = await signedUp(cluster.addresses.apiUrl);
    tokens.push(user.bearer());
    const database = await cluster.miniflare.getD1Database("DB", "stagedoor-identity");
    // A session this close to its expiry would be extended by a use.
    await database
      .prepare('UPDATE "session" SET "expiresAt" = ?')
      .bind(new Date(Date.now() + 60_000).toISOString())
      .run();
    const expiries = () => database.prepare('SELECT "expiresAt" FROM "session"').all();
    const before = await expiries();
    const credential = user.bearer();
    const { data } = await user.client.getSession({ query: { disableRefresh: true } });
    ids.push(data?.user.id ?? "", data?.session.id ?? "");
    const { body } = await send("POST", "/simulate", { credential, asset: "vod-ts", address: "192.0.2.7" });
    expect([body.verdict, body.code]).toEqual(["accepted", null]);
    expect((await send("POST", "/explain", { text: `Bearer ${credential}` })).body.verdict).toBe("accepted");
    expect((await expiries()).results).toEqual(before.results);
    expect((await user.startBy.bearer()).status).toBe(201);
    expect((await expiries()).results).not.toEqual(before.results);
  });

  const readRoutes = [
    ["GET", "/sessions", undefined],
    ["GET", "/refusals", undefined],
    ["GET", "/keys", undefined],
    ["POST", "/explain", { text: "/" }],
    ["POST", "/simulate", { credential: "x", asset: "vod-ts" }],
  ] as const;

  it("reads with the scope operator:read only, and never with a viewer's token", async () => {
    const others: OperatorScope[] = ["operator:revoke", "operator:keys", "operator:assets"];
    const { token: unscoped } = await operatorOf(cluster.addresses, "bob", others);
    const { token: reader } = await operatorOf(cluster.addresses, "cat", ["operator:read"]);
    const { token: viewerToken } = await viewerOf(cluster.addresses, "gus", { scope: "stream:play operator:read" });
    tokens.push(unscoped, reader, viewerToken);
    for (const [method, path, body] of readRoutes) {
      const responses = await Promise.all(
        [reader, unscoped, viewerToken].map(async (token) => send(method, path, body, token)),
      );
      const outcomes = responses.map(({ status, code }) => [status, code]);
      expect(outcomes).toEqual([
        [200, expect.anything()].with(1, path === "/explain" || path === "/simulate" ? expect.any(String) : undefined),
        [403, "scope_insufficient"],
        [401, "token_invalid"],
      ]);
    }
  });

  it("receives no secret in any response", async () => {
    const keys = cluster.addresses.keys.flatMap((key) => [Reflect.get(key, "k"), Reflect.get(key, "d")]);
    const secrets = [...keys.filter((secret) => typeof secret === "string"), ...tokens, operator.token];
    expect(bodies.length).toBeGreaterThan(10);
    expect(tokens.length).toBeGreaterThan(5);
    for (const text of bodies) {
      const searched = ids.reduce((rest, id) => rest.replaceAll(id, "an id"), text);
      expect([searched, secretsIn(searched, secrets)]).toEqual([searched, []]);
    }
  });
});
