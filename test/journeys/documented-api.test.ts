import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { promisify } from "node:util";
import { describe, expect, inject, it } from "vitest";
import { devClient } from "../../cli/lib/dev-environment.ts";
import { requestTokens, signedUp } from "../cluster/device.ts";
import { operatorOf } from "../cluster/operator.ts";
import { viewerOf } from "../cluster/viewer.ts";

const run = promisify(execFile);
const cluster = inject("usual");

/** A call of docs/reference/api.md, and the response that the page shows for it. */
interface Documented {
  readonly section: string;
  readonly language: "sh" | "js";
  readonly code: string;
  readonly status: number;
  readonly body: unknown;
}

/** Each block of curl with the response after it. The JavaScript between them has the same response. */
function documentedCalls(): readonly Documented[] {
  const page = readFileSync("docs/reference/api.md", "utf8");
  return page
    .split(/^### /m)
    .slice(1)
    .flatMap((text) => {
      const section = text.split("\n", 1)[0] ?? "";
      let waiting: Pick<Documented, "language" | "code">[] = [];
      return Array.from(text.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)).flatMap(([, language, code = ""]) => {
        if (language === "sh" || language === "js") waiting.push({ language, code });
        if (language !== "http") return [];
        const [head = "", ...rest] = code.split("\n\n");
        const body = head.includes("json") && rest.length > 0 ? JSON.parse(rest.join("\n\n")) : undefined;
        const calls = waiting.map((call) => ({ ...call, section, status: Number(head.split(" ")[1]), body }));
        waiting = [];
        return calls;
      });
    });
}

let accounts = 0;

/** The values of the page's variables, new for each call. A call that needs an account or an asset has its own. */
async function environment(code: string) {
  const viewer = await viewerOf(cluster, `documented-${crypto.randomUUID()}`);
  const usesSession = /\b(?:session|grant)\b/i.test(code);
  const { sessionId, grant } = usesSession ? await viewer.start() : { sessionId: "", grant: "" };
  const operator = await operatorOf(cluster, "documented");
  const email = `documented-${accounts++}-${Date.now()}@example.com`;
  const account = { name: "Ann", email, password: "correct horse battery" };
  const usesAccount = code.includes("/api/auth/sign-in") || /signedIn|SIGNED_IN/.test(code);
  const signUp = usesAccount && (await postJson("/api/auth/sign-up/email", account));
  const usesRefresh = /refresh_token=\$|token=\$|refresh\b/.test(code) && code.includes("oauth2");
  const refresh = usesRefresh ? (await requestTokens(cluster.apiUrl, await signedUp(cluster.apiUrl))).refresh : "";
  const asset = { origin: { type: "r2", binding: "MEDIA", prefix: "documented/" }, entry: "index.m3u8" };
  if (code.includes("DELETE")) await putAsset(operator.token, asset);
  const values = {
    api: cluster.apiUrl,
    token: viewer.token,
    grant,
    session: sessionId,
    operator: operator.token,
    signedIn: signUp ? (signUp.headers.get("set-auth-token") ?? "") : "",
    refresh,
  };
  const localized = code
    .replaceAll("ann@example.com", email)
    .replaceAll("my-app", devClient.clientId)
    .replaceAll("assets/film-42", "assets/documented")
    .replaceAll(/("?id"?: ?)"film-42"/g, '$1"documented"')
    .replaceAll(/("?asset"?: ?)"film-42"/g, '$1"vod-ts"');
  return { values, localized };
}

function postJson(path: string, body: object): Promise<Response> {
  const headers = { "Content-Type": "application/json", Origin: cluster.apiUrl };
  return fetch(cluster.apiUrl + path, { method: "POST", headers, body: JSON.stringify(body) });
}

async function putAsset(token: string, asset: object): Promise<void> {
  const headers = { Authorization: `Bearer ${token}` };
  await fetch(`${cluster.apiUrl}/operator/assets/documented`, { method: "PUT", headers, body: JSON.stringify(asset) });
}

/** Runs a call as it is on the page, apart from the names of what it acts on. */
async function send({ language, code }: Documented): Promise<{ readonly status: number; readonly text: string }> {
  const { values, localized } = await environment(code);
  if (language === "js") {
    const names = Object.keys(values);
    const ownFetch: typeof fetch = (url, init) => {
      const request = new Request(url, init);
      if (request.method === "POST") request.headers.set("Origin", cluster.apiUrl); // As a browser does.
      return fetch(request);
    };
    const AsyncFunction = Object.getPrototypeOf(async () => {}).constructor;
    const call = new AsyncFunction(...names, "fetch", `${localized}\nreturn response;`);
    const response: Response = await call(...Object.values(values), ownFetch);
    return { status: response.status, text: await response.text() };
  }
  const upper = Object.entries(values).map(([name, value]) => [
    name === "signedIn" ? "SIGNED_IN" : name.toUpperCase(),
    value,
  ]);
  const script = localized.replace("curl -s", "curl -s -w '\\n%{http_code}'");
  const { stdout } = await run("bash", ["-c", script], { env: { ...process.env, ...Object.fromEntries(upper) } });
  const at = stdout.lastIndexOf("\n");
  return { status: Number(stdout.slice(at + 1)), text: stdout.slice(0, at) };
}

/** The names of the members of a documented body that a real one lacks. */
function missing(documented: unknown, real: unknown, path = ""): readonly string[] {
  if (Array.isArray(documented)) return Array.isArray(real) ? [] : [path];
  if (typeof documented !== "object" || documented === null) return [];
  if (typeof real !== "object" || real === null) return [path];
  // The numbers of refusals are by code.
  if (path === "total") return [];
  return Object.entries(documented).flatMap(([name, value]) =>
    Reflect.has(real, name) ? missing(value, Reflect.get(real, name), name) : [`${path}.${name}`],
  );
}

describe("the calls of docs/reference/api.md", () => {
  const calls = documentedCalls();

  it("are many: with curl a success and an error of nearly every route", () => {
    expect(calls.filter(({ language }) => language === "sh").length).toBeGreaterThan(50);
    expect(calls.filter(({ language }) => language === "js").length).toBeGreaterThan(30);
  });

  it.each(calls)("get the documented response: $section, $status ($language)", async (call) => {
    const { status, text } = await send(call);
    expect(status, text).toBe(call.status);
    if (call.body === undefined) return;
    const body: unknown = JSON.parse(text);
    expect(missing(call.body, body)).toEqual([]);
    const { code, error } = Object(call.body);
    if (status >= 400) expect(body).toMatchObject({ ...(code && { code }), ...(error && { error }) });
  });
});
