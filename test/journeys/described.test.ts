import { expect, inject, it } from "vitest";
import { routesAtRoot, routesBelowBase } from "../../src/api/openapi/document.ts";
import { operatorOf } from "../cluster/operator.ts";
import { tokenFor } from "../cluster/start-stream.ts";
import { holdToDescription } from "../unit/api/described.ts";

const cluster = inject("usual");

it("the running workers answer every route as its description says, with a credential and without one", async () => {
  const statuses: Record<string, number> = {};
  const ask = async (
    method: string,
    path: string,
    headers: Readonly<Record<string, string>> = {},
    body?: object,
  ): Promise<Readonly<Record<string, unknown>>> => {
    const init = { method, headers, ...(body !== undefined && { body: JSON.stringify(body) }) };
    const answer = await fetch(cluster.apiUrl + path, init);
    await holdToDescription(method, path.replace(/\?.*/, ""), "/", answer);
    statuses[`${method} ${path}`] = answer.status;
    return answer.headers.get("Content-Type")?.includes("json") ? Object(await answer.json()) : {};
  };

  const viewer = { Authorization: `Bearer ${await tokenFor(cluster)}` };
  const { sessionId, grant } = await ask("POST", "/stream/start", viewer, { asset: "vod-ts" });
  const own = { ...viewer, "CTA-Common-Access-Token": String(grant) };
  await ask("GET", `/stream/${sessionId}`, own);
  await ask("POST", `/stream/${sessionId}/renew`, own);

  const operator = { Authorization: `Bearer ${(await operatorOf(cluster, "ann")).token}` };
  const asset = { origin: { type: "r2", binding: "MEDIA", prefix: "described/" }, entry: "index.m3u8" };
  for (const path of ["sessions?limit=5", "refusals", "keys", "assets"])
    await ask("GET", `/operator/${path}`, operator);
  await ask("POST", "/operator/explain", operator, { text: String(grant) });
  await ask("POST", "/operator/simulate", operator, { credential: viewer.Authorization.slice(7), asset: "vod-ts" });
  await ask("PUT", "/operator/assets/described", operator, { id: "described", ...asset });
  await ask("DELETE", "/operator/assets/described", operator);
  await ask("POST", "/operator/revocations", operator, { session: sessionId });
  await ask("DELETE", `/stream/${sessionId}`, own);
  await ask("GET", "/metrics", operator);
  for (const path of ["/health", "/ready", "/openapi.json"]) await ask("GET", path);
  expect(Object.entries(statuses).filter(([, status]) => status >= 300)).toEqual([]);
  const routes = [routesBelowBase, routesAtRoot].flatMap((all) => Object.values(all).flatMap(Object.keys));
  expect(Object.keys(statuses)).toHaveLength(routes.length);

  for (const route of Object.keys(statuses)) {
    const [method = "", path = ""] = route.split(" ");
    await ask(method, path);
  }
  expect(new Set(Object.values(statuses))).toEqual(new Set([200, 401]));
});
