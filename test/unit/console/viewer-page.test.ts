import { describe, expect, it } from "vitest";
import { subjectHash } from "../../../src/sessions/identifiers.ts";
import { keyOf, now } from "../signing/session.ts";
import { consoleStage } from "./console-stage.ts";
import { refused, session } from "./gathered-stage.ts";

const alice = { issuer: "https://id.example", subject: "alice<script>" };
const id = (letter: string) => letter.repeat(21).concat("A");

/** A signed-in operator, and a viewer with two sessions and a refusal. */
async function stageWith(claims: Readonly<Record<string, unknown>> = {}) {
  const stage = await consoleStage();
  const cookie = await stage.signIn(claims);
  const subject = subjectHash(keyOf(stage.context.keys, "2026-a"), alice.issuer, alice.subject);
  await stage.gathered.report({
    ...{ worker: "edge", counts: [], ended: [] },
    alive: [session({ subject, sessionId: id("a") }), session({ subject, sessionId: id("b"), assetId: "film-2" })],
    refusals: [refused({ subject, reason: "the network <b>changed</b>" })],
  });
  const ask = async (fields: Readonly<Record<string, string>>) => {
    const response = await stage.post("/console/viewer", { ...alice, ...fields }, { Cookie: cookie });
    return { status: response.status, text: await response.text() };
  };
  const isRevoked = async (kind: "session" | "subject") =>
    (await stage.context.log.since(0)).entries.some((entry) => entry.kind === kind && entry.until > now);
  return { ...stage, ask, isRevoked, form: async () => (await stage.look("/console/viewer", cookie)).text() };
}

describe("the page of a viewer", () => {
  it("is in the menu, and asks for issuer and subject or an e-mail address", async () => {
    const { form } = await stageWith();
    const text = await form();
    expect(text).toContain('<a href="/console/viewer" aria-current="page">');
    for (const name of ["issuer", "subject", "email", "asset", "country"]) expect(text).toContain(`name="${name}"`);
  });

  it("has the sessions, the refusals with their reasons, and what a start would answer", async () => {
    const { ask } = await stageWith();
    const { status, text } = await ask({ asset: "film" });
    expect(status).toBe(200);
    for (const part of [id("a"), id("b"), "2 sessions running", "1 refusal", "Step by step", "alice&lt;script&gt;"])
      expect(text).toContain(part);
    expect(text).toContain("the network &lt;b&gt;changed&lt;/b&gt;");
    expect(text).not.toContain("<b>changed");
  });

  it("states the consequence before each button, and ends one session or all", async () => {
    const { ask, acts } = await stageWith();
    expect((await ask({})).text).toMatch(/Ends 2 running sessions: the players are refused[^<]*<\/p><form/);
    const one = await ask({ act: "end", session: id("a") });
    expect(one.text).toContain("1 session was ended: refused within two seconds.");
    expect(one.text).toContain("1 session running");
    const rest = await ask({ act: "end" });
    expect(rest.text).toContain("No session is running");
    expect(acts.map(({ act, kind, id: of }) => [act, kind, of])).toEqual([
      ["revoke", "session", id("a")],
      ["revoke", "session", id("b")],
    ]);
  });

  it("ends no session of somebody else", async () => {
    const { ask, isRevoked } = await stageWith();
    expect((await ask({ act: "end", session: id("x") })).text).toContain("0 sessions were ended");
    expect(await isRevoked("session")).toBe(false);
  });

  it("revokes the viewer and undoes it, and shows both at once", async () => {
    const { ask, isRevoked } = await stageWith();
    const revoked = await ask({ act: "revoke" });
    expect([await isRevoked("subject"), revoked.text.includes('id="revoked"')]).toEqual([true, true]);
    expect(revoked.text).toContain("No session is running");
    const lifted = await ask({ act: "lift" });
    expect([await isRevoked("subject"), lifted.text.includes('id="revoked"')]).toEqual([false, false]);
  });

  it("has no buttons without the scope operator:revoke, and refuses their forms", async () => {
    const { ask, isRevoked } = await stageWith({ scope: "operator:read" });
    const { text } = await ask({});
    expect([text.includes("2 sessions running"), text.includes('name="act"')]).toEqual([true, false]);
    expect((await ask({ act: "revoke" })).status).toBe(403);
    expect(await isRevoked("subject")).toBe(false);
  });

  it.each([
    [{ issuer: "", subject: "" }, 'id="fault-issuer" class="fault" data-live=""', "Enter a name."],
    [{ issuer: "", subject: "", email: "nobody@example.com" }, 'id="fault-email"', "There is no identity service here"],
    [{ asset: "film", country: "Germany" }, 'id="fault-country"', "ISO 3166-1"],
  ])("names the field that is wrong: %j", async (fields, field, fault) => {
    const { ask } = await stageWith();
    const { status, text } = await ask(fields);
    expect(status).toBe(400);
    expect(text.slice(text.indexOf(field.split(" ")[0] ?? "")).slice(0, 200)).toContain(fault);
  });
});
