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

/** Sessions of Ann's in the database alone: to sign in so often would take a minute. The first of them would end first. */
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

const left = () =>
  stage.database
    .prepare("SELECT id FROM session")
    .all()
    .map(({ id }) => String(id));
const namesOf = async (ids: readonly string[]) =>
  (await Promise.all(ids.map((id) => loginDigest(apiUrl, id)))).toSorted();
const told = () => stage.told.map(({ value }) => value).toSorted();
const change = (body: object) =>
  stage.post("/change-password", { currentPassword: password, newPassword, ...body }, { cookie: ann.cookie });

/** Lets the database fail for some statements, as D1 does now and then. */
function failAt(pattern: RegExp) {
  const prepare = stage.database.prepare.bind(stage.database);
  stage.database.prepare = (sql) => {
    if (pattern.test(sql)) throw new Error("D1 is down");
    return prepare(sql);
  };
}

describe("who signs out everywhere", () => {
  it("leaves no session without an entry, however many there are", async () => {
    const ids = addSessions(260);
    expect((await stage.post("/revoke-sessions", {}, { cookie: ann.cookie })).status).toBe(200);
    expect(left()).toEqual([]);
    expect(told()).toEqual(await namesOf([...ids, ann.sessionId]));
  });

  it("ends the film of a session that ended by itself as well", async () => {
    const [id = ""] = addSessions(1);
    stage.database.prepare("UPDATE session SET expiresAt = ? WHERE id = ?").run(new Date(0).toISOString(), id);
    const [recent = ""] = addSessionThatEnded();
    await stage.post("/revoke-sessions", {}, { cookie: ann.cookie });
    // Of the one that ended in 1970 nothing is left that could be forbidden.
    expect(told()).toEqual(await namesOf([recent, ann.sessionId]));
    expect(left()).toEqual([]);
  });

  it.each([
    ["/revoke-sessions", {}],
    ["/revoke-other-sessions", {}],
    ["/revoke-session", { token: "token-0" }],
  ])("hears 503 at %s where the sessions could not be read, and none of them goes unannounced", async (path, body) => {
    const ids = [...addSessions(1), ann.sessionId];
    // The library's question who asks joins the user; the one for what it is about to delete does not.
    failAt(/^select (?!.*join).*from "session"/i);
    expect((await stage.post(path, body, { cookie: ann.cookie })).status).toBe(503);
    stage.database.prepare = Object.getPrototypeOf(stage.database).prepare;
    expect(left().toSorted()).toEqual(ids.toSorted());
  });
});

describe("a new password", () => {
  it.each([{}, { revokeOtherSessions: false }])(
    "ends every other session, also where %j does not ask for it, and keeps who changed it signed in",
    async (body) => {
      const ids = addSessions(120);
      const response = await change(body);
      expect(response.status).toBe(200);
      expect(told()).toEqual(await namesOf([...ids, ann.sessionId]));
      const [cookie = ""] = response.headers.getSetCookie()[0]?.split(";") ?? [];
      const { session } = Object(await (await stage.ask("/get-session", { headers: { cookie } })).json());
      expect(left()).toEqual([session.id]);
    },
  );

  it("is not taken while the log is down: 503, and the old one is good still", async () => {
    stage.stage.logIsDown = true;
    expect((await change({})).status).toBe(503);
    stage.stage.logIsDown = false;
    const again = await stage.post("/sign-in/email", { email: "ann@example.com", password });
    expect(again.status).toBe(200);
    expect(left()).toContain(ann.sessionId);
  });

  it("ends nothing where the current one was wrong", async () => {
    const ids = addSessions(2);
    expect((await change({ currentPassword: "not hers at all" })).status).toBe(400);
    expect(stage.told).toEqual([]);
    expect(left()).toEqual(expect.arrayContaining(ids));
  });
});

describe("a user", () => {
  it(`has ${mostSessions} sessions at most: a sign-in ends those that would end first, and tells the log`, async () => {
    const ids = addSessions(mostSessions + 2);
    await signIn(stage, "ann@example.com");
    expect(left()).toHaveLength(mostSessions);
    expect(left()).toContain(ann.sessionId);
    expect(told()).toEqual(await namesOf(ids.slice(0, 4)));
  });

  it("is not let in where the log does not take what his sign-in would end", async () => {
    const ids = addSessions(mostSessions);
    stage.stage.logIsDown = true;
    const response = await stage.post("/sign-in/email", { email: "ann@example.com", password });
    expect(response.status).toBe(503);
    expect(left().toSorted()).toEqual([...ids, ann.sessionId].toSorted());
  });
});

function addSessionThatEnded(): string[] {
  const now = new Date(Date.now() - 1000).toISOString();
  stage.database
    .prepare("INSERT INTO session (id, expiresAt, token, createdAt, updatedAt, userId) VALUES (?, ?, ?, ?, ?, ?)")
    .run("ended", now, "token-ended", now, now, ann.userId);
  return ["ended"];
}
