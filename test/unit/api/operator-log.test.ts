import { describe, expect, it } from "vitest";
import { apiApp } from "../../../src/api/api.ts";
import { logOperatorAct } from "../../../src/http/problem-response.ts";
import { noTelemetry } from "../../../src/metrics/telemetry.ts";
import { nodeSha256 } from "../../../src/platform/node/node-crypto.ts";
import { operatorToken } from "../auth/operators.ts";
import { r2, sampleDocument } from "../catalog/sample.ts";
import { searchedLog } from "../http/searched-log.ts";
import { live, operatorStage } from "../operator/operator-stage.ts";
import { now } from "../signing/session.ts";
import { requestIds } from "./start.ts";

const scope = "operator:read operator:revoke operator:keys operator:assets";

async function routes() {
  const stage = await operatorStage();
  const { log, written } = searchedLog();
  const context = {
    ...stage.context(),
    onAct: (act: Parameters<typeof logOperatorAct>[2]) => logOperatorAct(log, "api", act),
  };
  const reporting = { worker: "api", log, telemetry: noTelemetry, random: requestIds };
  const app = apiApp(context, {
    ...{ basePath: "/", reporting, sha256: nodeSha256, development: false },
    operators: context,
  });
  const runtime = { waitUntil: () => undefined, passThroughOnException: () => undefined, props: {} };
  const send = async (method: string, path: string, body?: object, claims = {}) => {
    const headers = { Authorization: `Bearer ${await operatorToken(stage.operators, { scope, ...claims })}` };
    const init = { method, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) };
    return app.request(`https://api.example/operator${path}`, init, {}, runtime);
  };
  const lines = () =>
    written.map((line): unknown => JSON.parse(line)).filter((line) => Object(line).event === "operator");
  return { ...stage, send, lines };
}

describe("the log of operators' actions", () => {
  it("has a line per revocation: operator, kind and id", async () => {
    const { send, lines } = await routes();
    const session = "A".repeat(22);
    await send("POST", "/revocations", { session });
    await send("POST", "/revocations", { key: "2026-a" }, { sub: "bea" });
    await send("POST", "/revocations", { session, lift: true });
    const of = { worker: "api", event: "operator", through: "route", outcome: "done" };
    expect(lines()).toEqual([
      { ...of, operator: "ann", act: "revoke", kind: "session", id: session },
      { ...of, operator: "bea", act: "revoke", kind: "key", id: "2026-a" },
      { ...of, operator: "ann", act: "lift", kind: "session", id: session },
    ]);
  });

  it("names a viewer by the keyed hash of other log lines", async () => {
    const { send, lines } = await routes();
    await send("POST", "/revocations", { subject: { issuer: "https://id.example", subject: "MARKED-viewer" } });
    expect(lines()).toMatchObject([{ kind: "subject", id: expect.stringMatching(/^[\w-]{22}$/) }]);
    expect(JSON.stringify(lines())).not.toContain("MARKED");
  });

  it("has a line per catalog change, also for failed ones", async () => {
    const { send, lines } = await routes();
    await send("PUT", "/assets/film-9", sampleDocument({ id: "film-9", origin: r2("film-9/") }));
    await send("DELETE", "/assets/film-9");
    await send("DELETE", "/assets/film-9");
    const of = { operator: "ann", through: "route", kind: "asset", id: "film-9" };
    expect(lines()).toMatchObject([
      { ...of, act: "put", outcome: "done" },
      { ...of, act: "remove", outcome: "done" },
      { ...of, act: "remove", outcome: "asset_unknown" },
    ]);
  });

  it("has no line for unauthorized or read-only requests", async () => {
    const { send, lines } = await routes();
    await send("POST", "/revocations", { session: "A".repeat(22) }, { scope: "operator:read" });
    await send("DELETE", "/assets/film", undefined, { scope: "operator:read" });
    await send("GET", "/assets");
    expect(lines()).toEqual([]);
  });
});

describe("the lists of one viewer", () => {
  it("are selected by the keyed hash in refusals and sessions", async () => {
    const { send, gathered } = await routes();
    const at = { at: now, worker: "edge", code: "signature_expired", reason: "ended" } as const;
    const refusals = [
      { ...at, request: "1".repeat(16), subject: "v1" },
      { ...at, request: "2".repeat(16), subject: "v2" },
    ];
    const alive = [live(`${"a".repeat(21)}A`, { subject: "v1" }), live(`${"b".repeat(21)}A`, { subject: "v2" })];
    await gathered.report({ worker: "edge", counts: [], refusals, alive, ended: [] });
    const sessions: unknown = await (await send("GET", "/sessions?subject=v2")).json();
    expect(sessions).toMatchObject({ count: 1, sessions: [{ subject: "v2" }] });
    const refused: unknown = await (await send("GET", "/refusals?subject=v1")).json();
    expect(refused).toMatchObject({ recent: [{ request: "1".repeat(16) }] });
  });
});
