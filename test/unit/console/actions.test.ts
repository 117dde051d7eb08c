import { describe, expect, it } from "vitest";
import { revokeNow } from "../../../src/sessions/revoke.ts";
import { now } from "../signing/session.ts";
import { hourOf, refused, session, withGathered } from "./gathered-stage.ts";

const id = `${"s".repeat(21)}A`;
const running = [session({ sessionId: id })];
const pathOf = (act: "revoke" | "lift") => `/console/sessions/${id}/${act}`;
const locationOf = (response: Response) => response.headers.get("Location") ?? "";

describe("ending a session at the console", () => {
  it("revokes it and returns to both searches", async () => {
    const stage = await withGathered({ sessions: running });
    const response = await stage.post(pathOf("revoke"), { find: "film", request: "0123456789abcdef" });
    expect(locationOf(response)).toMatch(
      new RegExp(`^/console\\?find=film&request=0123456789abcdef&ended=${id}&mark=`),
    );
    const { entries } = await stage.context.log.since(0);
    expect(entries).toMatchObject([{ kind: "session", value: id, cause: "revoked" }]);
    expect(stage.counted).toContainEqual({ event: "revoked", kind: "session" });
  });

  it("is confirmed before the log is read again, and can be undone", async () => {
    const stage = await withGathered({ sessions: running });
    const to = locationOf(await stage.post(pathOf("revoke"), {}));
    await stage.context.log.lift("session", id);
    const text = await stage.text(to);
    expect(text).toContain("Its player is refused within two seconds.");
    expect(text).toContain('<span class="state">ended</span>');
    expect(text).not.toContain("Revoke<span");
    expect(text).toContain(`action="${pathOf("lift")}"`);
  });

  it("is confirmed as long as the log has the revocation", async () => {
    const stage = await withGathered({ sessions: running });
    await revokeNow({ session: id, lift: false }, stage.context);
    expect(await stage.text(`/console?ended=${id}`)).toContain("Its player is refused within two seconds.");
  });

  it.each([
    ["without a mark", (to: string) => to.replace(/&mark=.*/, "")],
    ["with a changed mark", (to: string) => `${to.slice(0, -1)}${to.endsWith("A") ? "B" : "A"}`],
    ["with the mark of another time", (to: string) => to.replace(String(now), String(now - 1))],
    ["of another session with this one's mark", (to: string) => to.replace(id, `${"t".repeat(21)}A`)],
    ["of another act with this one's mark", (to: string) => to.replace("ended=", "lifted=")],
  ])("is not confirmed for a link %s", async (_, change) => {
    const stage = await withGathered({ sessions: running });
    const to = locationOf(await stage.post(pathOf("revoke"), {}));
    await stage.context.log.lift("session", id);
    const text = await stage.text(change(to));
    expect(text).not.toContain("Its player is refused");
    expect(text).not.toContain("Restored");
    expect(text).toContain("Revoke<span");
  });

  it("is not confirmed for a link older than a minute, unless the log has it", async () => {
    const stage = await withGathered({ sessions: running });
    const to = locationOf(await stage.post(pathOf("revoke"), {}));
    await stage.context.log.lift("session", id);
    stage.later(59);
    expect(await stage.text(to)).toContain("Its player is refused");
    stage.later(1);
    expect(await stage.text(to)).not.toContain("Its player is refused");
  });

  it("is undone with one click", async () => {
    const stage = await withGathered({ sessions: running });
    await stage.post(pathOf("revoke"), {});
    const to = locationOf(await stage.post(pathOf("lift"), { find: "film" }));
    expect(to).toMatch(new RegExp(`^/console\\?find=film&lifted=${id}&mark=`));
    const snapshot = await stage.context.revocations.current(() => undefined);
    expect(snapshot.ok && snapshot.value.entries.session.has(id)).toBe(false);
    const text = await stage.text(to);
    expect(text).toContain("Restored:");
    expect(text).toContain("Revoke<span");
  });

  it("cannot be undone without operator:revoke", async () => {
    const stage = await withGathered({ sessions: running }, { scope: "operator:read" });
    await revokeNow({ session: id, lift: false }, stage.context);
    const response = await stage.post(pathOf("lift"), {});
    expect([response.status, await response.text()]).toEqual([403, expect.stringContaining("scope_insufficient")]);
    expect(await stage.text(`/console?ended=${id}`)).not.toContain("Undo");
  });

  it("is logged with the operator's name", async () => {
    const stage = await withGathered({ sessions: running });
    await stage.post(pathOf("revoke"), {});
    await stage.post(pathOf("lift"), {});
    await stage.post(pathOf("lift"), {});
    const of = { operator: "ann", through: "console", kind: "session", id };
    expect(stage.acts).toEqual([
      { ...of, act: "revoke", outcome: "done" },
      { ...of, act: "lift", outcome: "done" },
      { ...of, act: "lift", outcome: "revocation_unknown" },
    ]);
  });

  it("reports an unknown outcome if the log is down", async () => {
    const stage = await withGathered({ sessions: running });
    const down = { ...stage.context.log, append: () => Promise.reject(new Error("down")) };
    const response = await stage.post(pathOf("revoke"), {}, { ...stage.context, log: down });
    expect(response.status).toBe(503);
    expect(await response.text()).toContain("Your last action may or may not have taken effect: check the overview");
  });
});

describe("the forms of the console", () => {
  it.each([
    ["/console/explain", { text: "  " }, "text", "Enter a text."],
    ["/console/explain", { text: "x".repeat(16_385) }, "text", "At most 16,384 characters."],
    ["/console/explain", { text: "x", address: "192.0.2" }, "address", "Enter an IPv4 or IPv6 address."],
    ["/console/simulate", { credential: "", asset: "film" }, "credential", "Enter a token."],
    ["/console/simulate", { credential: "x", asset: "" }, "asset", "Enter an asset id."],
    ["/console/simulate", { credential: "x", asset: "film", address: "here" }, "address", "Enter an IPv4"],
    ["/console/simulate", { credential: "x", asset: "film", country: "D1" }, "country", "Enter an ISO 3166-1"],
    ["/console/simulate", { credential: "x", asset: "film", region: "CA" }, "region", "Send an ISO 3166-2 code"],
    ["/console/simulate", { credential: "x", asset: "film", asn: "AS1" }, "asn", "Send the number of a network"],
    [
      "/console/simulate",
      { credential: "x", asset: "film", origin: "o".repeat(513) },
      "origin",
      "Origins have at most 512 characters.",
    ],
  ])("show an error next to the field: %s with %o, in %s", async (path, fields, of, words) => {
    const stage = await withGathered();
    const response = await stage.post(path, fields);
    const text = await response.text();
    expect(response.status).toBe(400);
    expect(text).toContain(`<p id="fault-${of}" class="fault" data-live="true">${words}`);
    expect(text).toContain("Nothing was sent.");
    expect(text).not.toContain("Step by step");
  });

  it("accept a country in lower case", async () => {
    const stage = await withGathered();
    const response = await stage.post("/console/simulate", { credential: "x", asset: "film", country: "de" });
    expect(response.status).toBe(200);
  });

  it("accept a token with its header, also at the sign-in", async () => {
    const stage = await withGathered();
    const simulated = await stage.post("/console/simulate", {
      credential: `Authorization: Bearer ${await stage.viewerToken()}`,
      asset: "film",
    });
    expect(await simulated.text()).toContain("Accepted");
    const response = await stage.post("/console/sign-in", { credential: `Bearer ${await stage.credential()}` });
    expect(response.status).toBe(303);
  });

  it.each([
    ["of another content type", { "Content-Type": "application/json" }, "text=x"],
    ["that is too long", { "Content-Type": "application/x-www-form-urlencoded" }, `text=${"x".repeat(32_768)}`],
  ])("refuse a body %s", async (_, headers, body) => {
    const stage = await withGathered();
    const Cookie = await stage.signIn();
    const sent = { method: "POST", body, headers: { ...headers, Cookie, Origin: "https://api.example" } };
    const response = await stage.send("/console/explain", sent);
    expect([response.status, await response.text()]).toEqual([400, expect.stringContaining("body_invalid")]);
    const typed = { ...sent, headers: { ...sent.headers, "Content-Type": "application/x-www-form-urlencoded" } };
    const accepted = await stage.send("/console/explain", { ...typed, body: "text=x" });
    expect(accepted.status).toBe(200);
  });
});

describe("refusals and sessions of a viewer", () => {
  it("link to each other by the keyed hash", async () => {
    const subject = "c3ViamVjdA".padEnd(22, "A");
    const hour = hourOf([refused({ subject }), refused({ request: "fedcba9876543210" })], { signature_expired: 2 });
    const stage = await withGathered({ sessions: [session({ subject })], hour });
    const text = await stage.text("/console?request=0123456789abcdef");
    expect(text).toContain(`href="/console?find=${subject}&amp;request=0123456789abcdef#sessions"`);
    const all = await stage.text(`/console?request=${subject}`);
    expect(all).toContain("1 refusal found.");
    expect(await stage.text("/console?find=film")).toContain(
      `href="/console?find=film&amp;request=${subject}#refusals"`,
    );
  });
});
