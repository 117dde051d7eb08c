import { beforeEach, describe, expect, it } from "vitest";
import { apiApp } from "../../../src/api/api.ts";
import { noTelemetry } from "../../../src/metrics/telemetry.ts";
import { nodeSha256 } from "../../../src/platform/node/node-crypto.ts";
import { operatorToken } from "../auth/operators.ts";
import { token } from "../auth/tokens.ts";
import { searchedLog } from "../http/searched-log.ts";
import { live, operatorStage } from "../operator/operator-stage.ts";
import { opened } from "../sessions/session-service.ts";
import { now } from "../signing/session.ts";
import { heldToDescription } from "./described.ts";
import { requestIds } from "./start.ts";

let stage: Awaited<ReturnType<typeof operatorStage>>;
let written: readonly string[];
let send: (method: string, path: string, body?: unknown, bearer?: string) => Promise<Response>;

beforeEach(async () => {
  stage = await operatorStage();
  const searched = searchedLog();
  written = searched.written;
  const made = apiApp(stage.context(), {
    basePath: "/api/v1",
    reporting: { worker: "api", log: searched.log, telemetry: noTelemetry, random: requestIds },
    sha256: nodeSha256,
    development: false,
    operators: stage.context(),
  });
  const app = heldToDescription(made, "/api/v1");
  const runtime = { waitUntil: () => undefined, passThroughOnException: () => undefined, props: {} };
  send = async (method, path, body, bearer) => {
    const headers = {
      Authorization: `Bearer ${bearer ?? (await operatorToken(stage.operators, { scope: "operator:read" }))}`,
    };
    const text = typeof body === "string" ? body : JSON.stringify(body);
    const init = { method, headers, ...(body === undefined ? {} : { body: text }) };
    return app.request(`https://api.example/api/v1/operator${path}`, init, {}, runtime);
  };
});

const simulation = { credential: "a.b.c", asset: "film" };
const routes = [
  ["GET", "/sessions", undefined],
  ["GET", "/refusals", undefined],
  ["GET", "/keys", undefined],
  ["GET", "/history", undefined],
  ["POST", "/explain", { text: "/" }],
  ["POST", "/simulate", simulation],
] as const;

describe("a query of operators", () => {
  it.each([
    [
      "GET",
      "/sessions?limt=5",
      "limt: no such parameter; known here: asset, session, subject, country, asn, player, skip, limit.",
    ],
    ["GET", "/sessions?limit=5&limit=6", "limit: Give it once."],
    [
      "GET",
      "/refusals?film=a",
      "film: no such parameter; known here: request, subject, code, asset, country, asn, player.",
    ],
    ["GET", "/keys?limit=5", "limit: no such parameter; this route has none."],
    ["GET", `/sessions?${"MARKED".repeat(20)}=1`, "a member with another name: no such parameter"],
  ])("is refused instead of ignored: %s %s", async (method, path, fault) => {
    const response = await send(method, path);
    expect([response.status, await response.json()]).toEqual([
      400,
      expect.objectContaining({ code: "body_invalid", faults: [expect.stringContaining(fault)] }),
    ]);
  });

  it("is refused only with a valid credential, and may have empty values", async () => {
    expect((await send("GET", "/sessions?limt=5", undefined, "a.b.c")).status).toBe(401);
    expect((await send("GET", "/sessions?asset=&limit=5")).status).toBe(200);
  });
});

describe("the read routes of operators", () => {
  it.each(routes)("require operator:read for %s %s", async (method, path, body) => {
    const scopes = ["operator:revoke", "operator:keys", "operator:assets"].join(" ");
    const responses = [
      await send(method, path, body),
      await send(method, path, body, await operatorToken(stage.operators, { scope: scopes })),
      await send(method, path, body, await token(stage.issuer, { scope: "operator:read stream:play" })),
      await send(method === "GET" ? "POST" : "GET", path),
    ];
    expect(responses.map(({ status }) => status)).toEqual([200, 403, 401, 405]);
    expect(responses[0]?.headers.get("Cache-Control")).toBe("no-store");
    expect(responses[1]?.headers.get("WWW-Authenticate")).toContain('scope="operator:read"');
  });

  it("return JSON with RFC 3339 times", async () => {
    const refused = {
      at: now,
      worker: "edge",
      code: "grant_expired",
      reason: "it ended",
      request: "00000000000000aa",
    } as const;
    const sessionId = "A".repeat(22);
    await stage.gathered.report({
      worker: "edge",
      counts: [],
      refusals: [refused],
      alive: [live(sessionId)],
      ended: [],
    });
    expect(await (await send("GET", "/sessions?asset=film&limit=1")).json()).toEqual({
      count: 1,
      sessions: [
        {
          ...{ sessionId, asset: "film", subject: "subject-1", country: "DE" },
          startedAt: "2026-11-18T11:06:40Z",
          lastSeenAt: "2026-11-18T11:06:40Z",
          endsAt: "2026-11-18T12:06:40Z",
        },
      ],
    });
    const { since, minutes, recent } = Object(await (await send("GET", "/refusals?request=00000000000000aa")).json());
    expect([since, minutes.length]).toEqual([expect.stringMatching(/^2026-.*Z$/), 60]);
    expect(recent).toEqual([{ ...refused, at: "2026-11-18T11:06:40Z" }]);
    const { keys, longestSessionSeconds } = Object(await (await send("GET", "/keys")).json());
    expect(longestSessionSeconds).toBe(21_600);
    expect(keys[0]).toMatchObject({
      kid: "2026-a",
      purpose: "session",
      type: "HS256",
      state: "active",
      revoked: false,
    });
  });

  it("answer 200 with an explanation, also of a refusal", async () => {
    const { manifestUrl, grant } = opened(await stage.start());
    const explained = await send("POST", "/explain", { text: manifestUrl, address: "192.0.2.7" });
    expect(await explained.json()).toMatchObject({
      kind: "media",
      verdict: "served",
      code: null,
      steps: expect.any(Array),
    });
    const credential = await token(stage.issuer);
    const simulated = await send("POST", "/simulate", { credential, asset: "film-2" });
    const text = await simulated.text();
    expect(simulated.status).toBe(200);
    expect(JSON.parse(text)).toMatchObject({ kind: "start", verdict: "refused", code: "asset_forbidden", status: 403 });
    expect(JSON.parse(text).help).toBe("docs/troubleshooting.md#asset_forbidden");
    const parts = JSON.parse(await (await send("POST", "/simulate", { credential, asset: "film" })).text()).steps.map(
      ({ part }: { readonly part: string }) => part,
    );
    expect(parts.filter((part: string) => part === "streams")).toHaveLength(1);
    expect(parts).toContain("place");
    for (const part of [grant.slice(0, 40), ...credential.split(".")]) expect(text).not.toContain(part);
  });

  it.each([
    ["/explain", "MARKED"],
    ["/explain", {}],
    ["/explain", { text: "" }],
    ["/explain", { text: "/", address: "MARKED" }],
    ["/explain", { text: "/", MARKED: 1 }],
    ["/explain", { text: "x".repeat(20_000) }],
    ["/explain", "x".repeat(200_000)],
    ["/simulate", { asset: "film" }],
    ["/simulate", { ...simulation, asset: "x".repeat(65) }],
    ["/simulate", { ...simulation, country: "MARKED" }],
    ["/simulate", { ...simulation, country: "T2" }],
    ["/simulate", { ...simulation, takeover: "MARKED" }],
  ])("refuse an invalid body of %s without repeating it: %o, case %#", async (path, body) => {
    const response = await send("POST", path, body);
    expect([response.status, Object(await response.json()).code]).toEqual([400, "body_invalid"]);
    expect(written.join("\n")).not.toContain("MARKED");
  });

  it.each([
    ["/explain", { text: "/", adress: "192.0.2.1" }, "adress: no such member"],
    ["/simulate", { ...simulation, takeOver: true }, "takeOver: no such member"],
  ])("name an unknown member in the body of %s: %o", async (path, body, fault) => {
    const response = await send("POST", path, body);
    expect(await response.json()).toMatchObject({ code: "body_invalid", faults: [fault] });
  });

  it.each(["0", "501", "-1", "1.5", "ten"])("refuse the limit %s of /sessions", async (limit) => {
    const response = await send("GET", `/sessions?limit=${limit}`);
    const found = limit === "ten" ? "" : `, not ${limit}`;
    const faults = [`limit: Use a whole number from 1 to 500${found}.`];
    expect([response.status, await response.json()]).toEqual([400, expect.objectContaining({ faults })]);
  });
});

describe("the revocation of a key", () => {
  it.each([
    ["operator:revoke", { key: "2026-b" }, 403],
    ["operator:keys", { key: "2026-b" }, 201],
    ["operator:keys", { asset: "film" }, 403],
    ["operator:revoke", { asset: "film" }, 201],
    ["operator:keys", { key: "2026-b", lift: true }, 404],
    ["operator:revoke", { key: "2026-b", lift: true }, 403],
  ])("needs its own scope: with %s, %o is %i", async (scope, body, status) => {
    const bearer = await operatorToken(stage.operators, { scope });
    expect((await send("POST", "/revocations", body, bearer)).status).toBe(status);
  });
});
