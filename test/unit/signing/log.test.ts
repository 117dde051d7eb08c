import { describe, expect, it } from "vitest";
import { openGrant } from "../../../src/signing/grant.ts";
import { api, start } from "../api/start.ts";
import { token } from "../auth/tokens.ts";
import { now } from "./session.ts";

/** The response to a start that is refused by default, and the API's log lines. */
async function refusedStart(headers: Record<string, string> = {}, body = '{"asset":"none"}', sub = "ann") {
  const server = await api();
  const request = start(await token(server.issuer, { sub }), body);
  const response = await server.send("/stream/start", { ...request, headers: { ...request.headers, ...headers } });
  const { log } = server;
  return { ...server, response, lines: log.map((line): Record<string, unknown> => JSON.parse(line)) };
}

describe("the log line of a refusal", () => {
  it("has the Request-Id of the response, which a page can read", async () => {
    const { response, lines } = await refusedStart({ "CF-Ray": "9f1c2d3e4a5b6c7d-FRA" });
    expect(lines).toMatchObject([{ worker: "api", event: "refused", request: "9f1c2d3e4a5b6c7d-FRA" }]);
    expect(response.headers.get("Request-Id")).toBe("9f1c2d3e4a5b6c7d-FRA");
    expect(response.headers.get("Access-Control-Expose-Headers")?.split(", ")).toEqual(
      expect.arrayContaining(["Request-Id", "Stagedoor-Refusal"]),
    );
  });

  it("has the subject as the keyed hash of its grants, and never in plain text", async () => {
    const { lines, log, send, issuer, context } = await refusedStart();
    const started = Object(await (await send("/stream/start", start(await token(issuer, { sub: "ann" })))).json());
    const grant = openGrant(started.grant, context.keys, now);
    if (!grant.ok) throw new Error("no grant");
    expect(lines).toMatchObject([{ code: "asset_forbidden", subject: grant.value.subject }]);
    expect(log.join()).not.toMatch(/\bann\b/);
  });

  it("has no subject if the token is invalid", async () => {
    const { lines } = await refusedStart({ Authorization: "Bearer e30.e30.AAAA" });
    expect(lines).toEqual([expect.not.objectContaining({ subject: expect.anything() })]);
    expect(lines).toMatchObject([{ code: "token_invalid" }]);
  });

  it.each([
    ["/none", "GET", "route_unknown"],
    ["/stream/start", "PUT", "method_unknown"],
  ])("is also written for %s with method %s: %s", async (path, method, code) => {
    const { send, log } = await api();
    const response = await send(path, { method });
    expect(log.map((line) => JSON.parse(line))).toMatchObject([{ code, request: response.headers.get("Request-Id") }]);
  });

  it("is not written for a start that succeeds", async () => {
    const { response, lines } = await refusedStart({}, '{"asset":"film"}');
    expect([response.status, response.headers.has("Request-Id"), lines]).toEqual([201, false, []]);
  });
});
