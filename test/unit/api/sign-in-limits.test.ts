import { describe, expect, it } from "vitest";
import { limitIdentityRequest } from "../../../src/api/sign-in-limits.ts";
import { rememberSpent } from "../../../src/auth/rate-limit.ts";
import { seconds } from "../../../src/base/time.ts";
import type { SessionContext } from "../../../src/sessions/session-context.ts";
import { apiUrl, identityToken, sessionCookie, signedIn } from "../auth/sources.ts";
import { newPair } from "../auth/tokens.ts";
import { sessionContext } from "./start.ts";

const form = "application/x-www-form-urlencoded";
const email = (address: unknown) => JSON.stringify({ email: address, password: "x" });

/** Sign-ins with a limit of two per account and three per network. */
async function attempts(changes: Partial<SessionContext> = {}) {
  const base = await sessionContext([await newPair("ES256")]);
  const window = seconds(3600);
  const names: string[] = [];
  const context: SessionContext = {
    ...base,
    limits: {
      ...base.limits,
      take: (policy, name, now) => {
        names.push(`${policy.name} ${name}`);
        return base.limits.take(policy, name, now);
      },
    },
    settings: {
      ...base.settings,
      signInRate: { name: "sign-in-account", quota: 2, window },
      signInRateAddress: { name: "sign-in-address", quota: 3, window },
      tokenRateAddress: { name: "token-address", quota: 2, window },
    },
    identity,
    ...changes,
  };
  let networks = 0;
  /** The refusal code or "passed", and the policies that counted it. */
  const attempt = async (
    body: string,
    more: { path?: string; method?: string; type?: string; address?: string; headers?: Record<string, string> } = {},
  ) => {
    const { path = "/sign-in/email", method = "POST", type = "application/json" } = more;
    const address = more.address ?? `192.0.${networks++}.1`;
    const headers = new Headers({ ...more.headers, ...(type !== "" && { "Content-Type": type }) });
    const request = { method, url: `https://api.example/api/auth${path}`, headers, body };
    const client = { address, userAgentHash: () => "" };
    const counted: string[] = [];
    const onQuotaStatus = (quotaStatus: { readonly policy: { readonly name: string } }) =>
      void counted.push(quotaStatus.policy.name);
    const before = await limitIdentityRequest(request, path, { client, onQuotaStatus }, context);
    return { code: before.ok ? "passed" : before.refusal.code, counted };
  };
  return { attempt, names };
}

/** An identity worker with two users. */
const tokens = { ann: identityToken, bob: identityToken.replace(/^aB3/, "xB3") };
const identity: NonNullable<SessionContext["identity"]> = {
  issuer: apiUrl,
  sessions: async (presented) => {
    const text = presented.kind === "cookie" ? presented.cookie : presented.token;
    const user = Object.entries(tokens).find(([, token]) => text.endsWith(token));
    return user === undefined ? undefined : { ...signedIn, userId: user[0] };
  },
  end: async () => undefined,
  findUser: async () => undefined,
};
const by = (token: string) => ({ Authorization: `Bearer ${token}` });

const both = ["sign-in-address", "sign-in-account"];

describe("a sign-in", () => {
  it("is counted per account from every network, before the password is checked", async () => {
    const { attempt } = await attempts();
    const body = email("ann@example.com");
    expect([await attempt(body), await attempt(body), await attempt(body)]).toEqual([
      { code: "passed", counted: both },
      { code: "passed", counted: both },
      { code: "rate_limited", counted: both },
    ]);
    expect(await attempt(email("bob@example.com"))).toMatchObject({ code: "passed" });
  });

  it("is counted per network for every account, and above that limit not per account", async () => {
    const { attempt } = await attempts();
    const address = "198.51.100.7";
    const codes: string[] = [];
    for (const name of ["a", "b", "c", "d", "d", "d"])
      codes.push((await attempt(email(`${name}@example.com`), { address })).code);
    expect(codes).toEqual(["passed", "passed", "passed", "rate_limited", "rate_limited", "rate_limited"]);
    expect(await attempt(email("d@example.com"))).toMatchObject({ code: "passed" });
  });

  it.each([
    ["capitals", email("ANN@Example.COM"), "application/json"],
    ["spaces around it", email("  ann@example.com\t"), "application/json"],
    ["full-width letters", email("ａｎｎ@example.com"), "application/json"],
    ["escapes", '{"email":"\\u0061nn@example.com"}', "application/json; charset=utf-8"],
    ["a type in capitals", email("ann@example.com"), "APPLICATION/JSON"],
    ["the last of two addresses", '{"email":"eve@example.com","email":"ann@example.com"}', "application/json"],
    ["a form", "email=ann%40example.com&password=x", form],
    ["the last of two addresses in a form", "email=eve%40example.com&email=ann%40example.com", `${form};charset=utf-8`],
  ])("counts for the same account with %s", async (_, body, type) => {
    const { names, attempt } = await attempts();
    await attempt(email("ann@example.com"));
    await attempt(body, { type });
    const accounts = names.filter((name) => name.startsWith("sign-in-account"));
    expect([accounts.length, new Set(accounts).size]).toEqual([2, 1]);
  });

  it("is counted under a hash of fixed length", async () => {
    const { names, attempt } = await attempts();
    await attempt(email("ann@example.com"));
    expect(names[1]).toMatch(/^sign-in-account [A-Za-z0-9_-]{43}$/);
  });

  it.each([
    ["text that is not JSON", "{", "application/json"],
    ["JSON that is not an object", '"ann@example.com"', "application/json"],
    ["an address that is a list", email(["ann@example.com"]), "application/json"],
    ["no address", "{}", "application/json"],
    ["a form without an address", "password=x", form],
    ["nothing at all", "", ""],
  ])("with %s is counted per network only", async (_, body, type) => {
    const { attempt } = await attempts();
    expect(await attempt(body, { type })).toEqual({ code: "passed", counted: ["sign-in-address"] });
  });

  it("cannot bypass the account's limit with a padded body", async () => {
    const { attempt } = await attempts();
    for (const padding of [" ".repeat(4096), "\u2003".repeat(1400)])
      expect(await attempt(email("ann@example.com") + padding)).toEqual({ code: "body_invalid", counted: [] });
  });

  it.each([
    ["a content type that is not parsed", email("ann@example.com"), "text/plain"],
    ["a content type that looks like a form", email("ann@example.com"), `multipart/form-data+${form}`],
    ["an unknown content type", email("ann@example.com"), "none"],
  ])("cannot bypass the account's limit with %s", async (_, body, type) => {
    const { attempt } = await attempts();
    expect(await attempt(body, { type })).toMatchObject({ code: "body_invalid", counted: ["sign-in-address"] });
  });

  it("is refused with 503 if the store is down", async () => {
    const { attempt } = await attempts({ limits: rememberSpent({ take: () => Promise.reject(new Error("down")) }) });
    expect(await attempt(email("ann@example.com"))).toMatchObject({ code: "store_unavailable" });
  });
});

describe.each(["/verify-password", "/change-password"])("a password check at %s", (path) => {
  const body = '{"password":"x"}';
  const ann = { path, headers: by(tokens.ann) };

  it("is counted per account of the session from every network, before the password is checked", async () => {
    const { attempt } = await attempts();
    expect([await attempt(body, ann), await attempt(body, ann), await attempt(body, ann)]).toEqual([
      { code: "passed", counted: both },
      { code: "passed", counted: both },
      { code: "rate_limited", counted: both },
    ]);
    const cookie = { Cookie: sessionCookie, Origin: apiUrl };
    expect(await attempt(body, { path, headers: cookie })).toMatchObject({ code: "rate_limited" });
    expect(await attempt(body, { path, headers: by(tokens.bob) })).toMatchObject({ code: "passed" });
  });

  it("is counted per network for every session, also for an invalid one", async () => {
    const { attempt } = await attempts();
    const address = "198.51.100.7";
    const codes: string[] = [];
    for (const headers of [by(tokens.ann), by(tokens.bob), by("made-up"), by(tokens.ann)])
      codes.push((await attempt(body, { path, headers, address })).code);
    expect(codes).toEqual(["passed", "passed", "token_invalid", "rate_limited"]);
  });

  it.each([
    ["token_missing", {}],
    ["token_invalid", by(tokens.ann.replace(/^aB3/, "zB3"))],
    ["origin_untrusted", { Cookie: sessionCookie, Origin: "https://evil.example" }],
  ])("is refused with %s without a valid session, because it has no account to count", async (code, headers) => {
    const { attempt } = await attempts();
    expect(await attempt(body, { path, headers })).toMatchObject({ code, counted: ["sign-in-address"] });
  });

  it("cannot bypass its limit with a padded body", async () => {
    const { attempt } = await attempts();
    expect(await attempt(body + " ".repeat(4096), ann)).toMatchObject({ code: "body_invalid" });
  });
});

describe("an app's tokens", () => {
  it.each(["/oauth2/revoke", "/oauth2/revoke/", "//oauth2/%72evoke", "/OAuth2/Revoke"])(
    "are counted per network when one is revoked, together with issued ones: %s",
    async (path) => {
      const { attempt } = await attempts();
      const options = { path, type: form, address: "198.51.100.7" };
      const results = [await attempt("a=b", options), await attempt("a=b", { ...options, path: "/oauth2/token" })];
      expect([...results, await attempt("a=b", options)].map(({ code }) => code)).toEqual([
        "passed",
        "passed",
        "rate_limited",
      ]);
    },
  );

  it("are counted per network when one is issued", async () => {
    const { attempt } = await attempts();
    const options = { path: "/oauth2/token", type: form, address: "198.51.100.7" };
    const counted = ["token-address"];
    expect([await attempt("a=b", options), await attempt("a=b", options), await attempt("a=b", options)]).toEqual([
      { code: "passed", counted },
      { code: "passed", counted },
      { code: "rate_limited", counted },
    ]);
    expect(await attempt("a=b", { ...options, address: "203.0.113.7" })).toMatchObject({ code: "passed" });
  });
});

describe("the counted routes", () => {
  it.each([
    "/sign-in/email",
    "/sign-in/social",
    "/sign-up/email",
    "/request-password-reset",
    "/forget-password",
    "/send-verification-email",
    "/%73ign-in/email",
    "//sign-in//email/",
    "/Sign-In/email",
  ])("include POST %s", async (path) => {
    const { attempt } = await attempts();
    expect((await attempt(email("ann@example.com"), { path })).counted).toEqual(both);
  });

  it.each([
    ["POST", "/sign-out"],
    ["GET", "/oauth2/token"],
    ["GET", "/get-session"],
    ["GET", "/verify-password"],
    ["GET", "/sign-in/email"],
    ["OPTIONS", "/sign-in/email"],
    ["POST", "/x/sign-in"],
    ["POST", "/%"],
  ])("do not include %s %s", async (method, path) => {
    const { attempt } = await attempts();
    expect((await attempt(email("ann@example.com"), { method, path })).counted).toEqual([]);
  });
});
