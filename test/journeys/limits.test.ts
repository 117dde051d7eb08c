import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { testPassword } from "../cluster/secrets.ts";
import { tokenFor } from "../cluster/start-stream.ts";
import { startTestCluster } from "../cluster/test-cluster.ts";

/** Fewer than the starts that pass at once before the throttle on a viewer's leases applies. */
const quota = 20;
const log: string[] = [];
let cluster: Awaited<ReturnType<typeof startTestCluster>>;
let apiUrl: string;

beforeAll(async () => {
  const settings = {
    STAGEDOOR_START_RATE: String(quota),
    STAGEDOOR_START_RATE_ADDRESS: "200",
    STAGEDOOR_SIGN_IN_RATE: "3",
    STAGEDOOR_SIGN_IN_RATE_ADDRESS: "10",
    STAGEDOOR_TOKEN_RATE_ADDRESS: "5",
  };
  cluster = await startTestCluster(settings, log);
  apiUrl = cluster.addresses.apiUrl;
});

afterAll(() => cluster.stop());

let networks = 0;
/** An address in a network that no other test uses. */
function address(): string {
  return `10.0.${++networks}.7`;
}

async function post(path: string, body: object, headers: Record<string, string>) {
  const response = await fetch(apiUrl + path, {
    method: "POST",
    headers: { "Content-Type": "application/json", Origin: apiUrl, ...headers },
    body: JSON.stringify(body),
  });
  const { status, headers: responseHeaders } = response;
  const text = await response.text();
  const code: unknown = text.startsWith("{") ? JSON.parse(text).code : undefined;
  return { status, code, headers: responseHeaders, retryAfter: Number(responseHeaders.get("Retry-After")) };
}

const start = (token: string, from: string) =>
  post("/stream/start", { asset: "vod-ts" }, { Authorization: `Bearer ${token}`, "CF-Connecting-IP": from });

/** One parameter of the RateLimit member of a policy, as `r` of `"start-subject";r=3;t=60`. */
function parameter(field: string | null, policy: string, name: string): number {
  const member = (field ?? "").split(", ").find((item) => item.startsWith(`"${policy}";`));
  return Number(new RegExp(`;${name}=(\\d+)`).exec(member ?? "")?.[1] ?? Number.NaN);
}

describe("the rate limit of a subject", () => {
  it("allows exactly the quota to concurrent requests, and each response has a different remainder", async () => {
    const token = await tokenFor(cluster.addresses);
    const from = address();
    const responses = await Promise.all(Array.from({ length: 100 }, () => start(token, from)));
    const opened = responses.filter(({ status }) => status === 201);
    const refused = responses.filter(({ code }) => code === "rate_limited");
    expect([opened.length, refused.length]).toEqual([quota, 100 - quota]);
    const left = opened.map(({ headers }) => parameter(headers.get("RateLimit"), "start-subject", "r"));
    expect(left.toSorted((a, b) => a - b)).toEqual(Array.from({ length: quota }, (_, i) => i));
    for (const { status, headers, retryAfter } of refused) {
      expect([status, parameter(headers.get("RateLimit"), "start-subject", "r")]).toEqual([429, 0]);
      expect(retryAfter).toBe(parameter(headers.get("RateLimit"), "start-subject", "t"));
      expect(retryAfter).toBeGreaterThan(3500);
      expect(retryAfter).toBeLessThanOrEqual(3600);
    }
    expect(new Set(responses.map(({ headers }) => headers.get("RateLimit-Policy")))).toEqual(
      new Set([`"start-subject";q=${quota};w=3600`]),
    );
    expect((await start(token, address())).code).toBe("rate_limited");
    expect((await start(await tokenFor(cluster.addresses), from)).status).toBe(201);
  });

  it("is readable by pages, and the Request-Id names the line of the log", async () => {
    const { headers } = await start("x", address());
    const exposed = headers.get("Access-Control-Expose-Headers")?.split(", ");
    expect(exposed).toEqual(expect.arrayContaining(["RateLimit", "RateLimit-Policy", "Request-Id", "Retry-After"]));
    const id = headers.get("Request-Id") ?? "none";
    expect(id).toMatch(/^[0-9a-f]{16}$/);
    await expect.poll(() => log.some((line) => line.includes(id))).toBe(true);
  });
});

describe("the rate limit of an address", () => {
  it("counts tokens that the identity worker must check, and no other address's", async () => {
    const from = address();
    // This has the form of the identity worker's own tokens.
    const madeUp = "x".repeat(32);
    const responses = await Promise.all(Array.from({ length: 201 }, () => start(madeUp, from)));
    expect(responses.filter(({ code }) => code === "rate_limited")).toHaveLength(1);
    expect((await start(madeUp, from.replace(/7$/, "8"))).code).toBe("token_invalid");
    for (const own of [from, from.replace(/7$/, "8")])
      expect((await start(await tokenFor(cluster.addresses), own)).status).toBe(201);
  });

  it("does not count tokens that are refused without a request to the identity worker", async () => {
    const from = address();
    const responses = await Promise.all(Array.from({ length: 250 }, () => start("x", from)));
    expect(new Set(responses.map(({ code }) => code))).toEqual(new Set(["token_invalid"]));
    expect((await start(await tokenFor(cluster.addresses), from)).status).toBe(201);
  });
});

describe("sign-in attempts", () => {
  const attempt = (email: string, from: string) =>
    post("/api/auth/sign-in/email", { email, password: `${testPassword} wrong` }, { "CF-Connecting-IP": from });

  it("are counted per account from any address, and refused before the password is checked", async () => {
    const email = "ann@limits.example";
    const signUp = { name: "Ann", email, password: testPassword };
    expect((await post("/api/auth/sign-up/email", signUp, { "CF-Connecting-IP": address() })).status).toBe(200);
    const codes: unknown[] = [];
    for (const spelling of [email, "ANN@limits.example"]) codes.push((await attempt(spelling, address())).code);
    expect(codes).not.toContain("rate_limited");
    const right = { email, password: testPassword };
    const refused = await post("/api/auth/sign-in/email", right, { "CF-Connecting-IP": address() });
    expect([refused.status, refused.code, refused.headers.has("Set-Cookie")]).toEqual([429, "rate_limited", false]);
    expect(refused.retryAfter).toBe(parameter(refused.headers.get("RateLimit"), "sign-in-account", "t"));
    expect((await attempt("bob@limits.example", address())).code).not.toBe("rate_limited");
  });

  it("are counted per network across accounts", async () => {
    const from = address();
    const codes: unknown[] = [];
    for (let i = 0; i < 11; i++) codes.push((await attempt(`eve-${i}@limits.example`, from)).code);
    expect([codes.slice(0, 10).includes("rate_limited"), codes[10]]).toEqual([false, "rate_limited"]);
  });

  it("that fail are logged with the route, the status and the reason only", async () => {
    const { headers, status } = await attempt("nobody@limits.example", address());
    expect(status).toBe(401);
    const id = headers.get("Request-Id") ?? "none";
    const code = "INVALID_EMAIL_OR_PASSWORD";
    const line = { worker: "api", event: "identity_refused", status, path: "/sign-in/email", code, request: id };
    await expect.poll(() => log.find((entry) => entry.includes(id))).toBe(JSON.stringify(line));
  });
});

describe("a password check within a session", () => {
  it("counts toward the account's sign-in limit, so a stolen session cannot guess the password", async () => {
    const signUp = { name: "Ann", email: "stolen@limits.example", password: testPassword };
    const { headers } = await post("/api/auth/sign-up/email", signUp, { "CF-Connecting-IP": address() });
    const Authorization = `Bearer ${headers.get("set-auth-token")}`;
    const guess = (path: string, body: object) =>
      post(`/api/auth${path}`, body, { Authorization, "CF-Connecting-IP": address() });
    const wrong = `${testPassword} wrong`;
    const change = { currentPassword: wrong, newPassword: `${testPassword} new` };
    const responses = [
      await guess("/verify-password", { password: wrong }),
      await guess("/change-password", change),
      await guess("/verify-password", { password: testPassword }),
    ];
    expect(responses.map(({ status }) => status)).toEqual([400, 400, 200]);
    const left = responses.map(({ headers }) => parameter(headers.get("RateLimit"), "sign-in-account", "r"));
    expect(left).toEqual([2, 1, 0]);
    for (const [path, body] of [
      ["/verify-password", { password: testPassword }],
      ["/change-password", { ...change, currentPassword: testPassword }],
    ] as const)
      expect((await guess(path, body)).code).toBe("rate_limited");
    const session = await fetch(`${apiUrl}/api/auth/get-session`, { headers: { Authorization } });
    expect(Object(await session.json()).user?.email).toBe(signUp.email);
  });
});

describe("token requests of apps", () => {
  it("are counted per network", async () => {
    const from = address();
    const body = new URLSearchParams({
      grant_type: "refresh_token",
      refresh_token: "x".repeat(32),
      client_id: "dev-app",
    });
    const tokenStatus = async (address: string) =>
      (
        await fetch(`${apiUrl}/api/auth/oauth2/token`, {
          method: "POST",
          body,
          headers: { "CF-Connecting-IP": address },
        })
      ).status;
    const statuses: number[] = [];
    for (let i = 0; i < 6; i++) statuses.push(await tokenStatus(from));
    expect([statuses.slice(0, 5).includes(429), statuses[5]]).toEqual([false, 429]);
    expect(await tokenStatus(address())).not.toBe(429);
  });
});
