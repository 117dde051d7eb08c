import { beforeEach, describe, expect, it } from "vitest";
import { seconds } from "../../../src/base/time.ts";
import { nodeSha256 } from "../../../src/platform/node/node-crypto.ts";
import { subjectHash } from "../../../src/sessions/identifiers.ts";
import { issuerName, token } from "../auth/tokens.ts";
import { keyOf } from "../signing/session.ts";
import { backendStage, codeOf } from "./backend-stage.ts";

type Stage = Awaited<ReturnType<typeof backendStage>>;
let stage: Stage;
beforeEach(async () => {
  stage = await backendStage();
});

describe("a start by a backend", () => {
  it("is the viewer's: their issuer is backend:<name>, and the grant has their subject", async () => {
    const { status, body } = await stage.start({ subject: "ann" });
    expect(status).toBe(201);
    const grant = stage.grantOf(body.grant);
    const key = keyOf(stage.context.keys, grant.kid);
    expect(grant.subject).toBe(subjectHash(key, "backend:web", "ann"));
    expect(grant.signer).toBe("be-1");
  });

  it("belongs to the issuer that the deployment maps the backend to, with that viewer's limit", async () => {
    const mapped = await backendStage({}, { backendIssuers: new Map([["web", issuerName]]), streamLimit: 1 });
    const { body } = await mapped.start({ subject: "viewer-1" });
    const grant = mapped.grantOf(body.grant);
    expect(grant.subject).toBe(subjectHash(keyOf(mapped.context.keys, grant.kid), issuerName, "viewer-1"));
    const own = await token(mapped.issuer);
    expect(codeOf(await mapped.send(["POST", "/stream/start"], own, { asset: "film" }))).toBe("stream_limit");
  });

  it("counts against the limit of its viewer and of no other", async () => {
    const ann = { subject: "ann", streams: 1 };
    expect(codeOf(await stage.start(ann))).toBe(201);
    const refused = await stage.start(ann);
    expect([refused.status, refused.body.running.length]).toEqual([429, 1]);
    expect(codeOf(await stage.start({ ...ann, subject: "bob" }))).toBe(201);
    expect(codeOf(await stage.start(ann, { takeover: true }))).toBe(201);
  });

  it("counts starts per viewer, not per address of the backend", async () => {
    const policy = { name: "start-subject", quota: 1, window: seconds(3600) };
    const limited = await backendStage({}, { startRate: policy });
    const codes = [];
    for (const subject of ["ann", "ann", "bob"]) codes.push(codeOf(await limited.start({ subject })));
    expect(codes).toEqual([201, "rate_limited", 201]);
  });

  it("asks the entitlement service about the viewer, with their address and country", async () => {
    const asked: unknown[] = [];
    const entitlement: Stage["context"]["entitlement"] = async (question) => {
      asked.push(question);
      return { ok: true, value: { streams: undefined, until: undefined } };
    };
    const entitled = await backendStage({ entitlement });
    await entitled.start({ subject: "ann", address: "192.0.2.7", country: "DE" });
    await entitled.start({ subject: "bob" });
    const of = { issuer: "backend:web", asset: "film" };
    expect(asked).toEqual([
      { ...of, subject: "ann", address: "192.0.2.7", country: "DE" },
      { ...of, subject: "bob", address: undefined, country: undefined },
    ]);
  });

  it("binds to the viewer's network and User-Agent, and never to the backend's own", async () => {
    const home = await stage.start({ subject: "ann", address: "192.0.2.7" }, { asset: "at-home" });
    expect(stage.grantOf(home.body.grant).network).toMatchObject({ family: 4, bits: 24 });
    expect([...(stage.grantOf(home.body.grant).network?.bytes ?? [])]).toEqual([192, 0, 2, 0]);
    const browser = await stage.start({ subject: "ann", userAgent: " Firefox/1 " }, { asset: "one-browser" });
    expect(stage.grantOf(browser.body.grant).userAgent).toBe(nodeSha256("Firefox/1"));
  });

  it.each([
    ["address", "at-home"],
    ["userAgent", "one-browser"],
    ["country", "german"],
    ["origin", "own-site"],
  ])("without viewer.%s answers 400 and names the member if the asset needs it", async (member, asset) => {
    const refused = await stage.start({ subject: "ann" }, { asset });
    expect([refused.status, refused.body.code]).toEqual([400, "body_invalid"]);
    expect(refused.body.faults).toEqual([expect.stringMatching(new RegExp(`^viewer\\.${member}: `))]);
    expect(codeOf(await stage.start({ subject: "ann" }))).toBe(201);
  });

  it("checks the country and the origin that it names", async () => {
    const of = async (viewer: object, asset: string) =>
      codeOf(await stage.start({ subject: "ann", ...viewer }, { asset }));
    expect(await of({ country: "DE" }, "german")).toBe(201);
    expect(await of({ country: "FR" }, "german")).toBe("country_forbidden");
    expect(await of({ origin: "https://www.example.com" }, "own-site")).toBe(201);
    expect(await of({ origin: "https://evil.example" }, "own-site")).toBe("origin_forbidden");
  });

  it("opens only the backend's assets and scopes, whatever the viewer's member names", async () => {
    const of = async (asset: string, viewer: object, claims: object) =>
      codeOf(await stage.start({ subject: "ann", ...viewer }, { asset }, { ...claims }));
    const listed = { assets: ["film", "premium"] };
    expect(await of("film", {}, listed)).toBe(201);
    expect(await of("film-2", {}, listed)).toBe("asset_forbidden");
    expect(await of("film-2", { assets: ["film-2"] }, listed)).toBe("asset_forbidden");
    expect(await of("film", { assets: ["film-2"] }, {})).toBe("asset_forbidden");
    expect(await of("film", { assets: [] }, {})).toBe("asset_forbidden");
    expect(await of("film-2", { assets: ["film-2"] }, {})).toBe(201);
    expect(await of("premium", {}, listed)).toBe("scope_insufficient");
    expect(await of("premium", {}, { ...listed, scope: "stream:premium" })).toBe(201);
    expect(await of("film", {}, { assets: undefined })).toBe("asset_forbidden");
  });

  const bad: readonly (readonly [string, unknown, RegExp])[] = [
    ["no viewer", undefined, /^viewer: Name the viewer/],
    ["a viewer that is text", "ann", /^viewer: /],
    ["a list of viewers", [{ subject: "ann" }], /^viewer: /],
    ["no subject", {}, /^viewer\.subject: /],
    ["an empty subject", { subject: "" }, /^viewer\.subject: /],
    ["a subject that is a number", { subject: 42 }, /^viewer\.subject: /],
    ["a subject of 513 characters", { subject: "x".repeat(513) }, /^viewer\.subject: /],
    ["half a surrogate pair", { subject: "ann\ud800" }, /^viewer\.subject: /],
    ["an issuer of its own choice", { subject: "ann", issuer: issuerName }, /^viewer\.issuer: no such member/],
    ["scopes of its own choice", { subject: "ann", scopes: ["stream:premium"] }, /^viewer\.scopes: no such member/],
    ["an address with a port", { subject: "ann", address: "192.0.2.7:443" }, /^viewer\.address: /],
    ["an address of a proxy chain", { subject: "ann", address: "192.0.2.7, 10.0.0.1" }, /^viewer\.address: /],
    ["an address with a zone", { subject: "ann", address: "fe80::1%eth0" }, /^viewer\.address: /],
    ["an empty address", { subject: "ann", address: "" }, /^viewer\.address: /],
    ["an address that is null", { subject: "ann", address: null }, /^viewer\.address: /],
    ["a country that is none", { subject: "ann", country: "UK" }, /^viewer\.country: /],
    ["a User-Agent with a line break", { subject: "ann", userAgent: "a\r\nX-Evil: 1" }, /^viewer\.userAgent: /],
    ["a User-Agent with NUL", { subject: "ann", userAgent: "a\0" }, /^viewer\.userAgent: /],
    ["a User-Agent of 2049 characters", { subject: "ann", userAgent: "x".repeat(2049) }, /^viewer\.userAgent: /],
    ["no streams at all", { subject: "ann", streams: 0 }, /^viewer\.streams: /],
    ["half a stream", { subject: "ann", streams: 1.5 }, /^viewer\.streams: /],
    ["streams without end", { subject: "ann", streams: 1e9 }, /^viewer\.streams: /],
    ["all assets as a star", { subject: "ann", assets: "*" }, /^viewer\.assets: /],
    ["a path as an asset", { subject: "ann", assets: ["../film"] }, /^viewer\.assets\[0\]: /],
    ["101 assets", { subject: "ann", assets: Array(101).fill("film") }, /^viewer\.assets: /],
  ];
  it.each(bad)("refuses %s and names the member", async (_, viewer, fault) => {
    const body = JSON.stringify({ asset: "film", viewer });
    const headers = { Authorization: `Bearer ${await stage.credential()}` };
    const response = await stage.raw("/stream/start", { method: "POST", headers, body });
    const problem = Object(await response.json());
    expect([response.status, problem.code]).toEqual([400, "body_invalid"]);
    expect(problem.faults[0]).toMatch(fault);
  });

  it("refuses a member named __proto__, and a body of more than 4 KiB", async () => {
    const post = async (body: string) =>
      Object(
        await (
          await stage.raw("/stream/start", {
            method: "POST",
            headers: { Authorization: `Bearer ${await stage.credential()}` },
            body,
          })
        ).json(),
      );
    expect(await post('{"asset":"film","viewer":{"subject":"ann","__proto__":{"address":"192.0.2.7"}}}')).toMatchObject(
      {
        code: "body_invalid",
      },
    );
    expect(await post(JSON.stringify({ asset: "film", viewer: { subject: "ann" }, pad: "x".repeat(4096) }))).toEqual(
      expect.objectContaining({ code: "body_invalid", faults: ["the body: Use at most 4096 bytes."] }),
    );
  });

  it("logs a refusal with the hash of the viewer, and nothing that the backend said about them", async () => {
    await stage.start({ subject: "SECRETANN", address: "192.0.2.7", userAgent: "SECRETAGENT" }, { asset: "nothing" });
    const line = JSON.parse(stage.log.at(-1) ?? "{}");
    const [key] = stage.context.keys.values();
    expect(line).toMatchObject({ code: "asset_unknown", subject: key && subjectHash(key, "backend:web", "SECRETANN") });
    expect(stage.log.join()).not.toMatch(/SECRET|192\.0\.2/);
  });

  it("counts its requests at its own rate, for all of its credentials together, and reports the rest", async () => {
    const first = await stage.start({ subject: "ann" }, {}, { rate: 2 });
    expect(first.headers.get("RateLimit-Policy")).toContain('"backend";q=2;w=60');
    expect(codeOf(await stage.on("show", first.body.sessionId, "ann", { rate: 2, jti: "b-2" }))).toBe(200);
    const third = await stage.start({ subject: "bob" }, {}, { rate: 2 });
    expect([third.body.code, third.headers.get("Retry-After")]).toEqual(["rate_limited", "60"]);
    expect(codeOf(await stage.start({ subject: "bob" }, {}, { sub: "app", rate: 2 }))).toBe(201);
  });

  it("does not count a malformed request", async () => {
    for (let i = 0; i < 3; i++) await stage.start({ subject: "" }, {}, { rate: 1 });
    expect(codeOf(await stage.start({ subject: "ann" }, {}, { rate: 1 }))).toBe(201);
  });
});

describe("files that a backend opens", () => {
  const files = async (viewer: unknown, asset = "film", claims = {}) =>
    stage.send(["POST", "/files"], await stage.credential(claims), { asset, files: ["poster.jpg"], viewer });
  const grantIn = ({ body }: { readonly body: { readonly files: readonly { readonly url: string }[] } }) =>
    new URL(body.files[0]?.url ?? "").pathname.split("/")[1] ?? "";

  it("are the viewer's, under a grant that ends with the credential, its name or its key", async () => {
    const opened = await files({ subject: "ann" });
    expect(opened.status).toBe(200);
    const grant = stage.grantOf(grantIn(opened));
    const key = keyOf(stage.context.keys, grant.kid);
    expect(grant).toMatchObject({ use: "files", subject: subjectHash(key, "backend:web", "ann"), signer: "be-1" });
    expect(codeOf(await stage.revoke({ key: "be-1" }))).toBe(201);
    expect(await stage.isRevoked(grantIn(opened))).toBe(true);
    expect(codeOf(await files({ subject: "ann" }))).toBe("token_revoked");
  });

  it("need the viewer, and the members that the asset's conditions need", async () => {
    expect((await files(undefined)).body).toMatchObject({
      code: "body_invalid",
      faults: [expect.stringContaining("viewer")],
    });
    expect((await files({ subject: "ann" }, "at-home")).body).toMatchObject({
      code: "body_invalid",
      faults: [expect.stringContaining("viewer.address")],
    });
    expect((await files({ subject: "ann", address: "192.0.2.7" }, "at-home")).status).toBe(200);
    expect(codeOf(await files({ subject: "ann" }, "film", { assets: ["film-2"] }))).toBe("asset_forbidden");
  });

  it("are refused for a viewer's own token that names a viewer", async () => {
    const body = { asset: "film", files: ["poster.jpg"], viewer: { subject: "bob" } };
    const own = await token(stage.issuer);
    expect(codeOf(await stage.send(["POST", "/files"], own, body))).toBe("body_invalid");
  });
});
