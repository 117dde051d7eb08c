import { beforeAll, describe, expect, it } from "vitest";
import { clientOf } from "../../../src/http/request.ts";
import { operatorToken } from "../auth/operators.ts";
import { token } from "../auth/tokens.ts";
import { type Api, api, start } from "./start.ts";

let shared: Api;
let viewer: string;
let operator: string;
beforeAll(async () => {
  shared = await api();
  viewer = await token(shared.issuer);
  operator = await operatorToken(shared.operators);
});

interface Started {
  readonly sessionId: string;
  readonly grant: string;
}

async function started(): Promise<Started> {
  const response = await shared.send("/stream/start", start(viewer));
  const { sessionId, grant } = Object(await response.json());
  return { sessionId, grant };
}

/** A viewer's request to their own session, with changes. */
async function send(method: string, { sessionId, grant }: Started, rest = "", headers: object = {}) {
  const all = { Authorization: `Bearer ${viewer}`, "CTA-Common-Access-Token": grant, ...headers };
  const response = await shared.send(`/stream/${sessionId}${rest}`, { method, headers: all });
  const text = await response.text();
  const body: unknown = text === "" ? undefined : JSON.parse(text);
  return { status: response.status, headers: response.headers, text, body: Object(body) };
}

function expectUncachedAndReadable({ headers }: { readonly headers: Headers }) {
  expect(headers.get("Cache-Control")).toBe("no-store");
  expect(headers.get("Access-Control-Allow-Origin")).toBe("*");
  expect(headers.has("Access-Control-Allow-Credentials")).toBe(false);
}

describe("the routes of a session", () => {
  it("show it by GET, renew it by POST and end it by DELETE without a body, and after that no renewal is accepted", async () => {
    const mine = await started();
    const shown = await send("GET", mine);
    expect([shown.status, shown.body.state]).toEqual([200, "running"]);
    const renewed = await send("POST", mine, "/renew");
    expect([renewed.status, renewed.body.sessionId]).toEqual([200, mine.sessionId]);
    const ended = await send("DELETE", mine);
    expect([ended.status, ended.text, ended.headers.get("Content-Type")]).toEqual([204, "", null]);
    const [after, again] = [await send("POST", mine, "/renew"), await send("DELETE", mine)];
    expect([after.status, after.body.code, again.status]).toEqual([403, "session_revoked", 204]);
    for (const response of [shown, renewed, ended, after, again]) expectUncachedAndReadable(response);
  });

  it("read the grant from its header only", async () => {
    const mine = await started();
    const refused = await send("GET", mine, `?CTA-Common-Access-Token=${mine.grant}`, {
      "CTA-Common-Access-Token": "",
    });
    expect([refused.status, refused.body.code]).toEqual([403, "grant_invalid"]);
    const byGrant = await send("GET", { sessionId: mine.grant, grant: mine.grant });
    expect([byGrant.status, byGrant.body.code]).toEqual([404, "session_unknown"]);
  });

  it("say which grant to send, to a request without one or with that of another session", async () => {
    const [mine, other] = [await started(), await started()];
    const without = await shared.send(`/stream/${mine.sessionId}`, { headers: { Authorization: `Bearer ${viewer}` } });
    expect(Object(await without.json()).faults).toEqual([
      "CTA-Common-Access-Token: Send the grant of the session's start in this header.",
    ]);
    expect((await send("GET", { ...mine, grant: other.grant })).body.faults).toEqual([
      "CTA-Common-Access-Token: Send the grant of the session in the path. This one is of another session.",
    ]);
  });

  it.each([
    [401, "token_missing", { Authorization: "" }],
    [400, "request_invalid", { Authorization: "Bearer a, Bearer b" }],
    [401, "token_invalid", { Authorization: "Bearer e30.e30.AAAA" }],
    [403, "grant_invalid", { "CTA-Common-Access-Token": "x" }],
    [403, "grant_invalid", { "CTA-Common-Access-Token": "A".repeat(5000) }],
  ])("answer %d %s without quoting the request: case %#", async (status, code, headers) => {
    const mine = await started();
    for (const [method, rest] of [
      ["GET", ""],
      ["POST", "/renew"],
      ["DELETE", ""],
    ] as const) {
      const refused = await send(method, mine, rest, headers);
      expect([refused.status, refused.body.code]).toEqual([status, code]);
      expectUncachedAndReadable(refused);
      expect(refused.text).not.toContain(mine.grant);
      expect(refused.text).not.toContain(viewer);
    }
    expect((await send("GET", mine)).body.state).toBe("running");
  });

  it("reveal nothing to a request with the session id only", async () => {
    const mine = await started();
    const other = await started();
    const unknown = await send("GET", { sessionId: mine.sessionId, grant: other.grant });
    const nonexistent = await send("GET", { sessionId: "A".repeat(22), grant: other.grant });
    expect([unknown.status, unknown.text]).toEqual([404, nonexistent.text]);
  });

  it("log neither token nor grant", async () => {
    const mine = await started();
    const other = await token(shared.issuer, { sub: "another" });
    await send("GET", mine, "", { Authorization: `Bearer ${other}` });
    await send("GET", mine, "", { Authorization: `Bearer ${operator}` });
    await send("DELETE", mine);
    await send("POST", mine, "/renew");
    const all = shared.log.join("\n");
    expect(all).toContain("session_forbidden");
    for (const secret of [mine.grant, viewer, other, operator]) expect(all).not.toContain(secret.slice(-30));
  });
});

describe("the session and operator routes", () => {
  const id = "A".repeat(22);
  it.each([
    [`/stream/${id}`, "GET, DELETE, OPTIONS", ["POST", "PUT", "PATCH"]],
    [`/stream/${id}/renew`, "POST, OPTIONS", ["GET", "PUT", "DELETE"]],
    ["/operator/revocations", "GET, POST, OPTIONS", ["PUT", "DELETE"]],
    ["/stream/start", "POST, OPTIONS", ["GET", "DELETE"]],
  ])("accept at %s only the methods %s", async (path, allow, others) => {
    for (const method of others) {
      const response = await shared.send(path, { method });
      expect([response.status, response.headers.get("Allow")]).toEqual([405, allow]);
      expectUncachedAndReadable(response);
    }
    const preflight = await shared.send(path, { method: "OPTIONS" });
    expect(preflight.status).toBe(204);
    expect(preflight.headers.get("Access-Control-Allow-Methods")).toBe(allow);
    expect(preflight.headers.get("Access-Control-Allow-Headers")).toContain("CTA-Common-Access-Token");
  });

  it.each([`/stream/${id}/`, `/stream/${id}/renew/`, `/stream/${id}/end`, "/revocations", "/operator/revocations/1"])(
    "are not found at %s",
    async (path) => {
      expect((await shared.send(path, { method: "POST" })).status).toBe(404);
    },
  );
});

describe("POST /operator/revocations", () => {
  const post = (body: string, headers: Readonly<Record<string, string>>) =>
    shared.send("/operator/revocations", { method: "POST", body, headers });
  const as = (bearer: string) => ({ Authorization: `Bearer ${bearer}` });

  it("answers 201 to an operator, 403 to one without the scope, and 401 to a viewer", async () => {
    const mine = await started();
    const body = JSON.stringify({ session: mine.sessionId });
    const reader = await operatorToken(shared.operators, { scope: "operator:read operator:keys" });
    const refused = await post(body, as(reader));
    expect([refused.status, refused.headers.get("WWW-Authenticate")]).toEqual([
      403,
      'Bearer realm="stagedoor", error="insufficient_scope", scope="operator:revoke"',
    ]);
    const viewers = await token(shared.issuer, { scope: "stream:play operator:revoke" });
    expect((await post(body, as(viewers))).status).toBe(401);
    expect((await send("GET", mine)).body.state).toBe("running");
    const response = await post(body, as(operator));
    expect([response.status, await response.json()]).toEqual([
      201,
      { revoked: "session", until: "2026-11-25T11:06:40Z" },
    ]);
    expectUncachedAndReadable(response);
    expect((await send("GET", mine)).body.state).toBe("revoked");
  });

  it("does not accept cookies", async () => {
    const refused = await post('{"asset":"film"}', { Cookie: `__Host-stagedoor.session_token=${operator}` });
    expect([refused.status, Object(await refused.json()).code]).toEqual([401, "token_missing"]);
  });

  it("checks the credential before the body", async () => {
    expect((await post("{", as(viewer))).status).toBe(401);
    expect((await post("{", as(operator))).status).toBe(400);
  });
});

describe("GET /operator/revocations", () => {
  const follow = async (query: string, scope = "operator:read") => {
    const bearer = await operatorToken(shared.operators, { scope });
    const response = await shared.send(`/operator/revocations${query}`, {
      headers: { Authorization: `Bearer ${bearer}` },
    });
    return { status: response.status, body: Object(await response.json()) };
  };

  it("answers an operator who may read with the entries since a cursor, in full", async () => {
    const mine = await started();
    const { status, body } = await follow("");
    expect([status, body.reset, body.more]).toEqual([200, true, false]);
    await send("DELETE", mine);
    const next = await follow(`?since=${body.cursor}`);
    expect(next.body).toMatchObject({ reset: false, more: false, asOf: expect.any(Number) });
    const { subject } = Object((await shared.context.log.since(body.cursor, "full")).entries[0]);
    expect(subject).toMatch(/^[\w-]{22}$/);
    expect(next.body.entries).toEqual([
      {
        ...{ kind: "session", value: mine.sessionId, cause: "revoked", by: "viewer", subject },
        ...{ at: expect.any(Number), until: expect.any(Number), lastGrant: expect.any(Number) },
      },
    ]);
    expect(next.body.entries[0].lastGrant).toBeGreaterThan(next.body.entries[0].until);
    expect((await follow(`?since=${next.body.cursor}`)).body.entries).toEqual([]);
  });

  it("reads from the beginning for a cursor that the log does not know, and says so", async () => {
    expect((await follow(`?since=${2 ** 53 - 1}`)).body).toMatchObject({ reset: true });
  });

  it.each(["?since=-1", "?since=1.5", "?since=x", `?since=${2 ** 53}`, "?since=1&since=2", "?cursor=1"])(
    "refuses %s",
    async (query) => {
      const { status, body } = await follow(query);
      expect([status, body.code, body.faults.length]).toEqual([400, "body_invalid", 1]);
    },
  );

  it("refuses operators who may not read, and viewers", async () => {
    expect((await follow("", "operator:revoke operator:keys operator:assets")).status).toBe(403);
    const refused = await shared.send("/operator/revocations", { headers: { Authorization: `Bearer ${viewer}` } });
    expect(refused.status).toBe(401);
  });
});

it("POST /stream/start answers 429 at the stream limit with the viewer's running sessions", async () => {
  const { send: sendToApi, issuer } = await api();
  const one = start(await token(issuer, { streams: 1 }));
  const first = Object(await (await sendToApi("/stream/start", one)).json());
  const second = await sendToApi("/stream/start", one);
  expect(second.status).toBe(429);
  expect(Object(await second.json())).toMatchObject({
    code: "stream_limit",
    running: [{ sessionId: first.sessionId, asset: "film" }],
  });
});

describe("the client of a request", () => {
  const request = (headers: Record<string, string> = {}) => new Request("https://media.example/", { headers });
  const addressOf = (headers: Record<string, string>, development: boolean) =>
    clientOf(request(headers), (text) => text, development).address;

  it("has the address from Cloudflare, never from another header", () => {
    const claimed = { "X-Forwarded-For": "192.0.2.1", "X-Real-IP": "192.0.2.1", Forwarded: "for=192.0.2.1" };
    expect(addressOf({ "CF-Connecting-IP": "198.51.100.1", ...claimed }, false)).toBe("198.51.100.1");
    expect(addressOf(claimed, false)).toBeUndefined();
  });

  it("is the local machine without a proxy, in development only", () => {
    expect([addressOf({}, true), addressOf({}, false)]).toEqual(["127.0.0.1", undefined]);
  });

  it("has the hash of its User-Agent, or of the empty string", () => {
    const hashOf = (headers: Record<string, string>) => clientOf(request(headers), (text) => `#${text}`, false);
    expect(hashOf({ "User-Agent": "Firefox" }).userAgentHash()).toBe("#Firefox");
    expect(hashOf({}).userAgentHash()).toBe("#");
  });
});
