import { describe, expect, it } from "vitest";
import { type Session, until, urlsOf } from "../cluster/viewer.ts";
import { bound, type Clients, type Current } from "./deployment.ts";
import { untilExpired } from "./renewing.ts";

/** Limits on streams and networks. */
export function limiting(current: Current, clients: Clients): void {
  const { viewer, get, untilRefused } = clients;

  /** Loads a session's URLs and returns them. */
  async function playedUrls(session: Session) {
    const urls = await urlsOf(session);
    const [playlist, segment] = await Promise.all([get(urls.playlist), get(urls.segment)]);
    expect(playlist.status).toBe(200);
    expect([200, 307]).toContain(segment.status);
    return urls;
  }

  describe("a limit on concurrent streams", () => {
    it("refuses the second start with 429, and names the first session", async () => {
      const ann = await viewer({ streams: 1 });
      const first = await ann.start();
      const second = await ann.tryStart({ asset: "vod-fmp4" });
      expect([second.status, second.code]).toEqual([429, "stream_limit"]);
      expect(Object(second.body).running).toEqual([
        {
          sessionId: first.sessionId,
          asset: "vod-ts",
          startedAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/),
          lastSeenAt: expect.stringMatching(/Z$/),
        },
      ]);
      expect((await ann.end(first)).status).toBe(204);
      expect((await ann.tryStart()).status).toBe(201);
    });

    it("gives way to a takeover: the oldest stream ends with stream_taken", async () => {
      const ann = await viewer({ streams: 1 });
      const old = await ann.start();
      const { manifest, segment } = await playedUrls(old);
      await untilExpired(clients, segment);
      const taker = await ann.start({ takeover: true });
      await Promise.all([manifest, segment].map((url) => untilRefused(url, "stream_taken")));
      expect((await ann.renew(old)).code).toBe("stream_taken");
      await playedUrls(taker);
    });

    it("ignores a stream that has been silent for its lease, and counts one that plays", async () => {
      const [silent, player] = [await viewer({ streams: 1 }), await viewer({ streams: 1 })];
      const { manifestUrl } = await silent.start();
      const { manifest } = await playedUrls(await player.start());
      const both = async () => {
        expect((await get(manifest)).status).toBe(200);
        return silent.tryStart();
      };
      await until(both, ({ status }) => status === 201, 500);
      expect((await player.tryStart()).code).toBe("stream_limit");
      // Its slot now belongs to another session. It can return only when a slot is free.
      await untilRefused(manifestUrl, "stream_taken");
    });

    it("is exact under 30 concurrent starts", async () => {
      const ann = await viewer({ streams: 3 });
      const responses = await Promise.all(Array.from({ length: 30 }, () => ann.tryStart()));
      const statuses = responses.map(({ status }) => status).sort();
      expect(statuses).toEqual([...Array(3).fill(201), ...Array(27).fill(429)]);
    });
  });

  describe("a shared manifest URL", () => {
    it("ends for everyone with the fourth concurrent network, even for a URL that is renewed by redirect", async () => {
      const ann = await viewer();
      const { manifest, segment } = await playedUrls(await ann.start());
      await untilExpired(clients, segment);
      // The viewer's own network is 127.0.0/24.
      const friends = ["192.0.2.1", "2001:db8:1::1"];
      for (const address of friends) expect((await get(manifest, address)).status).toBe(200);
      expect((await get(manifest, "192.0.2.200")).status).toBe(200);
      expect((await get(manifest, "203.0.113.1")).code).toBe("session_shared");
      for (const address of [undefined, ...friends, "203.0.113.1"]) {
        await untilRefused(manifest, "session_shared", address);
        await untilRefused(segment, "session_shared", address);
      }
    });

    it("ends nothing if only a segment's URL is shared, which is refused in further networks", async () => {
      const ann = await viewer();
      const { manifest, segment } = await playedUrls(await ann.start());
      const others = ["192.0.2.1", "198.51.100.1", "203.0.113.1", "2001:db8:2::1", "2001:db8:3::1"];
      const responses = await Promise.all(others.map((address) => get(segment, address)));
      expect(responses.filter(({ code }) => code === "session_shared")).toHaveLength(3);
      for (const url of [manifest, segment]) expect([200, 307]).toContain((await get(url)).status);
      // The viewer moves to another network, and their player loads the manifest URL there.
      expect((await get(manifest, "203.0.114.1")).status).toBe(200);
      expect([200, 307]).toContain((await get(segment, "203.0.114.1")).status);
      expect([200, 307]).toContain((await get(segment)).status);
    });
  });

  describe("a session that is bound to its network", () => {
    it("plays only in that network", async () => {
      const ann = await viewer({}, "198.51.100.7");
      const { manifestUrl } = await ann.start({ asset: bound });
      const { addressHeader } = current();
      const fetchThere = (url: string) => fetch(url, { headers: { [addressHeader]: "198.51.100.250" } });
      const uriIn = (text: string, base: string) =>
        new URL(text.split("\n").find((line) => line !== "" && !line.startsWith("#")) ?? "", base).href;
      let segment = manifestUrl;
      while (new URL(segment).pathname.endsWith(".m3u8"))
        segment = uriIn(await (await fetchThere(segment)).text(), segment);
      const there = await fetchThere(segment);
      await there.bytes();
      expect(there.status).toBe(200);
      for (const url of [manifestUrl, segment])
        for (const address of [undefined, "198.51.101.7", "2001:db8::1"]) {
          const refused = await get(url, address);
          expect([refused.status, refused.code]).toEqual([403, "binding_mismatch"]);
        }
    });
  });
}
