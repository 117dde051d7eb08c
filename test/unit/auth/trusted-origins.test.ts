import { describe, expect, it } from "vitest";
import { credentialOf, mayUseCookie, originTrust } from "../../../src/auth/request-credential.ts";
import { apiUrl, identityToken, identityWith, requestWith, sessionCookie, signedIn, sourcesOf } from "./sources.ts";

const site = { apiUrl, origins: ["https://www.example.com", "https://*.example.org", "https://*.example.net:8443"] };

const standings = {
  own: [apiUrl],
  trusted: [
    "https://www.example.com",
    "https://a.example.org",
    "https://a.b-c.example.org",
    "https://a.example.net:8443",
  ],
  foreign: [
    null,
    "null",
    "",
    "https://evil.example",
    "http://api.example",
    `${apiUrl}:8443`,
    `${apiUrl}/`,
    `${apiUrl}.evil.example`,
    "https://www.example.com.evil.example",
    "http://www.example.com",
    "https://example.com",
    "https://a.www.example.com",
    "https://example.org",
    "https://.example.org",
    "https://evilexample.org",
    "https://evil-example.org",
    "https://evil.com/.example.org",
    "https://evil.com#.example.org",
    "https://evil.com?.example.org",
    "https://evil.com\\.example.org",
    "https://user@a.example.org",
    "https://a.example.org:8443",
    "http://a.example.org",
    "https://a.example.org.",
    "https://*.example.org",
    "https://a.example.net",
    "https://a.example.net:84430",
    "https://www.example.com, https://www.example.com",
  ],
} as const;

describe.each(["own", "trusted", "foreign"] as const)("the list of trusted origins", (standing) => {
  it.each(standings[standing])(`treats the Origin %j as ${standing}`, (origin) => {
    expect(originTrust(origin, site)).toBe(standing);
  });
});

it("an API URL with the default port has the same origin as one without a port", () => {
  expect(originTrust("https://api.example", { apiUrl: "https://api.example:443", origins: [] })).toBe("own");
});

it("without an API URL, no origin is the site's own and cookies are not accepted", () => {
  expect(originTrust("undefined", { apiUrl: undefined, origins: [] })).toBe("foreign");
  expect(mayUseCookie("POST", apiUrl, { apiUrl: undefined, origins: [] }).ok).toBe(false);
});

/** The CSRF matrix: method, origin and credential, and whether the user's session is accepted. */
describe("the check of a request's origin", () => {
  const bearer = { Authorization: `Bearer ${identityToken}` };
  const cookie = { Cookie: sessionCookie };
  const presented = { cookie, bearer, both: { ...bearer, ...cookie } };
  const origins = {
    own: apiUrl,
    trusted: "https://a.example.org",
    foreign: "https://evil.example",
    null: "null",
    none: undefined,
  };
  const methods = ["GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE", "get", "X"];
  const needsOrigin = new Set(["POST", "PUT", "PATCH", "DELETE", "get", "X"]);
  const rows = methods.flatMap((method) =>
    Object.entries(origins).flatMap(([from, origin]) =>
      Object.entries(presented).map(([by, headers]) => {
        const refused = by === "cookie" && needsOrigin.has(method) && from !== "own" && from !== "trusted";
        return [refused ? "origin_untrusted" : "accepted", method, from, by, headers, origin] as const;
      }),
    ),
  );
  it.each(rows)(
    "decides %s for %s from origin `%s` with credential `%s`",
    async (outcome, method, _from, _by, headers, Origin) => {
      let sessionReads = 0;
      const sessions = async () => {
        sessionReads++;
        return signedIn;
      };
      const request = requestWith({ ...headers, ...(Origin !== undefined && { Origin }) }, { method });
      const validated = await credentialOf(request, sourcesOf({ site, identity: identityWith(sessions) })).validate();
      expect(validated.ok ? "accepted" : validated.refusal.code).toBe(outcome);
      // Reading a session extends it: another site must not be able to cause that.
      expect(sessionReads).toBe(outcome === "accepted" ? 1 : 0);
    },
  );
});
