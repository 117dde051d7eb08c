/**
 * A web backend with its own sign-in: a session cookie, a page that plays, and sign-out that ends the viewer's streams.
 * Replace `isAccount` by your accounts, and the session store by yours.
 *
 *   node server.mjs
 *
 * Variables: STAGEDOOR_CREDENTIAL, from `npx stagedoor backend new`; STAGEDOOR_API (http://localhost:8787); PORT (8791);
 * DEMO_PASSWORD, the password of every viewer.
 */
import { randomBytes, timingSafeEqual } from "node:crypto";
import { createReadStream } from "node:fs";
import { createServer } from "node:http";
import { fileURLToPath } from "node:url";
import { endStream, StreamRefused, startStream } from "./stagedoor.mjs";

if (!process.env.STAGEDOOR_CREDENTIAL) {
  console.error("STAGEDOOR_CREDENTIAL is missing: npx stagedoor backend new --name web --out - prints one.");
  process.exit(1);
}

const password = process.env.DEMO_PASSWORD ?? randomBytes(9).toString("base64url");
const mostSessions = 10_000;
const longestBody = 4096;

/** Sign-in sessions by their random id: `{ user, streams }`. The cookie has the id and nothing else. */
const sessions = new Map();

const files = {
  "/": { file: new URL("page.html", import.meta.url), type: "text/html; charset=utf-8" },
  "/page.mjs": { file: new URL("page.mjs", import.meta.url), type: "text/javascript" },
  "/hls.mjs": { file: new URL(import.meta.resolve("hls.js")), type: "text/javascript" },
};

/** The actions of a signed-in viewer. Each returns what the page gets as JSON. */
const actions = {
  "/play": async ({ session, request, body }) => {
    const stream = await startStream(String(body.asset), viewerOf(session, request));
    session.streams.add(stream.sessionId);
    return stream;
  },
  "/stop": async ({ session, body }) => {
    // Only streams of this sign-in: the page cannot name another viewer's.
    if (session.streams.delete(body.sessionId)) await endStream(body.sessionId, session.user);
    return {};
  },
  "/sign-out": async ({ session, id }) => {
    sessions.delete(id);
    await Promise.all([...session.streams].map((sessionId) => endStream(sessionId, session.user)));
    return {};
  },
};

/** The viewer of a request. Behind a proxy, take the address from a header that the proxy overwrites. */
function viewerOf({ user }, request) {
  return {
    subject: user,
    address: request.socket.remoteAddress,
    userAgent: request.headers["user-agent"],
    streams: 2,
  };
}

function isAccount(user, guess) {
  const [left, right] = [Buffer.from(String(guess)), Buffer.from(password)];
  return ["ann", "bob"].includes(user) && left.length === right.length && timingSafeEqual(left, right);
}

function signIn({ user, password: guess }) {
  if (!isAccount(user, guess)) return undefined;
  const id = randomBytes(32).toString("base64url");
  if (sessions.size >= mostSessions) sessions.delete(sessions.keys().next().value);
  sessions.set(id, { user, streams: new Set() });
  return id;
}

function sessionIdOf({ headers: { cookie = "" } }) {
  return /(?:^|; )session=([\w-]{43})(?:;|$)/.exec(cookie)?.[1];
}

async function readBody(request) {
  let text = "";
  for await (const chunk of request) {
    text += chunk;
    if (text.length > longestBody) throw new RangeError("the body is too long");
  }
  return Object(JSON.parse(text || "{}"));
}

async function answer(request) {
  const id = sessionIdOf(request);
  const session = sessions.get(id);
  // JSON of another site needs a preflight, which this server does not answer, so no other site can use the cookie.
  if (request.headers["content-type"] !== "application/json") return { status: 415, body: { code: "json_required" } };
  const body = await readBody(request);
  if (request.url === "/sign-in") {
    const signedIn = signIn(body);
    if (signedIn === undefined) return { status: 401, body: { code: "wrong_password" } };
    return { status: 200, body: {}, cookie: `session=${signedIn}; HttpOnly; SameSite=Strict; Path=/; Max-Age=28800` };
  }
  const action = Object.hasOwn(actions, request.url) ? actions[request.url] : undefined;
  if (action === undefined) return { status: 404, body: { code: "unknown" } };
  if (session === undefined) return { status: 401, body: { code: "sign_in_required" } };
  return { status: 200, body: await action({ session, id, request, body }) };
}

const server = createServer(async (request, response) => {
  const file = Object.hasOwn(files, request.url) ? files[request.url] : undefined;
  if (request.method === "GET" && file !== undefined) {
    response.writeHead(200, { "Content-Type": file.type });
    return createReadStream(fileURLToPath(file.file)).pipe(response);
  }
  try {
    const { status, body, cookie } =
      request.method === "POST" ? await answer(request) : { status: 404, body: { code: "unknown" } };
    response.writeHead(status, { "Content-Type": "application/json", ...(cookie && { "Set-Cookie": cookie }) });
    return response.end(JSON.stringify(body));
  } catch (error) {
    // The viewer sees the code: too many streams, not available here. A refused credential is this server's own problem.
    const isViewers = error instanceof StreamRefused && error.status !== 401 && error.status !== 400;
    if (!isViewers) console.error(String(error));
    response.writeHead(isViewers ? error.status : 502, { "Content-Type": "application/json" });
    return response.end(JSON.stringify({ code: isViewers ? error.code : "failed" }));
  }
});

server.listen(Number(process.env.PORT ?? 8791), "localhost", () => {
  const shown = process.env.DEMO_PASSWORD === undefined ? password : "that of DEMO_PASSWORD";
  console.log(`Page      http://localhost:${server.address().port}/\nPassword  ${shown}, for ann and bob`);
});
