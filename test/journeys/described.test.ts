import { expect, inject, it } from "vitest";
import { routesAtRoot, routesBelowBase } from "../../src/api/openapi/document.ts";
import { operatorOf } from "../cluster/operator.ts";
import { tokenFor } from "../cluster/start-stream.ts";
import { holdToDescription } from "../unit/api/described.ts";

const cluster = inject("usual");

it("every route of the running workers answers as OpenAPI describes it, with and without a credential", async () => {
  const statuses: Record<string, number> = {};
  const send = async (
    method: string,
    path: string,
    headers: Readonly<Record<string, string>> = {},
    body?: object,
  ): Promise<Readonly<Record<string, unknown>>> => {
    const init = { method, headers, ...(body !== undefined && { body: JSON.stringify(body) }) };
    const response = await fetch(cluster.apiUrl + path, init);
    await holdToDescription(method, path.replace(/\?.*/, ""), "/", response);
    statuses[`${method} ${path}`] = response.status;
    return response.headers.get("Content-Type")?.includes("json") ? Object(await response.json()) : {};
  };

  const viewer = { Authorization: `Bearer ${await tokenFor(cluster)}` };
  const { sessionId, grant } = await send("POST", "/stream/start", viewer, { asset: "vod-ts" });
  const own = { ...viewer, "CTA-Common-Access-Token": String(grant) };
  await send("GET", `/stream/${sessionId}`, own);
  await send("POST", `/stream/${sessionId}/renew`, own);
  await send("POST", "/files", viewer, { asset: "vod-ts", files: ["poster.jpg"] });

  const operator = { Authorization: `Bearer ${(await operatorOf(cluster, "ann")).token}` };
  const asset = { origin: { type: "r2", binding: "MEDIA", prefix: "described/" }, entry: "index.m3u8" };
  for (const path of [
    "sessions?limit=5",
    "refusals",
    "status",
    "history",
    "keys",
    "assets",
    "revocations?since=0",
    "revoked?limit=5",
    "breakdown?by=player",
    "events?limit=5",
    "actions",
  ])
    await send("GET", `/operator/${path}`, operator);
  await send("POST", "/operator/explain", operator, { text: String(grant) });
  await send("POST", "/operator/simulate", operator, { credential: viewer.Authorization.slice(7), asset: "vod-ts" });
  await send("POST", "/operator/viewer", operator, { viewer: { issuer: "dev-issuer", subject: "described" } });
  await send("PUT", "/operator/assets/described", operator, { id: "described", ...asset });
  await send("PUT", "/operator/assets/described/enforcement", operator, {
    mode: "observe",
    until: "2099-01-01T00:00:00Z",
  });
  await send("DELETE", "/operator/assets/described", operator);
  await send("POST", "/operator/revocations", operator, { session: sessionId });
  await send("DELETE", `/stream/${sessionId}`, own);
  await send("GET", "/metrics", operator);
  for (const path of ["/health", "/ready", "/openapi.json"]) await send("GET", path);
  expect(Object.entries(statuses).filter(([, status]) => status >= 300)).toEqual([]);
  const routes = [routesBelowBase, routesAtRoot].flatMap((all) => Object.values(all).flatMap(Object.keys));
  expect(Object.keys(statuses)).toHaveLength(routes.length);

  for (const route of Object.keys(statuses)) {
    const [method = "", path = ""] = route.split(" ");
    await send(method, path);
  }
  expect(new Set(Object.values(statuses))).toEqual(new Set([200, 401]));
});
