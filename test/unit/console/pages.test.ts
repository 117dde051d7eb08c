import { describe, expect, it } from "vitest";
import { claimsOf, grantOf, keyOf } from "../signing/session.ts";
import { consoleStage } from "./console-stage.ts";
import { hourOf, refused, session, withGathered } from "./gathered-stage.ts";

const hostile = `"><img src=x onerror=alert(1)><script>alert(2)</script>&'`;
const raw = ["<img src=x", "<script>alert", "onerror=alert(1)>"];

describe("every response of the console", () => {
  it.each([
    ["/console", 303],
    ["/console/sign-in", 200],
    ["/console/nothing", 404],
    ["/console/console.js", 200],
  ])("cannot be framed and loads nothing from elsewhere: %s", async (path, status) => {
    const stage = await consoleStage();
    const { headers, ...response } = await responseOf(stage.send(path));
    expect(response.status).toBe(status);
    const policy = headers.get("Content-Security-Policy") ?? "";
    expect(policy.split("; ")).toEqual([
      "default-src 'none'",
      "script-src 'self'",
      "style-src 'self'",
      "img-src 'self'",
      "connect-src 'self'",
      "form-action 'self'",
      "frame-ancestors 'none'",
      "base-uri 'none'",
    ]);
    expect(headers.get("Referrer-Policy")).toBe("same-origin");
    expect(headers.get("Strict-Transport-Security")).toMatch(/^max-age=/);
    expect(headers.get("X-Content-Type-Options")).toBe("nosniff");
    expect(headers.get("Access-Control-Allow-Origin")).toBeNull();
    if (!path.endsWith(".js")) expect(headers.get("Cache-Control")).toBe("no-store");
  });

  it("is refused over plain HTTP", async () => {
    const stage = await consoleStage();
    const response = await stage.appFetch(new Request("http://api.example/console/sign-in"));
    expect(response.status).toBe(403);
    expect(await response.text()).toContain("https_required");
  });

  it("contains no inline script or style, which its policy would block", async () => {
    const stage = await withGathered({ sessions: [session()], hour: hourOf([refused()], { signature_expired: 1 }) });
    for (const path of ["/console", "/console/explain", "/console/simulate", "/console/codes/token_invalid"]) {
      const text = await stage.text(path);
      expect(text).not.toMatch(/<script(?! src="\/console\/)|<style|\sstyle=|\son[a-z]+=/);
    }
  });

  it("is a reload, once, after a link from another site, which is sent without the cookie", async () => {
    const stage = await consoleStage();
    const from = { headers: { "Sec-Fetch-Site": "cross-site" } };
    const first = await stage.send("/console?find=film", from);
    expect(await first.text()).toContain('content="0; url=/console?find=film&amp;again="');
    const again = await stage.send("/console?find=film&again=", from);
    expect(again.headers.get("Location")).toBe("/console/sign-in?to=%2Fconsole%3Ffind%3Dfilm");
  });

  it("is 304 for a file with the same ETag", async () => {
    const stage = await consoleStage();
    const tag = (await stage.send("/console/console.css")).headers.get("ETag") ?? "";
    const again = await stage.send("/console/console.css", { headers: { "If-None-Match": tag } });
    expect(again.status).toBe(304);
  });
});

describe("untrusted text", () => {
  it("is escaped on the overview", async () => {
    const sessions = [session({ assetId: hostile, country: hostile })];
    const hour = hourOf([refused({ reason: hostile, worker: hostile, request: hostile })], { [hostile]: 3 });
    const stage = await withGathered({ sessions, hour });
    const text = await stage.text(
      `/console?${new URLSearchParams({ find: hostile, request: hostile, ended: hostile })}`,
    );
    for (const part of raw) expect(text).not.toContain(part);
    expect(text).toContain("&lt;img src=x onerror=alert(1)&gt;");
  });

  it("is escaped in explanations", async () => {
    const stage = await withGathered();
    const explained = await stage.post("/console/explain", { text: `https://media.example/${hostile}`, address: "" });
    const simulated = await stage.post("/console/simulate", { credential: hostile, asset: hostile, country: hostile });
    const named = await stage.post("/console/explain", { text: "x", address: hostile });
    for (const response of [explained, simulated, named]) {
      const text = await response.text();
      for (const part of raw) expect(text).not.toContain(part);
    }
  });

  it("is escaped in an operator's name", async () => {
    const stage = await withGathered({}, { sub: hostile });
    const text = await stage.text("/console");
    for (const part of raw) expect(text).not.toContain(part);
  });

  it("is not repeated if it is a token or a grant", async () => {
    const stage = await withGathered();
    const token = await stage.viewerToken();
    const grant = grantOf(keyOf(stage.context.keys, "2026-a"), claimsOf());
    const simulated = await (await stage.post("/console/simulate", { credential: token, asset: "film" })).text();
    const explained = await (
      await stage.post("/console/explain", { text: `https://media.example/${grant}/film/index.m3u8` })
    ).text();
    expect(simulated).toContain("Step by step");
    for (const part of token.split(".")) expect(simulated).not.toContain(part);
    expect(explained).not.toContain(grant.slice(0, 40));
  });
});

describe("the overview", () => {
  it("says in one line that all is well", async () => {
    const stage = await withGathered({ sessions: [session()], hour: hourOf([refused()], { signature_expired: 4 }) });
    const text = await stage.text("/console");
    expect(text).toContain("<h1>All is well.</h1>");
    expect(text).toContain("Germany");
    expect(text).toContain("2 min ago");
    expect(text).toContain("in 1 h");
  });

  it.each([
    ["requests fail", { store_unavailable: 3 }, "3 requests failed in the last five minutes."],
    ["refusals surge", { signature_expired: 400 }, "Unusually many refusals."],
  ])("reports that %s", async (_, lately, words) => {
    const stage = await withGathered({ hour: hourOf([], lately) });
    expect(await stage.text("/console")).toContain(`<h1>${words}</h1>`);
  });

  it("shows the other sections if a store is down", async () => {
    const stage = await withGathered();
    const gathered = { ...stage.context.gathered, sessions: () => Promise.reject(new Error("down")) };
    const context = { ...stage.context, gathered };
    const response = await stage.look("/console", await stage.signIn(), context);
    const text = await response.text();
    expect(response.status).toBe(200);
    expect(text).toContain("Some data is unavailable.");
    expect(text).toContain("The sessions are unavailable.");
    expect(text).toContain("No requests were refused.");
  });

  it("reports a missing session key", async () => {
    const stage = await withGathered();
    const cookie = await stage.signIn();
    const ring = { keys: stage.context.ring.keys.filter(({ purpose }) => purpose !== "session") };
    const text = await (await stage.look("/console", cookie, { ...stage.context, ring })).text();
    expect(text).toContain("No active session key: streams cannot start.");
  });

  it("has a bar per code and minute, and the same numbers in a table", async () => {
    const stage = await withGathered({ hour: hourOf([], { signature_expired: 3, token_invalid: 1 }) });
    const text = await stage.text("/console");
    expect(text.match(/<rect class="c\d"/g)).toHaveLength(2);
    expect(text).toMatch(/<th scope="col">signature_expired<\/th><th scope="col">token_invalid<\/th>/);
    expect(text).toMatch(/<td>3<\/td><td>1<\/td>/);
  });

  it("has a button per session for operators with operator:revoke only", async () => {
    const sessions = [session()];
    expect(await (await withGathered({ sessions })).text("/console")).toContain("Revoke<span");
    const looking = await withGathered({ sessions }, { scope: "operator:read" });
    expect(await looking.text("/console")).not.toContain("Revoke<span");
  });

  it("never shows a secret of the key ring", async () => {
    const stage = await withGathered();
    const text = await stage.text("/console");
    expect(text).toContain("2026-a");
    for (const key of stage.context.ring.keys) if ("k" in key) expect(text).not.toContain(key.k);
  });
});

async function responseOf(response: Promise<Response>) {
  const { status, headers } = await response;
  return { status, headers };
}
