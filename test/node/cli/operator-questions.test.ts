import { writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { dispatch } from "../../../cli/dispatch.ts";
import { folder } from "./command-line.ts";

/** An API with a response that the test sets. It records the requests. */
const response = { status: 200, body: {} as object };
const requests: string[] = [];
const bodies: string[] = [];
const server: Server = createServer({ keepAliveTimeout: 0 }, (request, outgoing) => {
  requests.push(`${request.method} ${request.url} ${request.headers.authorization}`);
  request.setEncoding("utf8").on("data", (text) => bodies.push(text));
  outgoing.writeHead(response.status, { "Content-Type": "application/json" }).end(JSON.stringify(response.body));
});
const bearer = join(folder(), "ann.jwt");
let api: string;

beforeAll(async () => {
  writeFileSync(bearer, "MARKED-TOKEN\n");
  await new Promise<void>((ready) => server.listen(0, "127.0.0.1", ready));
  const address = server.address();
  api = `http://127.0.0.1:${typeof address === "object" ? address?.port : ""}/api/v1`;
});
beforeEach(() => {
  requests.length = 0;
  bodies.length = 0;
  response.status = 200;
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

describe("a refusal of the API", () => {
  it("is printed with every error of the request", async () => {
    response.status = 400;
    response.body = { code: "body_invalid", title: "Invalid request body", faults: ["limit: wrong"], detail: "advice" };
    expect(await run("sessions")).toMatchObject({
      exit: 1,
      note: "400 body_invalid: Invalid request body.\n  limit: wrong",
    });
  });

  it("is printed with its advice if it lists no errors", async () => {
    response.status = 401;
    response.body = { code: "token_expired", title: "Token expired", detail: "Get a new token." };
    expect(await run("sessions")).toMatchObject({ exit: 1, note: "401 token_expired: Get a new token." });
  });

  it("of another service is not printed as one of the API", async () => {
    response.status = 404;
    response.body = {};
    expect(await run("sessions")).toMatchObject({ exit: 1, note: expect.stringContaining("Check --api") });
  });
});

describe("npx stagedoor revocations", () => {
  const entry = { kind: "subject", value: "D".repeat(43), at: "2026-11-18T11:00:00Z", until: null };

  it("lists what is revoked, with author and reason, in the form that revoke undoes", async () => {
    response.body = { count: 1, revocations: [{ ...entry, author: "night shift", reason: "leaked her link" }] };
    const outcome = await run("revocations", "--kind", "subject");
    expect(requests).toEqual(["GET /api/v1/operator/revoked?limit=500&skip=0&kind=subject Bearer MARKED-TOKEN"]);
    const text = "text" in outcome ? outcome.text : "";
    for (const part of ["until lifted", "night shift", `subject:${entry.value}`, "leaked her link"])
      expect(text).toContain(part);
    response.body = { revoked: "subject" };
    expect(await run("revoke", "--entry", `subject:${entry.value}`, "--lift")).toMatchObject({ exit: 0 });
    expect(JSON.parse(bodies.at(-1) ?? "")).toEqual({ entry: { kind: "subject", value: entry.value }, lift: true });
  });

  it("sends the reason of a revocation", async () => {
    response.body = { revoked: "asset", until: "9999-12-31T23:59:59Z" };
    expect(await run("revoke", "--asset", "film", "--reason", "licence ended")).toMatchObject({ exit: 0 });
    expect(JSON.parse(bodies.at(-1) ?? "")).toEqual({ asset: "film", reason: "licence ended" });
  });

  it.each([
    [["revocations", "--kind", "film"], "session, subject, asset, token, login, key"],
    [["revoke", "--entry", "film", "--lift"], "<kind>:<value>"],
    [["revoke", "--entry", "asset:film"], "--lift"],
  ])("refuses %j", async (words, message) => {
    expect(await run(...words)).toMatchObject({ exit: 2, message: expect.stringContaining(message) });
    expect(requests).toEqual([]);
  });
});

describe("npx stagedoor explain", () => {
  const asset = (id: string) => ({
    id,
    origin: { type: "r2", binding: "MEDIA", prefix: `${id}/` },
    entry: "index.m3u8",
  });

  it("knows the assets of the live catalog with --api, and otherwise says which catalog it used", async () => {
    const place = folder();
    const [ring, catalog] = [join(place, "keys.json"), join(place, "catalog.json")];
    await dispatch(["keys", "new", "--purpose", "session", "--ring", ring]);
    writeFileSync(catalog, JSON.stringify({ version: 1, assets: [asset("added-live")] }));
    const signed = await dispatch(["sign", "/added-live/index.m3u8", "--ring", ring, "--catalog", catalog]);
    const url = "text" in signed ? signed.text : "";
    response.body = { assets: [asset("added-live")], faults: [] };
    expect(await run("explain", url, "--ring", ring)).toMatchObject({ exit: 0, json: { verdict: "served" } });
    expect(requests).toEqual(["GET /api/v1/operator/assets Bearer MARKED-TOKEN"]);
    expect(await dispatch(["explain", url, "--ring", ring])).toMatchObject({
      exit: 1,
      json: { code: "asset_unknown" },
      note: expect.stringContaining("looked up in fixtures/catalog.json"),
    });
  });

  it("names the errors of an invalid live catalog", async () => {
    response.body = {
      assets: [],
      faults: [{ name: "schema", asset: "film", field: "entry", advice: "Use a string." }],
    };
    expect(await run("explain", "/film/0.ts")).toMatchObject({
      exit: 1,
      note: `The catalog of ${api} is invalid:\n  schema: film: entry: Use a string.`,
    });
  });
});

describe("npx stagedoor sessions", () => {
  it("sends the filters of the command line, and lists the running sessions", async () => {
    response.body = { count: 7, sessions: [session] };
    const outcome = await run("sessions", "--asset", "film", "--limit", "1");
    expect(requests).toEqual(["GET /api/v1/operator/sessions?asset=film&limit=1 Bearer MARKED-TOKEN"]);
    expect(outcome).toMatchObject({ exit: 0, json: response.body, note: "1 of 7 sessions are listed." });
    const lines = "text" in outcome ? outcome.text.split("\n") : [];
    expect(lines[0]?.split(/ {2,}/)).toEqual([
      ...["SESSION", "ASSET", "COUNTRY", "PLAYER", "STARTED", "LAST SEEN", "EXPIRES"],
    ]);
    const { sessionId, asset, country, startedAt, lastSeenAt, endsAt } = session;
    expect(lines[1]?.split(/ {2,}/)).toEqual([sessionId, asset, country, "-", startedAt, lastSeenAt, endsAt]);
  });

  it("says that no session is running, and prints the API's refusal", async () => {
    response.body = { count: 0, sessions: [] };
    expect(await run("sessions")).toMatchObject({ exit: 0, text: "No matching session is running." });
    response.status = 403;
    response.body = { code: "scope_insufficient", detail: "Ask for another." };
    expect(await run("sessions")).toMatchObject({ exit: 1, note: "403 scope_insufficient: Ask for another." });
  });

  it("fails if the host is not an API", async () => {
    response.body = { hello: "world" };
    expect(await run("sessions")).toMatchObject({ exit: 1, note: expect.stringContaining("unexpected response") });
    expect(await run("refusals")).toMatchObject({ exit: 1, note: expect.stringContaining("unexpected response") });
  });
});

describe("npx stagedoor revoke", () => {
  it("revokes an expired token too, because sessions that it started may still run", async () => {
    const file = join(folder(), "old.jwt");
    const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
    const claims = { iss: "https://id.example", jti: "t-1", exp: 1_700_000_000 };
    writeFileSync(file, `${part({ alg: "ES256" })}.${part(claims)}.c2ln`);
    response.body = { revoked: "token", until: "2027-01-01T00:00:00Z" };
    expect(await run("revoke", "--token", file)).toMatchObject({ exit: 0 });
    const { token, until } = JSON.parse(bodies.join(""));
    expect(token).toEqual({ issuer: "https://id.example", jti: "t-1" });
    expect(until).toBeGreaterThan(Date.now() / 1000);
  });
});

describe("npx stagedoor refusals", () => {
  it("prints the counts of the last hour, highest first, and the last refusals", async () => {
    response.body = { minutes: [], total: { token_invalid: 1, grant_expired: 12 }, recent: [refusal] };
    const outcome = await run("refusals");
    expect(requests[0]).toMatch(/^GET \/api\/v1\/operator\/refusals Bearer/);
    const text = "text" in outcome ? outcome.text : "";
    expect(text).toMatch(/^COUNT {2}CODE\n12 +grant_expired\n1 +token_invalid\n/);
    expect(text).toContain(refusal.request);
  });

  it("explains one refusal, with advice", async () => {
    response.body = { minutes: [], total: {}, recent: [refusal] };
    const outcome = await run("refusals", "--request", refusal.request);
    expect(requests[0]).toContain("/operator/refusals?request=00000000000000aa ");
    expect(outcome).toMatchObject({ exit: 0, json: refusal });
    const text = "text" in outcome ? outcome.text : "";
    expect(text).toMatch(/^grant_expired \(403\)\. /);
    expect(text).toMatch(/Why +the playback session has expired/);
    expect(text).toMatch(/What to do +\w/);
  });

  it("fails if the API no longer keeps that refusal", async () => {
    response.body = { minutes: [], total: {}, recent: [] };
    const outcome = await run("refusals", "--request", "none");
    expect(outcome).toMatchObject({ exit: 1, note: expect.stringContaining("the worker's log") });
  });
});

describe("npx stagedoor viewer", () => {
  const found = {
    ...{ at: refusal.at, issuer: "https://id.example", subject: "alice", hashes: [session.subject] },
    sessions: [
      { ...session, state: "running" },
      { ...session, sessionId: "C".repeat(22), state: "silent" },
    ],
    refusals: [{ ...refusal, subject: session.subject }],
  };
  const alice = ["--issuer", "https://id.example", "--subject", "alice"];

  it("prints sessions, refusals, a revocation and what a start would answer", async () => {
    const start = {
      ...{ kind: "start", verdict: "refused", code: "stream_limit", reason: "stream limit reached (1 running)" },
      steps: [{ part: "place", state: "fail", text: "stream limit reached (1 running)" }],
    };
    response.body = { ...found, revocation: { at: "2026-11-18T10:00:00Z", until: null }, start };
    const outcome = await run("viewer", ...alice, "--asset", "film", "--country", "DE");
    expect(requests).toEqual(["POST /api/v1/operator/viewer Bearer MARKED-TOKEN"]);
    const sent = {
      viewer: { issuer: "https://id.example", subject: "alice" },
      start: { asset: "film", country: "DE" },
    };
    expect(JSON.parse(bodies.join(""))).toEqual(sent);
    const text = "text" in outcome ? outcome.text : "";
    expect(outcome).toMatchObject({ exit: 0, json: response.body });
    for (const part of ["alice at https://id.example", "Revoked at 2026-11-18T10:00:00Z", "running", "silent"])
      expect(text).toContain(part);
    expect(text).toContain("A start would be refused: stream_limit. stream limit reached (1 running).");
    expect(text).toContain(refusal.request);
  });

  it.each([
    [["sessions"], "SESSION", { sessions: found.sessions }],
    [["refusals"], "AT ", { refusals: found.refusals }],
  ])("has its part in %j of one viewer", async ([command = ""], heading, json) => {
    response.body = found;
    const outcome = await run(command, "--email", "alice@example.com");
    expect(JSON.parse(bodies.join(""))).toEqual({ email: "alice@example.com" });
    expect(outcome).toMatchObject({ exit: 0, text: expect.stringMatching(new RegExp(`^${heading}`)), json });
  });

  it.each([
    [["viewer"], "Name a viewer"],
    [["viewer", "--issuer", "https://id.example"], "--subject is missing"],
    [["sessions", "--subject", "alice"], "--issuer is missing"],
    [["viewer", ...alice, "--email", "a@b.c"], "omit --issuer and --subject"],
    [["viewer", ...alice, "--country", "DE"], "--asset is missing"],
    [["sessions", ...alice, "--asset", "film"], "Omit --asset"],
    [["refusals", ...alice, "--request", "x"], "Name --request or a viewer"],
  ])("says what is missing or too much: %j", async (words, message) => {
    expect(await run(...words)).toMatchObject({ exit: 2, message: expect.stringContaining(message) });
    expect(requests).toEqual([]);
  });
});

describe("npx stagedoor status", () => {
  const answered = (accepted: number, provider: number) => ({
    ...{ requested: accepted + provider, accepted, codes: {} },
    refused: { ours: 0, origin: 0, provider, viewer: 0 },
  });

  it.each([
    ["ok", 0, /^OK: All is well\./],
    ["warning", 0, /^WARNING: /],
    ["error", 1, /^ERROR: /],
  ])("prints the headline with its figures, and ends accordingly: %s", async (level, exit, heading) => {
    const figures = { watching: 7, minutes: 5, starts: answered(12, 240), media: answered(9_000, 0) };
    response.body = { at: refusal.at, level, words: "All is well.", why: "Nothing refused.", ...figures };
    const outcome = await run("status");
    expect(requests).toEqual(["GET /api/v1/operator/status Bearer MARKED-TOKEN"]);
    expect(outcome).toMatchObject({ exit, json: response.body, text: expect.stringMatching(heading) });
    const text = "text" in outcome ? outcome.text : "";
    expect(text).toMatch(/^starts +252 +12 +0 +0 +240 +0$/m);
    expect(text).toContain("7 watching.");
  });
});

describe("npx stagedoor history", () => {
  const figures = (starts: number, failed = 0) => ({
    ...{ starts: { requested: starts, accepted: starts }, media: { requested: 0, accepted: 0 }, refused: 0 },
    ...{ origin: { requests: 60, failed, seconds: 0.042 }, cache: { lookups: 10, hits: 9 } },
  });

  it("prints a bar per half hour, the last hour and yesterday's, and ends with 1 if something is worse", async () => {
    const today = Array.from({ length: 144 }, (_, place) => figures(place < 72 ? 0 : place));
    response.body = {
      ...{ worse: ["Failed requests to the origin: 20%, and 1% a day before"], today },
      ...{ lastHour: figures(120, 12), dayBefore: figures(130) },
      marks: [{ at: refusal.at, kind: "version", state: "api 1.1.0" }],
    };
    const outcome = await run("history");
    expect(requests).toEqual(["GET /api/v1/operator/history Bearer MARKED-TOKEN"]);
    expect(outcome).toMatchObject({ exit: 1, json: response.body });
    const text = "text" in outcome ? outcome.text : "";
    expect(text).toContain("Worse than yesterday:\n  Failed requests to the origin: 20%, and 1% a day before.");
    expect(text).toMatch(/^starts {2,}[▄-█]{24} +120 +130$/m);
    expect(text).toMatch(/^media served +- +-$/m);
    expect(text).toContain(`${refusal.at}  release api 1.1.0`);
  });

  it("ends with 0 if nothing is worse", async () => {
    response.body = { worse: [], marks: [], today: [], lastHour: figures(0), dayBefore: figures(0) };
    expect(await run("history")).toMatchObject({ exit: 0, text: expect.stringMatching(/^No figure is clearly worse/) });
  });
});
