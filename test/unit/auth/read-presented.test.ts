import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readPresented, sessionCookieName } from "../../../src/auth/read-credential.ts";
import { apiUrl, identityToken, requestWith, sessionCookie } from "./sources.ts";

const jws = "eyJhbGciOiJFUzI1NiJ9.e30.AAAA";
const proof = "eyJ0eXAiOiJkcG9wK2p3dCJ9.e30.BBBB";

function read(headers: Readonly<Record<string, string>>, more: { url?: string; body?: string } = {}, cookies = true) {
  const presented = readPresented(requestWith(headers, more), cookies);
  return presented.ok ? presented.value : presented.refusal.code;
}

describe("a request", () => {
  it("presents a bearer token, a DPoP token with its proof, or the session cookie", () => {
    expect(read({ Authorization: `Bearer ${jws}` })).toEqual({ kind: "bearer", token: jws, form: "jws" });
    expect(read({ Authorization: `DPoP ${jws}`, DPoP: proof })).toEqual({
      kind: "dpop",
      token: jws,
      form: "jws",
      proof,
    });
    expect(read({ Cookie: `a=1; ${sessionCookie}; b=2` })).toEqual({ kind: "cookie", cookie: sessionCookie });
  });

  it("presents nothing if it has no known credential, or a cookie without an identity worker", () => {
    expect(read({})).toBe("token_missing");
    expect(read({ Authorization: "" })).toBe("token_missing");
    expect(read({ Cookie: sessionCookie }, {}, false)).toBe("token_missing");
    expect(read({ Authorization: "Basic eDp5" })).toBe("token_missing");
    expect(read({ Cookie: "a=1; session_token=x" })).toBe("token_missing");
  });

  it("presents the token of its Authorization header if a browser also adds a cookie", () => {
    for (const Cookie of [sessionCookie, `${sessionCookie}; ${sessionCookie}`, `${sessionCookieName}=`]) {
      expect(read({ Authorization: `Bearer ${identityToken}`, Cookie })).toMatchObject({
        kind: "bearer",
        form: "opaque",
      });
      expect(read({ Authorization: `DPoP ${jws}`, DPoP: proof, Cookie })).toMatchObject({ kind: "dpop" });
    }
  });

  it("is refused with an unknown scheme or a malformed token, even with a valid cookie", () => {
    expect(read({ Authorization: "Basic eDp5", Cookie: sessionCookie })).toBe("request_invalid");
    expect(read({ Authorization: "Bearer", Cookie: sessionCookie })).toBe("request_invalid");
    expect(read({ Authorization: "Bearer e30.e30.", Cookie: sessionCookie })).toBe("token_invalid");
    expect(read({ Authorization: `DPoP ${jws}`, Cookie: sessionCookie })).toBe("dpop_proof_invalid");
  });
});

describe("a refused request names what to send", () => {
  const faultsOf = (headers: Readonly<Record<string, string>>, more: { url?: string; body?: string } = {}) => {
    const presented = readPresented(requestWith(headers, more), true);
    return presented.ok || !("faults" in presented.refusal) ? undefined : presented.refusal.faults;
  };

  it.each([
    ["Bearer", "Authorization: Send a token after Bearer, which has none."],
    ["DPoP ", "Authorization: Send a token after DPoP, which has none."],
    [jws, "Authorization: Write the scheme Bearer and a space before the token."],
    ["Basic eDp5", "Authorization: Use the scheme Bearer or DPoP, not Basic."],
    [`Secret${jws} x`, "Authorization: Use the scheme Bearer or DPoP."],
    ["Bearer a b", "Authorization: Send one scheme and one token, without spaces in the token."],
    ["Bearer a, Bearer b", "Authorization: Send one header with one token."],
    ["Basic a, Bearer b", "Authorization: Send one header with one token."],
  ])("with Authorization: %s", (Authorization, fault) => {
    expect(faultsOf({ Authorization })).toEqual([fault]);
  });

  it.each([
    ["query", { url: `${apiUrl}/?access_token=${jws}` }],
    ["body", { body: `{"access_token":"${jws}"}` }],
  ])("with a token in the %s", (place, more) => {
    expect(faultsOf({}, more)).toEqual([
      `access_token: Send the token in the Authorization header, not in the ${place}, which logs may keep.`,
    ]);
  });

  it("with two cookies, two proofs, or a cookie and another scheme", () => {
    expect(faultsOf({ Cookie: `${sessionCookie}; ${sessionCookie}` })).toEqual([
      `Cookie: Send one cookie ${sessionCookieName}.`,
    ]);
    expect(faultsOf({ Authorization: `DPoP ${jws}`, DPoP: `${proof}, ${proof}` })).toEqual(["DPoP: Send one header."]);
    expect(faultsOf({ Authorization: "Basic eDp5", Cookie: sessionCookie })).toEqual([
      expect.stringContaining("Or omit it: the session cookie is a credential already."),
    ]);
  });

  it("without any credential has no error to name", () => {
    expect(faultsOf({})).toBeUndefined();
  });
});

describe("a token outside the Authorization header (RFC 6750 §2)", () => {
  const header = { Authorization: `Bearer ${jws}` };
  it.each([
    [`?access_token=${jws}`],
    ["?access_token="],
    ["?access_token"],
    ["?a=1&access%5Ftoken=x"],
    ["?%61ccess_token=x#fragment"],
  ])("is refused in the query: %s", (query) => {
    for (const headers of [header, {}, { Cookie: sessionCookie }])
      expect(read(headers, { url: `${apiUrl}/stream/start${query}` })).toBe("request_invalid");
  });

  it.each([
    [`access_token=${jws}`],
    [`asset=film&access_token=${jws}`],
    ["\r\naccess_token=x"],
    ["access%5ftoken=x"],
    ['{"access_token":"x"}'],
    ['{"asset":"film","access\\u005ftoken":null}'],
    [' {"access_token":{}} '],
  ])("is refused in the body: %s", (body) => {
    for (const headers of [header, {}, { Cookie: sessionCookie }])
      expect(read(headers, { body })).toBe("request_invalid");
  });

  it.each([
    [`${apiUrl}/stream/access_token`, '{"asset":"access_token"}'],
    [`${apiUrl}/?x=access_token&accesstoken=1`, '{"a":{"access_token":"x"}}'],
    [`${apiUrl}/?`, "null"],
    [apiUrl, '["access_token"]'],
    [apiUrl, ""],
  ])("is not seen in the URL %s with the body %s", (url, body) => {
    expect(read(header, { url, body })).toMatchObject({ kind: "bearer" });
  });
});

describe("the session cookie", () => {
  it("is refused if two cookies have its name, because it is ambiguous", () => {
    expect(read({ Cookie: `${sessionCookie}; ${sessionCookieName}=x` })).toBe("request_invalid");
    expect(read({ Cookie: `${sessionCookie};${sessionCookie}` })).toBe("request_invalid");
  });

  it.each(["", "a,b", "a b", '"a"', "a\\b", "a\u00e9"])("requires a new sign-in if its value is %j", (value) => {
    expect(read({ Cookie: `${sessionCookieName}=${value}` })).toBe("sign_in_required");
  });

  it("requires a new sign-in if its value has 1025 characters", () => {
    expect(read({ Cookie: `${sessionCookieName}=${"a".repeat(1025)}` })).toBe("sign_in_required");
  });

  it("is not read from a cookie whose name only resembles its name", () => {
    const lookalikes = [
      `\u00a0${sessionCookie}`,
      `\u0085${sessionCookie}`,
      `\v${sessionCookie}`,
      `x${sessionCookie}`,
      sessionCookie.toLowerCase(),
      `a=1, ${sessionCookie}`,
      `a="${sessionCookie}"`,
    ];
    expect(lookalikes.map((Cookie) => readCookie(Cookie))).toEqual(lookalikes.map(() => "token_missing"));
  });

  it("is found among other cookies, with any spacing", () => {
    for (const Cookie of [
      `a=1;${sessionCookie}`,
      `;; ${sessionCookie} ;`,
      `\t${sessionCookie}\t`,
      `a; ${sessionCookie}`,
    ])
      expect(readCookie(Cookie)).toEqual({ kind: "cookie", cookie: sessionCookie });
  });

  /** A header object that trims nothing, as in some runtimes. */
  function readCookie(cookie: string) {
    const headers = { get: (name: string) => (name === "Cookie" ? cookie : null) };
    const presented = readPresented({ method: "GET", url: apiUrl, body: undefined, headers }, true);
    return presented.ok ? presented.value : presented.refusal.code;
  }
});

describe("the DPoP header", () => {
  it.each([
    ["dpop_proof_invalid", undefined],
    ["dpop_proof_invalid", "x"],
    ["dpop_proof_invalid", `${proof}=`],
    ["dpop_proof_invalid", "e30.e30."],
    ["request_invalid", `${proof}, ${proof}`],
    ["request_invalid", `${proof},${proof}`],
  ])("is refused as %s if its value is %s", (code, DPoP) => {
    expect(read({ Authorization: `DPoP ${jws}`, ...(DPoP !== undefined && { DPoP }) })).toBe(code);
  });

  it("is accepted up to 4096 characters, and ignored with a bearer token", () => {
    const longest = `e30.e30.${"A".repeat(4088)}`;
    expect(read({ Authorization: `DPoP ${jws}`, DPoP: longest })).toMatchObject({ proof: longest });
    expect(read({ Authorization: `DPoP ${jws}`, DPoP: `e30.e30.${"A".repeat(4092)}` })).toBe("request_invalid");
    expect(read({ Authorization: `Bearer ${jws}`, DPoP: "x, y" })).toMatchObject({ kind: "bearer" });
  });
});

it("random credentials never cause an exception, and no refusal quotes them", () => {
  const marked = fc.constantFrom(
    "MARKED",
    "Bearer ",
    "DPoP ",
    jws,
    proof,
    sessionCookie,
    "; ",
    ", ",
    "access_token=",
    "{",
  );
  const noise = fc.array(fc.oneof(marked, fc.string({ unit: "binary" }))).map((parts) => parts.join(""));
  const text = fc.option(noise);
  fc.assert(
    fc.property(text, text, text, noise, fc.option(noise, { nil: undefined }), (auth, cookie, dpop, query, body) => {
      const values = new Map([
        ["Authorization", auth],
        ["Cookie", cookie],
        ["DPoP", dpop],
      ]);
      const headers = { get: (name: string) => values.get(name) ?? null };
      const presented = readPresented({ method: "POST", url: `${apiUrl}/?${query}`, headers, body }, true);
      if (presented.ok) return;
      expect(presented.refusal.reason).not.toMatch(/MARKED|eyJ|aB3/);
    }),
    { numRuns: 500 },
  );
});
