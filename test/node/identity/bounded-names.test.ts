import { beforeEach, describe, expect, it } from "vitest";
import { type IdentityStage, identityStage, type SignedIn, signIn } from "./stage.ts";

let stage: IdentityStage;
let ann: SignedIn;
beforeEach(async () => {
  stage = await identityStage();
  ann = await signIn(stage, "ann@example.com");
});

const text = (length: number) => "n".repeat(length);
const codeOf = async (response: Response) => [response.status, Object(await response.json()).code];

/** The length of the longest text in any row. */
function longestInRows(): number {
  const tables = stage.database.prepare("SELECT name FROM sqlite_master WHERE type = 'table'").all();
  const rows = tables.flatMap(({ name }) => stage.database.prepare(`SELECT * FROM "${name}"`).all());
  return Math.max(...rows.flatMap((row) => Object.values(row)).map((value) => String(value).length));
}

describe("a text in a client's request", () => {
  it.each([
    ["/update-user", { name: text(60_000) }],
    ["/update-user", { name: text(257) }],
    ["/update-user", { image: `https://example.com/${text(60_000)}` }],
    ["/update-user", { image: { a: [text(60_000)] } }],
    ["/sign-up/email", { email: "bob@example.com", password: "correct horse battery", name: text(257) }],
    ["/sign-up/email", { email: `${text(250)}@example.com`, password: "correct horse battery", name: "Bob" }],
    ["/sign-in/email", { email: "ann@example.com", password: text(2049) }],
    ["/sign-in/email", { email: "ann@example.com", password: "x", callbackURL: `/${text(2048)}` }],
    ["/revoke-session", { token: text(60_000) }],
  ])("is refused before it reaches the database if it is too long: %s", async (path, body) => {
    expect(await codeOf(await stage.post(path, body, { Cookie: ann.cookie }))).toEqual([400, "NAME_TOO_LONG"]);
    expect(longestInRows()).toBeLessThan(4096);
  });

  it("may be as long as real names, URLs and addresses", async () => {
    const profile = { name: "é".repeat(256), image: `https://example.com/${text(2000)}` };
    expect((await stage.post("/update-user", profile, { Cookie: ann.cookie })).status).toBe(200);
    const account = { email: `${text(242)}@example.com`, password: "correct horse battery", name: "Bob" };
    expect((await stage.post("/sign-up/email", account)).status).toBe(200);
  });

  it("is limited in a form as in JSON", async () => {
    const account = { email: "bob@example.com", password: "correct horse battery", name: text(60_000) };
    const headers = { Origin: "https://api.example.com" };
    const body = new URLSearchParams(account);
    expect(await codeOf(await stage.fetch("/sign-up/email", { method: "POST", headers, body }))).toEqual([
      400,
      "NAME_TOO_LONG",
    ]);
  });

  it("is cut off in the User-Agent, which the session's row keeps", async () => {
    const headers = { "User-Agent": `Player/1.0 ${text(60_000)}` };
    const body = { email: "ann@example.com", password: "correct horse battery" };
    expect((await stage.post("/sign-in/email", body, headers)).status).toBe(200);
    const [newest] = stage.database.prepare("SELECT userAgent FROM session ORDER BY createdAt DESC").all();
    expect(String(newest?.userAgent)).toBe(`Player/1.0 ${text(245)}`);
  });
});

describe("an authorization request, which a row keeps until its code is used,", () => {
  it.each([
    ["a long state", { client_id: "app", state: text(60_000) }],
    ["a long unknown parameter", { client_id: "app", [text(5000)]: "" }],
    ["a client of 60,000 characters", { client_id: text(60_000) }],
  ])("is refused with %s", async (_, query) => {
    const response = await stage.fetch(`/oauth2/authorize?${new URLSearchParams(query)}`, {
      headers: { Authorization: `Bearer ${ann.bearer}` },
    });
    expect(await codeOf(response)).toEqual([414, "URI_TOO_LONG"]);
    expect(longestInRows()).toBeLessThan(4096);
  });
});

describe("the revocation of a token", () => {
  it.each([8193, 60_000])("of %d characters is refused without a database query", async (length) => {
    stage.database.exec("ALTER TABLE oauthRefreshToken RENAME TO elsewhere");
    const body = new URLSearchParams({ client_id: "app", token: text(length) });
    const response = await stage.fetch("/oauth2/revoke", { method: "POST", body });
    expect([response.status, Object(await response.json()).error]).toEqual([400, "unsupported_token_type"]);
  });
});
