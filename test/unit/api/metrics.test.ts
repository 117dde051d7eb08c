import { describe, expect, it } from "vitest";
import type { Gathered } from "../../../src/metrics/gathered.ts";
import { nodeSha256 } from "../../../src/platform/node/node-crypto.ts";
import { memoryCatalogEditing, memoryGathered } from "../../support/memory-stores.ts";
import { newOperatorPair, operatorToken } from "../auth/operators.ts";
import { newPair, token } from "../auth/tokens.ts";
import { now } from "../signing/session.ts";
import { api, sessionContext } from "./start.ts";

async function stage(gathered: Gathered = memoryGathered(() => now)) {
  const operators = await newOperatorPair();
  const context = await sessionContext([await newPair("ES256")], undefined, operators);
  const { send, log, issuer } = await api(context, "/api/v1", {
    operators: {
      ...context,
      gathered,
      catalogEditing: memoryCatalogEditing({ text: undefined }, nodeSha256),
      roots: [],
      ring: { keys: [] },
      publicKeys: () => undefined,
      originSecrets: {},
      renewal: "off",
    },
  });
  const scrape = async (bearer: string | undefined, method = "GET") =>
    send("/metrics", { method, headers: bearer === undefined ? {} : { Authorization: `Bearer ${bearer}` } });
  return { scrape, send, log, issuer, reader: await operatorToken(operators, { scope: "operator:read" }), operators };
}

describe("/metrics", () => {
  it("is at the root, whatever the base path, for operators with operator:read", async () => {
    const { scrape, send, reader } = await stage();
    const response = await scrape(reader);
    expect([response.status, response.headers.get("Content-Type")]).toEqual([
      200,
      "text/plain; version=0.0.4; charset=utf-8",
    ]);
    expect(await response.text()).toContain("\nstagedoor_sessions 0\n");
    expect((await send("/api/v1/metrics")).status).toBe(404);
  });

  it("is refused without a credential, with a viewer's, and with another scope", async () => {
    const { scrape, issuer, operators } = await stage();
    const viewer = await token(issuer, { assets: "*", scope: "stream:play operator:read" });
    const other = await operatorToken(operators, { scope: "operator:revoke" });
    const statuses = [undefined, viewer, other].map(async (bearer) => (await scrape(bearer)).status);
    expect(await Promise.all(statuses)).toEqual([401, 401, 403]);
  });

  it("is 503, not empty, if the metrics object is down", async () => {
    const down = () => Promise.reject(new Error("MARKED"));
    const { scrape, reader } = await stage({
      report: down,
      counts: down,
      sessions: down,
      refusals: down,
      groups: down,
      ofViewer: down,
      history: down,
      events: down,
      actions: down,
    });
    const response = await scrape(reader);
    expect([response.status, Object(await response.json()).code]).toEqual([503, "store_unavailable"]);
  });

  it("accepts GET only", async () => {
    const { scrape, reader } = await stage();
    const response = await scrape(reader, "POST");
    expect([response.status, response.headers.get("Allow")]).toEqual([405, "GET, OPTIONS"]);
  });
});
