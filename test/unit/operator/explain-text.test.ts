import { beforeEach, describe, expect, it } from "vitest";
import { seconds, after as timeAfter } from "../../../src/base/time.ts";
import { explainText } from "../../../src/operator/explain/explain-text.ts";
import { signOutLeftOut } from "../../../src/sessions/revocation.ts";
import { openGrant } from "../../../src/signing/grant.ts";
import { operatorToken } from "../auth/operators.ts";
import { token } from "../auth/tokens.ts";
import { asset, opened } from "../sessions/session-service.ts";
import { keyOf, now, signedTarget } from "../signing/session.ts";
import { operatorStage } from "./operator-stage.ts";

const ann = { sub: "ann", jti: "t-1" };
const assets = [
  asset("film"),
  asset("site", { origins: ["https://www.example.com"], originless: "allow" }),
  asset("posters", { files: ["poster.jpg"] }),
  asset("observed", { enforcement: { mode: "observe", until: "2099-01-01T00:00:00Z" } }),
  asset("bound", { binding: { network: "prefix", userAgent: true } }),
];
let stage: Awaited<ReturnType<typeof operatorStage>>;
beforeEach(async () => {
  stage = await operatorStage({ assets });
});

async function explained(text: string, address?: string) {
  const explanation = opened(await explainText({ text, address }, stage.context()));
  const { kind, verdict, refusal, steps } = explanation;
  const by = Object.fromEntries(steps.map(({ part, state, text: words }) => [part, `${state}: ${words}`]));
  const firstFailing = steps.find(({ state }) => state === "fail")?.code;
  expect(firstFailing).toBe(verdict === "renewed" ? "signature_expired" : refusal?.code);
  return { kind, verdict, code: refusal?.code, by, whole: JSON.stringify(explanation) };
}

async function started(id = "film", claims: Readonly<Record<string, unknown>> = ann) {
  const session = opened(await stage.start({ asset: id }, claims));
  return { ...session, target: session.manifestUrl.slice("https://media.example".length) };
}

/** Touches the lease, as the edge does for a viewer's request. */
async function played(grantText: string, network = "4:192.0.2/24", mostNetworks?: number) {
  const grant = opened(openGrant(grantText, stage.context().keys, now));
  const { sessionId, issuedAt, expiresAt, login } = grant;
  const at = { now: stage.state.now, issuedAt, expiresAt };
  return stage
    .streams(grant.subject)
    .touch({ sessionId, assetId: "film", login, ...at, network, playlist: true, mostNetworks });
}

describe("the explainer of a deployment", () => {
  it("accepts a URL, its path, or the grant alone, and reports that the session runs", async () => {
    const { manifestUrl, target, grant } = await started();
    await played(grant);
    const forms = [manifestUrl, `  ${manifestUrl}\n`, target, `${manifestUrl}#t=10`, grant];
    const all = await Promise.all(forms.map((text) => explained(text)));
    expect(all.map(({ kind, verdict }) => [kind, verdict])).toEqual([
      ...Array.from({ length: 4 }, () => ["media", "served"]),
      ["grant", "accepted"],
    ]);
    for (const { by, whole } of all) {
      expect(by.lease).toContain("pass: running");
      expect(by.lease).toContain("used in one network");
      expect(by.revocations).toMatch(/^pass/);
      expect(whole).not.toContain(grant.slice(0, 40));
      expect(whole).not.toContain(target.slice(-22));
    }
  });

  it("says that a grant for files has no lease, and asks for its login while the log leaves sign-outs out", async () => {
    const files = opened(await stage.files({ asset: "posters", files: ["poster.jpg"] }, { ...ann, sid: "s-1" }));
    const url = files.files[0]?.url ?? "";
    const { verdict, by } = await explained(url);
    expect([verdict, by.lease]).toEqual(["served", expect.stringContaining("none: a grant for files")]);
    const { login = "", subject } = opened(openGrant(url.split("/")[3] ?? "", stage.context().keys, now));
    const until = timeAfter(now, seconds(604_800));
    await stage
      .context()
      .log.append([signOutLeftOut({ kind: "login", value: login, cause: "revoked", at: now, until })], "viewer");
    expect((await explained(url)).by.login).toBe("pass: the viewer has not signed out of it");
    await stage.streams(subject).endLogin({ login, now, until });
    const after = await explained(url);
    expect([after.verdict, after.code, after.by.login]).toEqual([
      ...["refused", "session_revoked", "fail: the viewer has signed out of it"],
    ]);
  });

  it("refuses a session whose backend's key was revoked, although another credential renewed it", async () => {
    const { grant, sessionId, manifestUrl } = await started();
    const { subject, expiresAt } = opened(openGrant(grant, stage.context().keys, now));
    const startedBy = { token: "t", signer: "be-1" };
    const claim = { sessionId, assetId: "film", login: undefined, now, expiresAt, limit: undefined, takeover: false };
    await stage.streams(subject).claim({ ...claim, network: undefined, startedBy, now: timeAfter(now, seconds(40)) });
    expect((await explained(manifestUrl)).verdict).toBe("served");
    await stage
      .context()
      .log.append([{ kind: "key", value: "be-1", cause: "revoked", at: now, until: expiresAt }], "operator");
    const { verdict, code, by } = await explained(manifestUrl);
    expect([verdict, code, by.lease?.slice(0, 5)]).toEqual(["refused", "session_revoked", "fail:"]);
  });

  it.each([
    ["session", "the session was revoked"],
    ["asset", "the asset was revoked"],
    ["subject", "the viewer, with all their sessions and tokens at that time, was revoked"],
    ["token", "the bearer token that started the session was revoked"],
    ["key", "the key that signed the grant was revoked"],
  ] as const)("names the revocation that ended a session: %s", async (kind, words) => {
    const { grant, sessionId, manifestUrl } = await started();
    const issuer = "https://id.example";
    const all = {
      ...{ session: sessionId, asset: "film", subject: { issuer, subject: "ann" } },
      ...{ token: { issuer, jti: "t-1" }, key: "2026-a" },
    };
    opened(await stage.revoke({ [kind]: all[kind] }));
    for (const text of [manifestUrl, grant]) {
      const { verdict, code, by } = await explained(text);
      expect([verdict, code]).toEqual(["refused", "session_revoked"]);
      expect(by.revocations).toContain(`fail: ${words} `);
    }
  });

  it("names the conditions of the asset that depend on the request", async () => {
    const { manifestUrl } = await started("site");
    expect((await explained(manifestUrl)).by.conditions).toBe(
      "info: not checked, because they depend on the request: origin; the edge asks for them with each playlist",
    );
    expect((await explained((await started()).manifestUrl)).by.conditions).toBeUndefined();
  });

  it("names the places in which the asset is blacked out, which depend on the request", async () => {
    const { manifestUrl } = await started();
    opened(await stage.revoke({ blackout: { asset: "film", places: ["US-CA", "DE"] } }));
    const { verdict, by } = await explained(manifestUrl);
    expect([verdict, by.blackout]).toEqual([
      "served",
      "info: the asset is blacked out in US-CA, DE, and where the client's place is not known",
    ]);
  });

  it("names the first failing check, and still reports that the session was ended", async () => {
    const { manifestUrl, sessionId } = await started();
    opened(await stage.revoke({ session: sessionId }));
    const { code, by } = await explained(manifestUrl.slice(0, -1) + (manifestUrl.endsWith("A") ? "B" : "A"));
    expect(code).toBe("signature_invalid");
    expect(by.revocations).toContain("fail: the session was revoked");
  });

  it("reports a takeover, and a session that was shared", async () => {
    const first = await started("film", { ...ann, streams: 1 });
    const second = opened(await stage.start({ asset: "film", takeover: true }, { ...ann, streams: 1 }));
    expect((await explained(first.grant)).code).toBe("stream_taken");
    for (const network of ["a", "b"]) await played(second.grant, network, 1);
    const shared = await explained(second.grant);
    expect([shared.code, shared.by.lease]).toEqual(["session_shared", expect.stringContaining("fail")]);
  });

  it("reports since when a session is idle", async () => {
    const { grant } = await started();
    await played(grant);
    stage.later(600);
    const { verdict, by } = await explained(grant);
    expect([verdict, by.lease]).toEqual(["accepted", expect.stringContaining("(10 min ago)")]);
  });

  it("checks a bound grant against the address, if one is given", async () => {
    const { manifestUrl, grant } = await started("bound");
    const verdicts = async (text: string) =>
      Promise.all([undefined, "192.0.2.200", "198.51.100.1"].map(async (from) => (await explained(text, from)).code));
    expect(await verdicts(manifestUrl)).toEqual([undefined, undefined, "binding_mismatch"]);
    expect(await verdicts(grant)).toEqual([undefined, undefined, "binding_mismatch"]);
  });

  it("renews an expired segment URL, and refuses it when its session was ended", async () => {
    const { grant, sessionId } = await started();
    const key = keyOf(stage.context().keys, "2026-a");
    const expiry = timeAfter(now, seconds(-1));
    const target = signedTarget(key, { purpose: "segment", grant, path: "/film/0.ts", expiry });
    expect((await explained(target)).verdict).toBe("renewed");
    opened(await stage.revoke({ session: sessionId }));
    const { verdict, code } = await explained(target);
    expect([verdict, code]).toEqual(["refused", "session_revoked"]);
  });

  it("accepts a bearer token or its header, and reports revocations", async () => {
    const jwt = await token(stage.issuer, ann);
    for (const text of [jwt, `Bearer ${jwt}`, `Authorization: Bearer ${jwt}`]) {
      const { kind, verdict, whole } = await explained(text);
      expect([kind, verdict]).toEqual(["token", "accepted"]);
      for (const part of jwt.split(".")) expect(whole).not.toContain(part);
    }
    opened(await stage.revoke({ token: { issuer: "https://id.example", jti: "t-1" } }));
    expect((await explained(jwt)).code).toBe("token_revoked");
  });

  it("repeats nothing of a text that it cannot parse", async () => {
    const operators = await operatorToken(stage.operators);
    for (const text of ["MARKED-nonsense", "MARKED nonsense/\u001b[2J", operators, `/${"MARKED".repeat(30)}/x`]) {
      const { verdict, whole } = await explained(text);
      expect(verdict).toBe("refused");
      if (!text.startsWith("/")) expect(whole).not.toContain(text.slice(0, 20));
    }
  });

  it("reports a grant of another deployment that shares the key", async () => {
    const { grant } = await started();
    const { settings } = stage.context();
    stage = await operatorStage({ assets, settings: { ...settings, grantIssuer: "another" } });
    const { code, by } = await explained(grant);
    expect([code, by.grant]).toEqual(["grant_invalid", expect.stringContaining('from the issuer "stagedoor"')]);
  });

  it("reports that the log is down, and that the streams were not checked", async () => {
    const { manifestUrl } = await started();
    stage.state.down = "log";
    expect((await explained(manifestUrl)).code).toBe("store_unavailable");
    stage.state.down = "streams";
    const { verdict, by } = await explained(manifestUrl);
    expect([verdict, by.lease]).toEqual(["served", expect.stringContaining("not checked")]);
  });

  it("reports a URL with another host", async () => {
    const { target } = await started();
    expect((await explained(`https://elsewhere.example${target}`)).by.host).toMatch(/^info/);
    expect((await explained(`https://media.example${target}`)).by.host).toBeUndefined();
  });

  it.each(["/stream/start", "/v1/stream/AAAAAAAAAAAAAAAAAAAAAA/renew", "/operator/sessions?limit=1", "/console"])(
    "says that %s is an address of the API",
    async (path) => {
      expect((await explained(`https://api.example${path}`)).by.host).toContain("an address of the API");
    },
  );
});

describe("a URL of an asset in observe", () => {
  it("is explained as refused, and as served all the same", async () => {
    const { verdict, steps } = opened(await explainText({ text: "/observed/0.ts" }, stage.context()));
    expect(verdict).toBe("refused");
    expect(steps.find(({ part }) => part === "enforcement")?.text).toContain("the edge serves the file");
    const film = opened(await explainText({ text: "/film/0.ts" }, stage.context()));
    expect(film.steps.some(({ part }) => part === "enforcement")).toBe(false);
  });
});
