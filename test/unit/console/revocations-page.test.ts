import { describe, expect, it } from "vitest";
import { subjectHash } from "../../../src/sessions/identifiers.ts";
import { keyOf, now } from "../signing/session.ts";
import { consoleStage } from "./console-stage.ts";
import { session } from "./gathered-stage.ts";

const alice = { kind: "subject", issuer: "https://id.example", value: "alice" };
const film = { kind: "asset", value: "film", reason: "licence <ended>" };

/** A signed-in operator, and two sessions of alice. */
async function stageWith(claims: Readonly<Record<string, unknown>> = {}) {
  const stage = await consoleStage();
  const cookie = await stage.signIn(claims);
  const subject = subjectHash(keyOf(stage.context.keys, "2026-a"), alice.issuer, alice.value);
  await stage.gathered.report({
    ...{ worker: "edge", counts: [], ended: [], refusals: [] },
    alive: ["a", "b"].map((letter) => session({ subject, sessionId: letter.repeat(21).concat("A") })),
  });
  const send = async (fields: Readonly<Record<string, string>>) => {
    const response = await stage.post("/console/revocations", fields, { Cookie: cookie });
    return { status: response.status, text: await response.text() };
  };
  const entries = async () => (await stage.context.log.since(0)).entries.filter(({ until }) => until > now);
  return { ...stage, send, entries, look: async () => (await stage.look("/console/revocations", cookie)).text() };
}

describe("the page of revocations", () => {
  it("is in the menu, and says that nothing is revoked", async () => {
    const { look } = await stageWith();
    const text = await look();
    expect(text).toContain('<a href="/console/revocations" aria-current="page">');
    expect(text).toContain("No operator's revocation is valid now.".replace("'", "&#39;"));
  });

  it("states the consequence first, and revokes nothing before it is confirmed", async () => {
    const { send, entries } = await stageWith();
    const asked = await send(alice);
    expect(asked.text).toMatch(/Ends 2 running sessions of the viewer[^<]*<\/p><form/);
    expect(await entries()).toEqual([]);
    const revoked = await send({ ...alice, act: "revoke" });
    expect(revoked.text).toContain("The viewer was revoked.");
    expect((await entries()).length).toBeGreaterThan(1);
  });

  it("blacks an asset out in the places of the form, and undoes one of them", async () => {
    const { send, entries, acts } = await stageWith();
    const blackout = { kind: "blackout", value: "film", places: "us-ca, DE" };
    expect((await send(blackout)).text).toContain(
      "Refuses the asset in US-CA, DE, running sessions included, and wherever the client&#39;s place is not known",
    );
    expect(await entries()).toEqual([]);
    const made = await send({ ...blackout, act: "revoke" });
    for (const part of ["The blackout is in force.", "film:US-CA", "film:DE"]) expect(made.text).toContain(part);
    const undone = await send({ kind: "blackout", value: "film:DE", act: "undo" });
    expect(undone.text).toContain("The revocation of the blackout was undone.");
    expect((await entries()).map(({ value }) => value)).toEqual(["blackout:film:US-CA"]);
    expect(acts.map(({ act, kind }) => `${act} ${kind}`)).toEqual(["revoke blackout", "lift blackout"]);
  });

  it("lists each revocation with author and reason, and undoes it with one press", async () => {
    const { send, entries, acts } = await stageWith();
    await send({ ...film, act: "revoke" });
    const { text } = await send({ ...alice, act: "revoke" });
    for (const part of ["2 revocations", "licence &lt;ended&gt;", "by ann", "until it is undone"])
      expect(text).toContain(part);
    const [, digest = ""] = /id="undo-subject-([\w-]+)"/.exec(text) ?? [];
    const undone = await send({ kind: "subject", value: digest, act: "undo" });
    expect(undone.text).toContain("The revocation of the viewer was undone.");
    expect((await entries()).map(({ kind }) => kind)).toEqual(["asset"]);
    expect(acts.map(({ act, kind }) => `${act} ${kind}`)).toEqual(["revoke asset", "revoke subject", "lift subject"]);
  });

  it.each([
    [{ ...alice, issuer: "" }, 'id="fault-issuer"', "Give a name."],
    [{ kind: "session", value: "short" }, 'id="fault-value"', "22 characters"],
    [{ kind: "blackout", value: "film", places: "California" }, 'id="fault-places"', "Give a country (DE)"],
    [{ kind: "blackout", value: "film" }, 'id="fault-places"', "Name the places"],
    [{ ...film, reason: "a\u0007" }, 'id="fault-reason"', "control characters"],
  ])("names the field that is wrong: %j", async (fields, field, fault) => {
    const { send } = await stageWith();
    const { status, text } = await send(fields);
    expect(status).toBe(400);
    expect(text.slice(text.indexOf(field)).slice(0, 400)).toContain(fault);
  });

  it("needs the scope operator:revoke, and for a key operator:keys", async () => {
    const reader = await stageWith({ scope: "operator:read" });
    expect((await reader.send({ ...film, act: "revoke" })).status).toBe(403);
    const revoker = await stageWith({ scope: "operator:read operator:revoke" });
    const key = { kind: "key", value: "2026-a" };
    expect([(await revoker.send(key)).status, (await revoker.send({ ...key, act: "undo" })).status]).toEqual([
      403, 403,
    ]);
    expect([await reader.entries(), await revoker.entries()]).toEqual([[], []]);
  });

  it.each([
    [{ kind: "session", value: "a".repeat(21).concat("A") }, "Ends 1 running session."],
    [film, "Ends 2 running sessions of the asset"],
    [{ ...alice, kind: "token" }, "The viewer can start again with another token."],
    [{ ...alice, kind: "login" }, "Ends the sign-in session"],
    [{ kind: "key", value: "2026-a" }, "every session that it started"],
  ])("knows what %j ends", async (fields, consequence) => {
    const { send } = await stageWith({ scope: "operator:read operator:revoke operator:keys" });
    expect((await send(fields)).text).toContain(consequence);
  });
});
