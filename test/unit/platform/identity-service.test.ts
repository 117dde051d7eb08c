import { describe, expect, it } from "vitest";
import type { Presented } from "../../../src/auth/credential.ts";
import { identityService } from "../../../src/platform/cloudflare/identity-service.ts";

const apiUrl = "https://api.example.com";
const cookie: Presented = { is: "cookie", cookie: "__Host-stagedoor.session_token=abc.def" };
const bearer: Presented = { is: "bearer", token: "a".repeat(32), form: "opaque" };

const session = {
  id: "s1",
  createdAt: "2026-11-22T03:00:00.000Z",
  expiresAt: "2026-11-29T03:00:00.000Z",
  token: "secret",
  userId: "u1",
};
const user = { id: "u1", email: "ann@example.com", assets: "vod-ts live-ts", streams: 2 };

function serviceThat(answers: () => Response) {
  const asked: Request[] = [];
  const fetch = async (request: Request) => {
    asked.push(request);
    return answers();
  };
  return { ask: identityService({ fetch }, apiUrl), asked };
}

describe("the identity worker over its binding", () => {
  it("answers who is signed in, and what he may play", async () => {
    const { ask } = serviceThat(() => Response.json({ session, user }));
    expect(await ask(cookie)).toEqual({
      ...{ sessionId: "s1", userId: "u1", assets: ["vod-ts", "live-ts"], streams: 2 },
      createdAt: Date.parse(session.createdAt),
      expiresAt: Date.parse(session.expiresAt),
    });
  });

  it.each([
    [cookie, { cookie: "__Host-stagedoor.session_token=abc.def" }],
    [bearer, { authorization: `Bearer ${"a".repeat(32)}` }],
  ] as const)(
    "is asked with the one credential that was presented, and with nothing else",
    async (presented, headers) => {
      const { ask, asked } = serviceThat(() => Response.json(null));
      await ask(presented);
      expect(asked.map(({ method, url }) => [method, url])).toEqual([["GET", `${apiUrl}/api/auth/get-session`]]);
      expect(Object.fromEntries(asked[0]?.headers ?? [])).toEqual(headers);
    },
  );

  it("is told of a look, so that no session is prolonged by an operator who asks how it stands", async () => {
    const { ask, asked } = serviceThat(() => Response.json(null));
    await ask(bearer, "look");
    expect(asked.map(({ url }) => url)).toEqual([`${apiUrl}/api/auth/get-session?disableRefresh=true`]);
  });

  it("knows no session: undefined", async () => {
    expect(await serviceThat(() => Response.json(null)).ask(bearer)).toBe(undefined);
  });

  it.each([
    ["is down", () => Response.json({ code: "STORE_UNAVAILABLE" }, { status: 503 })],
    ["answers no JSON", () => new Response("<html>")],
    ["answers half a session", () => Response.json({ session: { id: "s1" }, user })],
    ["answers no user", () => Response.json({ session })],
    ["says that nobody may ask", () => Response.json(null, { status: 401 })],
  ])("%s: it rejects, which is never taken for a session that has ended", async (_, answers) => {
    await expect(serviceThat(answers).ask(bearer)).rejects.toThrow();
  });
});
