import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { OperatorScope } from "../../src/auth/operator-token.ts";
import { signedUp } from "../cluster/device.ts";
import { operatorOf } from "../cluster/operator.ts";
import { secretsIn } from "../cluster/secrets.ts";
import { startTestCluster } from "../cluster/test-cluster.ts";
import { answerOf, get, until, untilRefused, urlsOf, viewerOf } from "../cluster/viewer.ts";

let cluster: Awaited<ReturnType<typeof startTestCluster>>;
let operator: Awaited<ReturnType<typeof operatorOf>>;
/** Every answer of an operator's route, to be searched at the end. */
const told: string[] = [];
const tokens: string[] = [];
/** By which an operator revokes a user and his session of sign-in: he is told them, and they look like tokens of theirs. */
const names: string[] = [];

beforeAll(async () => {
  cluster = await startTestCluster({});
  operator = await operatorOf(cluster.addresses, "ann");
});

afterAll(() => cluster.stop());

async function ask(method: string, path: string, body?: object, token = operator.token) {
  const answer = await answerOf(
    fetch(`${cluster.addresses.apiUrl}/operator${path}`, {
      method,
      headers: { Authorization: `Bearer ${token}` },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    }),
  );
  told.push(JSON.stringify(answer.body));
  return { ...answer, body: Object(answer.body) };
}

async function playing(name: string) {
  const viewer = await viewerOf(cluster.addresses, name);
  tokens.push(viewer.token);
  const session = await viewer.start();
  tokens.push(session.grant);
  const urls = await urlsOf(session);
  expect((await get(urls.segment)).status).toBe(200);
  return { viewer, session, urls };
}

describe("an operator", () => {
  it("sees a session that plays, revokes it, and sees it leave", async () => {
    const { session, urls } = await playing("dan");
    const listed = () => ask("GET", `/sessions?session=${session.sessionId}`);
    const { body } = await until(listed, ({ body: { count } }) => count === 1);
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
    expect((await ask("GET", "/sessions?asset=vod-ts")).body.count).toBeGreaterThanOrEqual(1);
    expect((await ask("GET", "/sessions?asset=vod-fmp4")).body.sessions).toEqual([]);
    expect((await ask("POST", "/explain", { text: urls.segment })).body.verdict).toBe("served");
    await operator.revoke({ session: session.sessionId });
    await until(listed, ({ body: { count } }) => count === 0);
    await untilRefused(urls.segment, "session_revoked");
    expect((await listed()).body).toEqual({ count: 0, sessions: [] });
    await until(
      () => ask("POST", "/explain", { text: urls.segment }),
      ({ body: { verdict } }) => verdict === "refused",
    );
    const { body: explained } = await ask("POST", "/explain", { text: urls.segment });
    expect([explained.verdict, explained.code]).toEqual(["refused", "session_revoked"]);
  });

  it("finds why a viewer was refused by the Request-Id on his screen", async () => {
    const { urls } = await playing("eve");
    const forged = urls.segment.replace(/.$/, (last) => (last === "A" ? "Q" : "A"));
    const response = await fetch(forged);
    const request = response.headers.get("Request-Id") ?? "";
    expect([response.status, request]).toEqual([403, expect.stringMatching(/^[0-9a-f]{16}$/)]);
    const { body } = await until(
      () => ask("GET", `/refusals?request=${request}`),
      ({ body: { recent } }) => recent.length > 0,
    );
    expect(body.recent).toMatchObject([{ worker: "edge", code: "signature_invalid", request }]);
    expect(body.total.signature_invalid).toBeGreaterThanOrEqual(1);
    expect(body.minutes).toHaveLength(60);
    const { body: explained } = await ask("POST", "/explain", { text: forged });
    expect([explained.code, explained.reason]).toEqual(["signature_invalid", body.recent[0].reason]);
  });

  it("sees the keys and their states", async () => {
    const { body } = await ask("GET", "/keys");
    const purposes = new Set(body.keys.map(({ purpose }: { purpose: string }) => purpose));
    expect(purposes).toEqual(new Set(["session", "cloudfront", "operator"]));
    expect(body.keys.every(({ state }: { state: string }) => state === "active")).toBe(true);
  });

  it("is told what a start would be answered, and none is counted", async () => {
    const viewer = await viewerOf(cluster.addresses, "fay", { streams: 1 });
    tokens.push(viewer.token);
    const simulated = async (asset: string) => {
      const { body } = await ask("POST", "/simulate", { credential: viewer.token, asset, address: "192.0.2.7" });
      return [body.verdict, body.code];
    };
    for (let i = 0; i < 3; i++) expect(await simulated("vod-ts")).toEqual(["accepted", null]);
    const session = await viewer.start();
    tokens.push(session.grant);
    expect(await simulated("vod-ts")).toEqual(["refused", "stream_limit"]);
    expect((await viewer.tryStart()).code).toBe("stream_limit");
    expect(await simulated("nothing")).toEqual(["refused", "asset_unknown"]);
  });

  it("looks at a user's session of sign-in by its token, and neither prolongs it nor starts anything", async () => {
    const user = await signedUp(cluster.addresses.apiUrl);
    tokens.push(user.bearer());
    const database = await cluster.miniflare.getD1Database("DB", "stagedoor-identity");
    // As it stands when it is so old that a use would prolong it.
    await database
      .prepare('UPDATE "session" SET "expiresAt" = ?')
      .bind(new Date(Date.now() + 60_000).toISOString())
      .run();
    const ends = () => database.prepare('SELECT "expiresAt" FROM "session"').all();
    const before = await ends();
    const credential = user.bearer();
    const { data } = await user.client.getSession({ query: { disableRefresh: true } });
    names.push(data?.user.id ?? "", data?.session.id ?? "");
    const { body } = await ask("POST", "/simulate", { credential, asset: "vod-ts", address: "192.0.2.7" });
    expect([body.verdict, body.code]).toEqual(["accepted", null]);
    expect((await ask("POST", "/explain", { text: `Bearer ${credential}` })).body.verdict).toBe("accepted");
    expect((await ends()).results).toEqual(before.results);
    expect((await user.startBy.bearer()).status).toBe(201);
    expect((await ends()).results).not.toEqual(before.results);
  });

  const questions = [
    ["GET", "/sessions", undefined],
    ["GET", "/refusals", undefined],
    ["GET", "/keys", undefined],
    ["POST", "/explain", { text: "/" }],
    ["POST", "/simulate", { credential: "x", asset: "vod-ts" }],
  ] as const;

  it("asks with the scope operator:read and no other; a viewer's token is none, whatever it says", async () => {
    const others: OperatorScope[] = ["operator:revoke", "operator:keys", "operator:assets"];
    const { token: without } = await operatorOf(cluster.addresses, "bob", others);
    const { token: reader } = await operatorOf(cluster.addresses, "cat", ["operator:read"]);
    const { token: viewers } = await viewerOf(cluster.addresses, "gus", { scope: "stream:play operator:read" });
    tokens.push(without, reader, viewers);
    for (const [method, path, body] of questions) {
      const answers = await Promise.all(
        [reader, without, viewers].map(async (token) => ask(method, path, body, token)),
      );
      const seen = answers.map(({ status, code }) => [status, code]);
      expect(seen).toEqual([
        [200, expect.anything()].with(1, path === "/explain" || path === "/simulate" ? expect.any(String) : undefined),
        [403, "scope_insufficient"],
        [401, "token_invalid"],
      ]);
    }
  });

  it("is told nothing that is secret", async () => {
    const keys = cluster.addresses.keys.flatMap((key) => [Reflect.get(key, "k"), Reflect.get(key, "d")]);
    const secrets = [...keys.filter((secret) => typeof secret === "string"), ...tokens, operator.token];
    expect(told.length).toBeGreaterThan(10);
    expect(tokens.length).toBeGreaterThan(5);
    for (const text of told) {
      const unnamed = names.reduce((left, name) => left.replaceAll(name, "a name"), text);
      expect([unnamed, secretsIn(unnamed, secrets)]).toEqual([unnamed, []]);
    }
  });
});
