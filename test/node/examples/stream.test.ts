import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Refused, startStream } from "../../../examples/shared/stream.ts";

interface Sent {
  readonly request: string;
  readonly token: string | null;
  readonly grant: string | null;
  readonly body: unknown;
}

const sent: Sent[] = [];
const responses: Response[] = [];

beforeEach(() => {
  sent.length = 0;
  responses.length = 0;
  vi.stubGlobal("fetch", async (url: string, { method, headers: init, body }: RequestInit) => {
    const headers = new Headers(init);
    const request = `${method} ${url}`;
    const [token, grant] = [headers.get("Authorization"), headers.get("CTA-Common-Access-Token")];
    sent.push({ request, token, grant, body: body === undefined ? undefined : JSON.parse(String(body)) });
    const response = responses.shift();
    if (response === undefined) throw new TypeError("fetch failed");
    return response;
  });
});
afterEach(() => {
  vi.unstubAllGlobals();
});

const session = (sessionId: string, grant: string) => ({
  ...{ sessionId, grant, manifestUrl: `https://media.example.com/${grant}/film/index.m3u8` },
  sessionExpiresAt: "2026-12-01T20:00:00Z",
});
const refused = (status: number, code: string) =>
  new Response("{}", { status, headers: { "Stagedoor-Refusal": code, "Request-Id": "9f1c" } });

let tokens = 0;
const options = { api: "https://api.example.com", token: async () => `token-${++tokens}`, asset: "film" };

async function started() {
  tokens = 0;
  responses.push(Response.json(session("s1", "grant-1"), { status: 201 }));
  return startStream(options);
}

describe("the examples' client", () => {
  it("starts a stream with a token and the asset's id", async () => {
    expect(await started()).toMatchObject(session("s1", "grant-1"));
    const request = "POST https://api.example.com/stream/start";
    expect(sent).toEqual([{ request, token: "Bearer token-1", grant: null, body: { asset: "film", takeover: false } }]);
  });

  it("rejects a refused start with its code", async () => {
    responses.push(refused(403, "asset_forbidden"));
    const error = await startStream(options).catch((error: unknown) => error);
    expect(error).toBeInstanceOf(Refused);
    expect(error).toMatchObject({ refusal: { code: "asset_forbidden", requestId: "9f1c" } });
  });

  it("names the status where a proxy answered instead of the API", async () => {
    responses.push(new Response("Bad gateway", { status: 502 }));
    await expect(startStream(options)).rejects.toMatchObject({ refusal: { code: "status_502" } });
  });

  it("renews with a fresh token and the latest grant", async () => {
    const stream = await started();
    responses.push(Response.json(session("s1", "grant-2")), Response.json(session("s1", "grant-3")));
    expect(await stream.renew()).toMatchObject({ grant: "grant-2" });
    await stream.renew();
    const request = "POST https://api.example.com/stream/s1/renew";
    expect(sent.slice(1)).toEqual([
      { request, token: "Bearer token-2", grant: "grant-1", body: undefined },
      { request, token: "Bearer token-3", grant: "grant-2", body: undefined },
    ]);
  });

  it("starts another session when the old one has expired, and no other refusal starts one", async () => {
    const stream = await started();
    responses.push(refused(403, "grant_expired"), Response.json(session("s2", "grant-2"), { status: 201 }));
    expect(await stream.renew()).toMatchObject({ sessionId: "s2" });
    responses.push(refused(403, "session_revoked"));
    await expect(stream.renew()).rejects.toMatchObject({ refusal: { code: "session_revoked" } });
    expect(sent.at(-1)?.request).toBe("POST https://api.example.com/stream/s2/renew");
  });

  it.each([
    ["revoked", "session_revoked"],
    ["taken", "stream_taken"],
    ["shared", "session_shared"],
  ])("gives the state %s the code of the media host's refusal", async (state, code) => {
    const stream = await started();
    responses.push(Response.json({ state }));
    expect(await stream.refusal()).toEqual({ code });
  });

  it("knows no refusal of a session that is running, or while the API is down", async () => {
    const stream = await started();
    responses.push(Response.json({ state: "running" }));
    expect([await stream.refusal(), await stream.refusal()]).toEqual([undefined, undefined]);
    responses.push(refused(403, "grant_expired"));
    expect(await stream.refusal()).toMatchObject({ code: "grant_expired" });
  });

  it("ends the session, and ignores that it has already ended", async () => {
    const stream = await started();
    responses.push(new Response(null, { status: 204 }), refused(403, "session_revoked"));
    await stream.end();
    await stream.end();
    expect(sent.slice(1).map(({ request }) => request)).toEqual([
      "DELETE https://api.example.com/stream/s1",
      "DELETE https://api.example.com/stream/s1",
    ]);
  });
});
