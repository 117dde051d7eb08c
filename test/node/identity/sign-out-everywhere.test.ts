import { beforeEach, describe, expect, it } from "vitest";
import { mostSessions } from "../../../src/identity/session-rules.ts";
import { loginDigest } from "../../../src/sessions/identifiers.ts";
import { apiUrl, type IdentityStage, identityStage, type SignedIn, signIn } from "./stage.ts";

const password = "correct horse battery";
const newPassword = "another horse battery";

let stage: IdentityStage;
let ann: SignedIn;
beforeEach(async () => {
  stage = await identityStage();
  ann = await signIn(stage, "ann@example.com");
});

/**
 * Adds sessions of Ann to the database directly, since so many sign-ins would take a minute. The first of them expires
 * first.
 */
function addSessions(count: number): string[] {
  const insert = stage.database.prepare(
    "INSERT INTO session (id, expiresAt, token, createdAt, updatedAt, userId) VALUES (?, ?, ?, ?, ?, ?)",
  );
  const now = new Date().toISOString();
  return Array.from({ length: count }, (_, index) => {
    const end = new Date(Date.now() + 60_000 + index).toISOString();
    insert.run(`s${index}`, end, `token-${index}`, now, now, ann.userId);
    return `s${index}`;
  });
}

const sessionIds = () =>
  stage.database
    .prepare("SELECT id FROM session")
    .all()
    .map(({ id }) => String(id));
const loginsOf = async (ids: readonly string[]) =>
  (await Promise.all(ids.map((id) => loginDigest(apiUrl, id)))).toSorted();
const loggedValues = () => stage.logged.map(({ value }) => value).toSorted();
const change = (body: object) =>
  stage.post("/change-password", { currentPassword: password, newPassword, ...body }, { cookie: ann.cookie });

/** Makes the database fail for matching statements, as D1 sometimes does. */
function failAt(pattern: RegExp) {
  const prepare = stage.database.prepare.bind(stage.database);
  stage.database.prepare = (sql) => {
    if (pattern.test(sql)) throw new Error("D1 is down");
    return prepare(sql);
  };
}

describe("signing out everywhere", () => {
  it("ends every session, each with a log entry, however many there are", async () => {
    const ids = addSessions(260);
    expect((await stage.post("/revoke-sessions", {}, { cookie: ann.cookie })).status).toBe(200);
    expect(sessionIds()).toEqual([]);
    expect(loggedValues()).toEqual(await loginsOf([...ids, ann.sessionId]));
  });

  it("also ends the film of a session that expired a moment ago", async () => {
    const [id = ""] = addSessions(1);
    stage.database.prepare("UPDATE session SET expiresAt = ? WHERE id = ?").run(new Date(0).toISOString(), id);
    const [recent = ""] = addExpiredSession();
    await stage.post("/revoke-sessions", {}, { cookie: ann.cookie });
    // Nothing of the session that expired in 1970 could still be valid.
    expect(loggedValues()).toEqual(await loginsOf([recent, ann.sessionId]));
    expect(sessionIds()).toEqual([]);
  });

  it.each([
    ["/revoke-sessions", {}],
    ["/revoke-other-sessions", {}],
    ["/revoke-session", { token: "token-0" }],
  ])("fails with 503 at %s if the sessions cannot be read, and ends none without a log entry", async (path, body) => {
    const ids = [...addSessions(1), ann.sessionId];
    // The library's query for the caller's session joins the user table. Its query for the sessions to delete does not.
    failAt(/^select (?!.*join).*from "session"/i);
    expect((await stage.post(path, body, { cookie: ann.cookie })).status).toBe(503);
    stage.database.prepare = Object.getPrototypeOf(stage.database).prepare;
    expect(sessionIds().toSorted()).toEqual(ids.toSorted());
  });
});

describe("a password change", () => {
  it.each([{}, { revokeOtherSessions: false }])(
    "with %j ends every other session, and keeps the user signed in",
    async (body) => {
      const ids = addSessions(120);
      const response = await change(body);
      expect(response.status).toBe(200);
      expect(loggedValues()).toEqual(await loginsOf([...ids, ann.sessionId]));
      const [cookie = ""] = response.headers.getSetCookie()[0]?.split(";") ?? [];
      const { session } = Object(await (await stage.fetch("/get-session", { headers: { cookie } })).json());
      expect(sessionIds()).toEqual([session.id]);
    },
  );

  it("fails with 503 while the log is down, and the old password still works", async () => {
    stage.faults.logIsDown = true;
    expect((await change({})).status).toBe(503);
    stage.faults.logIsDown = false;
    const again = await stage.post("/sign-in/email", { email: "ann@example.com", password });
    expect(again.status).toBe(200);
    expect(sessionIds()).toContain(ann.sessionId);
  });

  it("ends nothing if the current password is wrong", async () => {
    const ids = addSessions(2);
    expect((await change({ currentPassword: "the wrong password" })).status).toBe(400);
    expect(stage.logged).toEqual([]);
    expect(sessionIds()).toEqual(expect.arrayContaining(ids));
  });
});

describe("a user", () => {
  it(`has at most ${mostSessions} sessions: a further sign-in ends and logs those that expire first`, async () => {
    const ids = addSessions(mostSessions + 2);
    await signIn(stage, "ann@example.com");
    expect(sessionIds()).toHaveLength(mostSessions);
    expect(sessionIds()).toContain(ann.sessionId);
    expect(loggedValues()).toEqual(await loginsOf(ids.slice(0, 4)));
  });

  it("cannot sign in over the limit while the log is down", async () => {
    const ids = addSessions(mostSessions);
    stage.faults.logIsDown = true;
    const response = await stage.post("/sign-in/email", { email: "ann@example.com", password });
    expect(response.status).toBe(503);
    expect(sessionIds().toSorted()).toEqual([...ids, ann.sessionId].toSorted());
  });
});

function addExpiredSession(): string[] {
  const now = new Date(Date.now() - 1000).toISOString();
  stage.database
    .prepare("INSERT INTO session (id, expiresAt, token, createdAt, updatedAt, userId) VALUES (?, ?, ?, ?, ?, ?)")
    .run("ended", now, "token-ended", now, now, ann.userId);
  return ["ended"];
}
