import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { newDevKeys, newIdentitySecret } from "../../cli/lib/dev-keys.ts";
import { freePort } from "../../cli/lib/ports.ts";
import { seed, startCluster } from "../../cli/local/cluster.ts";
import { operatorIssuer } from "../../src/auth/operator-token.ts";
import { devIssuer } from "../../src/config/configuration.ts";
import { keepLine } from "../cluster/kept-logs.ts";
import { operatorOf } from "../cluster/operator.ts";
import { startTestCluster } from "../cluster/test-cluster.ts";
import {
  answerOf,
  get,
  sessionOf,
  until,
  untilRefused,
  untilStartRefused,
  urlsOf,
  viewerOf,
} from "../cluster/viewer.ts";

let cluster: Awaited<ReturnType<typeof startTestCluster>>;
let operator: Awaited<ReturnType<typeof operatorOf>>;

beforeAll(async () => {
  cluster = await startTestCluster({});
  operator = await operatorOf(cluster.addresses, "ann");
});

afterAll(() => cluster.stop());

const subject = (name: string) => ({ subject: { issuer: devIssuer, subject: name } });

/** The id of a bearer token. */
function jtiOf(token: string): string {
  return Object(JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString())).jti;
}

// Concurrent, except the revocations that affect every viewer: each test has viewers of its own and mostly waits.
describe.concurrent("an operator's revocation", () => {
  it("is refused to a viewer, whatever scope their token has", async () => {
    const ann = await viewerOf(cluster.addresses, "ann", { scope: "stream:play operator:revoke" });
    const refused = await ann.revoke({ asset: "vod-ts" });
    expect([refused.status, refused.code]).toEqual([401, "token_invalid"]);
    expect((await ann.tryStart()).status).toBe(201);
  });

  it("is refused to an operator without the scope, and an operator's token starts no stream", async () => {
    const reader = await operatorOf(cluster.addresses, "bob", ["operator:read"]);
    const refused = await reader.revoke({ asset: "vod-ts" });
    expect([refused.status, refused.code]).toEqual([403, "scope_insufficient"]);
    const started = await answerOf(
      fetch(`${cluster.addresses.apiUrl}/stream/start`, {
        method: "POST",
        headers: { Authorization: `Bearer ${operator.token}` },
        body: '{"asset":"vod-ts"}',
      }),
    );
    expect([started.status, started.code]).toEqual([401, "token_invalid"]);
  });

  it("of an operator's token ends it, and it cannot lift its own revocation", async () => {
    const leaked = await operatorOf(cluster.addresses, "cat");
    const token = { token: { issuer: operatorIssuer, jti: jtiOf(leaked.token) } };
    expect((await operator.revoke(token)).status).toBe(201);
    const refused = await until(
      () => leaked.revoke({ token: { issuer: devIssuer, jti: "another" } }),
      ({ status }) => status !== 201,
    );
    expect([refused.status, refused.code]).toEqual([401, "token_revoked"]);
    expect((await leaked.revoke({ ...token, lift: true })).code).toBe("token_revoked");
  });

  it("of a subject ends their sessions and tokens until they sign in again", async () => {
    const [bob, ann] = [await viewerOf(cluster.addresses, "bob"), await viewerOf(cluster.addresses, "ann")];
    const [bobs, anns] = [await bob.start(), await ann.start()];
    expect((await get(bobs.manifestUrl)).status).toBe(200);
    expect((await operator.revoke(subject("bob"))).status).toBe(201);
    await untilRefused(bobs.manifestUrl, "session_revoked");
    await untilStartRefused(bob.tryStart, "token_revoked");
    expect((await bob.renew(bobs)).code).toBe("token_revoked");
    expect((await get(anns.manifestUrl)).status).toBe(200);
    // A token issued within the same seconds counts as issued before the revocation.
    const login = async () => {
      const again = await viewerOf(cluster.addresses, "bob");
      return { again, started: await again.tryStart() };
    };
    const { again, started } = await until(login, ({ started: { status } }) => status === 201, 500);
    expect((await get(sessionOf(started).manifestUrl)).status).toBe(200);
    // The old session stays ended, whatever token renews it.
    expect((await again.renew(bobs)).code).toBe("session_revoked");
  });

  it("of a token ends only the sessions that this token started", async () => {
    const [leaked, other] = [await viewerOf(cluster.addresses, "cat"), await viewerOf(cluster.addresses, "cat")];
    const [one, two] = [await leaked.start(), await other.start()];
    await operator.revoke({ token: { issuer: devIssuer, jti: jtiOf(leaked.token) } });
    await untilRefused(one.manifestUrl, "session_revoked");
    const refused = await untilStartRefused(leaked.tryStart, "token_revoked");
    expect([refused.status, (await other.tryStart()).status]).toEqual([401, 201]);
    expect((await get(two.manifestUrl)).status).toBe(200);
  });

  it("of a login ends its sessions, and a new sign-in on the device has the stream's slot at once", async () => {
    const signedIn = (login: string) => viewerOf(cluster.addresses, "dan", { login, streams: 1 });
    const [before, after] = [await signedIn("s-1"), await signedIn("s-2")];
    const session = await before.start();
    expect((await after.tryStart()).code).toBe("stream_limit");
    expect((await operator.revoke({ login: { issuer: devIssuer, sid: "s-1" } })).status).toBe(201);
    await untilRefused(session.manifestUrl, "session_revoked");
    expect((await untilStartRefused(before.tryStart, "token_revoked")).status).toBe(401);
    expect((await get((await after.start()).manifestUrl)).status).toBe(200);
  });

  it.each(["session", "subject", "token", "login"] as const)("of a %s ends its file URLs", async (kind) => {
    const name = `reader-${kind}`;
    const viewer = await viewerOf(cluster.addresses, name, { login: name });
    const other = await viewerOf(cluster.addresses, `${name}-2`, { login: `${name}-2` });
    const [poster, others] = [await viewer.openPoster(), await other.openPoster()];
    expect((await get(poster.url)).status).toBe(200);
    const body = {
      session: { session: poster.sessionId },
      subject: subject(name),
      token: { token: { issuer: devIssuer, jti: jtiOf(viewer.token) } },
      login: { login: { issuer: devIssuer, sid: name } },
    }[kind];
    expect((await operator.revoke(body)).status).toBe(201);
    await untilRefused(poster.url, "session_revoked");
    expect((await get(others.url)).status).toBe(200);
  });

  it("of an asset withdraws it until the revocation is lifted", async () => {
    const ann = await viewerOf(cluster.addresses, "ann");
    const [film, other] = [await ann.start({ asset: "vod-fmp4" }), await ann.start()];
    await operator.revoke({ asset: "vod-fmp4" });
    await untilRefused(film.manifestUrl, "session_revoked");
    const start = () => ann.tryStart({ asset: "vod-fmp4" });
    expect((await untilStartRefused(start, "asset_revoked")).status).toBe(403);
    expect((await get(other.manifestUrl)).status).toBe(200);
    await operator.revoke({ asset: "vod-fmp4", lift: true });
    await until(start, ({ status }) => status === 201, 500);
    await until(
      () => get(film.manifestUrl),
      ({ status }) => status === 200,
    );
  });
});

describe("a revocation that affects every viewer", () => {
  it("of a key ends every session that it signed, while that of a session ends only that one", async () => {
    const ann = await viewerOf(cluster.addresses, "ann");
    const [one, two, poster] = [await ann.start(), await ann.start(), await ann.openPoster()];
    await operator.revoke({ session: one.sessionId });
    await untilRefused(one.manifestUrl, "session_revoked");
    expect((await get(two.manifestUrl)).status).toBe(200);
    await operator.revoke({ key: "dev-session" });
    await untilRefused(two.manifestUrl, "session_revoked");
    await untilRefused(poster.url, "session_revoked");
    await until(ann.tryStart, ({ status }) => status === 500, 500);
    await operator.revoke({ key: "dev-session", lift: true });
    await until(ann.tryStart, ({ status }) => status === 201, 500);
  });
});

describe("a revocation of the asset of a file URL", () => {
  it("refuses the URL until it is lifted", async () => {
    const { url } = await (await viewerOf(cluster.addresses, "ann")).openPoster();
    await operator.revoke({ asset: "vod-ts" });
    await untilRefused(url, "session_revoked");
    await operator.revoke({ asset: "vod-ts", lift: true });
    await until(
      () => get(url),
      ({ status }) => status === 200,
    );
  });
});

describe("a blackout", () => {
  const from = async (country: string | undefined, url: string) =>
    (
      await answerOf(
        fetch(url, { redirect: "manual", headers: country === undefined ? {} : { "CF-IPCountry": country } }),
      )
    ).code ?? "served";

  it("refuses every request of a running session where the asset is blacked out or the place is unknown, and no other", async () => {
    const ann = await viewerOf(cluster.addresses, "ann");
    const session = await ann.start();
    const { playlist, segment } = await urlsOf(session);
    const { url: poster } = await ann.openPoster();
    const blackout = { asset: "vod-ts", places: ["JP", "US-CA"] };
    expect((await operator.revoke({ blackout })).status).toBe(201);
    await until(
      () => from("JP", segment),
      (code) => code !== "served",
    );
    for (const url of [playlist, segment, poster]) {
      expect(await from("JP", url)).toBe("place_not_allowed");
      expect(await from("US", url)).toBe("place_not_allowed");
      expect(await from(undefined, url)).toBe("place_not_allowed");
      expect(await from("FR", url)).toBe("served");
    }
    const other = await ann.start({ asset: "vod-fmp4" });
    expect(await from("JP", other.manifestUrl)).toBe("served");
    expect((await operator.revoke({ blackout: { asset: "vod-ts" }, lift: true })).status).toBe(201);
    await until(
      () => from("JP", segment),
      (code) => code === "served",
    );
  });
});

describe("a restart", () => {
  const statePath = mkdtempSync(join(tmpdir(), "stagedoor-state-"));
  afterAll(() => rmSync(statePath, { recursive: true, force: true }));

  it("keeps every revocation and every lease", async () => {
    const keys = await newDevKeys();
    const [port, mediaPort] = [await freePort(), await freePort()];
    const identitySecret = newIdentitySecret();
    const run = () =>
      startCluster({
        ...{ ring: { keys }, identitySecret, port, mediaPort, statePath, settings: {} },
        page: async () => {
          throw new Error("no test loads the page");
        },
        log: keepLine,
      });
    const before = await run();
    await seed(before.miniflare, { liveUrl: "http://localhost:1" });
    const addresses = { apiUrl: before.apiUrl, mediaUrl: before.mediaUrl, keys };
    const ann = await viewerOf(addresses, "ann", { streams: 2 });
    const [ended, running] = [await ann.start(), await ann.start()];
    expect((await ann.end(ended)).status).toBe(204);
    const operator = await operatorOf(addresses, "ann");
    expect((await operator.revoke({ asset: "vod-fmp4" })).status).toBe(201);
    await before.stop();

    const after = await run();
    try {
      expect((await get(ended.manifestUrl)).code).toBe("session_revoked");
      expect((await get(running.manifestUrl)).status).toBe(200);
      // The data centre's cache may serve an old snapshot for two seconds, and a start by it would use the last slot.
      const start = async () => {
        const started = await ann.tryStart({ asset: "vod-fmp4" });
        if (started.status === 201) await ann.end(sessionOf(started));
        return started;
      };
      await untilStartRefused(start, "asset_revoked");
      expect((await ann.tryStart()).status).toBe(201);
      expect((await ann.tryStart()).code).toBe("stream_limit");
    } finally {
      await after.stop();
    }
  });
});
