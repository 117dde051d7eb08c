import { writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { dispatch } from "../../../cli/dispatch.ts";
import { folder } from "./command-line.ts";

/** An API that answers as the test says, and what it was asked. */
const state = { status: 200, answer: {} as object };
const asked: string[] = [];
const server: Server = createServer({ keepAliveTimeout: 0 }, (request, response) => {
  asked.push(`${request.method} ${request.url} ${request.headers.authorization}`);
  response.writeHead(state.status, { "Content-Type": "application/json" }).end(JSON.stringify(state.answer));
});
const bearer = join(folder(), "ann.jwt");
let api: string;

beforeAll(async () => {
  writeFileSync(bearer, "MARKED-TOKEN\n");
  await new Promise<void>((ready) => server.listen(0, "127.0.0.1", ready));
  const at = server.address();
  api = `http://127.0.0.1:${typeof at === "object" ? at?.port : ""}/api/v1`;
});
beforeEach(() => {
  asked.length = 0;
  state.status = 200;
});
afterAll(() => void server.close());

const run = (...words: readonly string[]) => dispatch([...words, "--api", api, "--bearer", bearer]);

const session = {
  sessionId: "A".repeat(22),
  asset: "film",
  subject: "B".repeat(22),
  country: "DE",
  startedAt: "2026-11-18T11:00:00Z",
  lastSeenAt: "2026-11-18T11:05:00Z",
  endsAt: "2026-11-18T17:00:00Z",
};
const refusal = {
  at: "2026-11-18T11:06:40Z",
  worker: "edge",
  code: "grant_expired",
  reason: "the playback session has expired",
  request: "00000000000000aa",
};

describe("sessions", () => {
  it("asks with the filters that were given, and lists what plays", async () => {
    state.answer = { count: 7, sessions: [session] };
    const ran = await run("sessions", "--asset", "film", "--limit", "1");
    expect(asked).toEqual(["GET /api/v1/operator/sessions?asset=film&limit=1 Bearer MARKED-TOKEN"]);
    expect(ran).toMatchObject({ exit: 0, json: state.answer, note: "1 of 7 sessions are listed." });
    const lines = "text" in ran ? ran.text.split("\n") : [];
    expect(lines[0]?.split(/ {2,}/)).toEqual(["SESSION", "ASSET", "COUNTRY", "STARTED", "LAST SEEN", "EXPIRES"]);
    const { sessionId, asset, country, startedAt, lastSeenAt, endsAt } = session;
    expect(lines[1]?.split(/ {2,}/)).toEqual([sessionId, asset, country, startedAt, lastSeenAt, endsAt]);
  });

  it("says that nobody plays, and what the API says where it refuses", async () => {
    state.answer = { count: 0, sessions: [] };
    expect(await run("sessions")).toMatchObject({ exit: 0, text: "No such session is running." });
    state.status = 403;
    state.answer = { code: "scope_insufficient", detail: "Ask for another." };
    expect(await run("sessions")).toMatchObject({ exit: 1, note: "403 scope_insufficient: Ask for another." });
  });

  it("fails where something else than an API answers", async () => {
    state.answer = { hello: "world" };
    expect(await run("sessions")).toMatchObject({ exit: 1, note: expect.stringContaining("unexpected response") });
    expect(await run("refusals")).toMatchObject({ exit: 1, note: expect.stringContaining("unexpected response") });
  });
});

describe("refusals", () => {
  it("counts those of the hour, the most first, and shows the last ones", async () => {
    state.answer = { minutes: [], total: { token_invalid: 1, grant_expired: 12 }, recent: [refusal] };
    const ran = await run("refusals");
    expect(asked[0]).toMatch(/^GET \/api\/v1\/operator\/refusals Bearer/);
    const text = "text" in ran ? ran.text : "";
    expect(text).toMatch(/^COUNT {2}CODE\n12 +grant_expired\n1 +token_invalid\n/);
    expect(text).toContain(refusal.request);
  });

  it("says why one was refused, and what to do", async () => {
    state.answer = { minutes: [], total: {}, recent: [refusal] };
    const ran = await run("refusals", "--request", refusal.request);
    expect(asked[0]).toContain("/operator/refusals?request=00000000000000aa ");
    expect(ran).toMatchObject({ exit: 0, json: refusal });
    const text = "text" in ran ? ran.text : "";
    expect(text).toMatch(/^grant_expired \(403\)\. /);
    expect(text).toMatch(/Why +the playback session has expired/);
    expect(text).toMatch(/What to do +\w/);
  });

  it("fails where no refusal of that id is kept", async () => {
    state.answer = { minutes: [], total: {}, recent: [] };
    const ran = await run("refusals", "--request", "none");
    expect(ran).toMatchObject({ exit: 1, note: expect.stringContaining("the worker's log") });
  });
});
