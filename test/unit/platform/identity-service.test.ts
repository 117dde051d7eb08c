import { describe, expect, it } from "vitest";
import type { Presented } from "../../../src/auth/credential.ts";
import { identityService } from "../../../src/identity/identity-client.ts";

const apiUrl = "https://api.example.com";
const cookie: Presented = { kind: "cookie", cookie: "__Host-stagedoor.session_token=abc.def" };
const bearer: Presented = { kind: "bearer", token: "a".repeat(32), form: "opaque" };

const session = {
  id: "s1",
  createdAt: "2026-11-22T03:00:00.000Z",
  expiresAt: "2026-11-29T03:00:00.000Z",
  token: "secret",
  userId: "u1",
};
const user = { id: "u1", email: "ann@example.com", assets: "vod-ts live-ts", streams: 2 };

function serviceThat(respond: () => Response) {
  const requests: Request[] = [];
  const fetch = async (request: Request) => {
    requests.push(request);
    return respond();
  };
  return { sessionOf: identityService({ fetch }, apiUrl), requests };
}

describe("the identity worker over its binding", () => {
  it("returns the user of the session and what they may play", async () => {
    const { sessionOf } = serviceThat(() => Response.json({ session, user }));
    expect(await sessionOf(cookie)).toEqual({
      ...{ sessionId: "s1", userId: "u1", assets: ["vod-ts", "live-ts"], streams: 2 },
      createdAt: Date.parse(session.createdAt),
      expiresAt: Date.parse(session.expiresAt),
    });
  });

  it.each([
    [cookie, { cookie: "__Host-stagedoor.session_token=abc.def" }],
    [bearer, { authorization: `Bearer ${"a".repeat(32)}` }],
  ] as const)("gets the presented credential and nothing else: %j", async (presented, headers) => {
    const { sessionOf, requests } = serviceThat(() => Response.json(null));
    await sessionOf(presented);
    expect(requests.map(({ method, url }) => [method, url])).toEqual([["GET", `${apiUrl}/api/auth/get-session`]]);
    expect(Object.fromEntries(requests[0]?.headers ?? [])).toEqual(headers);
  });

  it("does not prolong a session that an operator only looks up", async () => {
    const { sessionOf, requests } = serviceThat(() => Response.json(null));
    await sessionOf(bearer, "look");
    expect(requests.map(({ url }) => url)).toEqual([`${apiUrl}/api/auth/get-session?disableRefresh=true`]);
  });

  it("returns undefined if there is no session", async () => {
    expect(await serviceThat(() => Response.json(null)).sessionOf(bearer)).toBe(undefined);
  });

  it.each([
    ["is down", () => Response.json({ code: "STORE_UNAVAILABLE" }, { status: 503 })],
    ["does not answer JSON", () => new Response("<html>")],
    ["answers half a session", () => Response.json({ session: { id: "s1" }, user })],
    ["leaves out the user", () => Response.json({ session })],
    ["answers 401", () => Response.json(null, { status: 401 })],
  ])("rejects if it %s, which is never treated as an expired session", async (_, respond) => {
    await expect(serviceThat(respond).sessionOf(bearer)).rejects.toThrow();
  });
});
