import { decodeJwt } from "jose";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { deviceAt, password, signedUp, takeTokens } from "../cluster/device.ts";
import { testPassword } from "../cluster/secrets.ts";
import { startTestCluster } from "../cluster/test-cluster.ts";
import { get, openedOf, refusedAfter, wait } from "../cluster/viewer.ts";

const wrongPassword = `${testPassword} of nobody`;

const log: string[] = [];
let cluster: Awaited<ReturnType<typeof startTestCluster>>;
let apiUrl: string;
beforeAll(async () => {
  cluster = await startTestCluster({}, log);
  apiUrl = cluster.addresses.apiUrl;
});
afterAll(() => cluster.stop());

const opened = async (response: Response) =>
  openedOf({ status: response.status, code: undefined, body: await response.json() });
const codeOf = async (response: Response) => String(Object(await response.json()).code);
const database = () => cluster.miniflare.getD1Database("DB", "stagedoor-identity");

describe("a new user, with better-auth's own client", () => {
  it("signs up, is known, signs out, and signs in again", async () => {
    const { client, jar, email } = await signedUp(apiUrl);
    expect((await client.getSession()).data?.user).toMatchObject({ email, name: "Ann" });
    expect([...jar.keys()]).toEqual(["__Host-stagedoor.session_token"]);
    expect((await client.signOut()).data).toEqual({ success: true });
    expect([...jar.keys()]).toEqual([]);
    expect((await client.getSession()).data).toBe(null);
    expect((await client.signIn.email({ email, password: wrongPassword })).error?.status).toBe(401);
    expect((await client.signIn.email({ email, password })).error).toBe(null);
    expect((await client.getSession()).data?.user.email).toBe(email);
  });

  it("plays by his cookie, by his session token as bearer, by a JWT, and by an app's access token", async () => {
    const ann = await signedUp(apiUrl);
    const { access } = await takeTokens(apiUrl, ann);
    for (const response of [
      await ann.startBy.cookie(),
      await ann.startBy.bearer(),
      await ann.startBy.jwt(),
      await ann.startBy.token(access),
    ]) {
      const { manifestUrl } = await opened(response);
      expect((await get(manifestUrl)).status).toBe(200);
    }
  });

  it("is the same viewer by each of them", async () => {
    const ann = await signedUp(apiUrl);
    const { data } = await ann.client.token();
    const { access } = await takeTokens(apiUrl, ann);
    const [jwt, app] = [decodeJwt(data?.token ?? ""), decodeJwt(access)];
    expect([app.sub, app.sid, app.iss, app.aud]).toEqual([jwt.sub, jwt.sid, apiUrl, apiUrl]);
    expect(jwt.sub).toBe((await ann.client.getSession()).data?.user.id);
  });
});

describe("sign-out", () => {
  it.each(["cookie", "bearer", "jwt"] as const)(
    "stops the film that was started by %s within two seconds",
    async (kind) => {
      const ann = await signedUp(apiUrl);
      const { manifestUrl } = await opened(await ann.startBy[kind]());
      expect((await get(manifestUrl)).status).toBe(200);
      await ann.client.signOut();
      // Two seconds, and what the last request of a slow machine takes.
      expect(await refusedAfter(manifestUrl, "session_revoked")).toBeLessThan(4000);
    },
  );

  it("ends every token of the session, and none of another device", async () => {
    const ann = await signedUp(apiUrl);
    const phone = deviceAt(apiUrl);
    await phone.client.signIn.email({ email: ann.email, password });
    const jwt = (await ann.client.token()).data?.token ?? "";
    const bearer = ann.bearer();
    await ann.client.signOut();
    await wait(2500);
    expect(await codeOf(await ann.startBy.token(jwt))).toBe("token_revoked");
    expect(await codeOf(await ann.startBy.token(bearer))).toBe("token_invalid");
    expect((await phone.startBy.jwt()).status).toBe(201);
    expect((await phone.startBy.cookie()).status).toBe(201);
  });

  it("of all devices from one of them stops the film on each", async () => {
    const ann = await signedUp(apiUrl);
    const phone = deviceAt(apiUrl);
    await phone.client.signIn.email({ email: ann.email, password });
    const { manifestUrl } = await opened(await phone.startBy.cookie());
    await ann.client.revokeSessions();
    expect(await refusedAfter(manifestUrl, "session_revoked")).toBeLessThan(4000);
  });
});

describe("a changed user", () => {
  it("is seen at once by who plays by cookie or session token", async () => {
    const ann = await signedUp(apiUrl);
    expect((await ann.startBy.cookie()).status).toBe(201);
    const change = (assets: string) =>
      database().then((d1) => d1.prepare("UPDATE user SET assets = ? WHERE email = ?").bind(assets, ann.email).run());
    await change("vod-fmp4");
    expect(await codeOf(await ann.startBy.cookie())).toBe("asset_forbidden");
    expect(await codeOf(await ann.startBy.bearer())).toBe("asset_forbidden");
    await change("vod-fmp4 vod-ts");
    expect((await ann.startBy.bearer()).status).toBe(201);
  });

  it("is seen in his next JWT", async () => {
    const ann = await signedUp(apiUrl);
    const d1 = await database();
    await d1.prepare("UPDATE user SET assets = 'vod-ts', streams = 1 WHERE email = ?").bind(ann.email).run();
    const claims = decodeJwt((await ann.client.token()).data?.token ?? "");
    expect(claims).toMatchObject({ assets: ["vod-ts"], streams: 1 });
    expect((await ann.startBy.jwt()).status).toBe(201);
    expect(await codeOf(await ann.startBy.jwt())).toBe("stream_limit");
  });
});

describe("the worker", () => {
  it("marks its migrations as wrangler does", async () => {
    const { results } = await (await database()).prepare("SELECT name FROM d1_migrations").all();
    expect(results).toEqual([{ name: "0001_identity.sql" }]);
  });

  it("writes no password, address or token into a log", async () => {
    const ann = await signedUp(apiUrl);
    const jwt = (await ann.client.token()).data?.token ?? "";
    await ann.client.signIn.email({ email: ann.email, password: wrongPassword });
    await ann.client.signOut();
    // The library's own lines come as ours do, structured and without what they were about.
    expect(log.filter((line) => !line.startsWith("{"))).toEqual([]);
    const lines = log.join("\n");
    for (const secret of [password, wrongPassword, ann.email, jwt, ann.bearer()]) expect(lines).not.toContain(secret);
  });
});
