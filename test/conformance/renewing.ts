import { describe, expect, it } from "vitest";
import { sessionOf, until, urlsOf } from "../cluster/viewer.ts";
import type { Clients, Current } from "./deployment.ts";
import { signedTarget } from "./signed-target.ts";

/** Waits until a segment's URL has expired, so that the response is a redirect. */
export async function untilExpired({ get }: Clients, url: string): Promise<void> {
  await until(
    () => get(url),
    ({ status }) => status === 307,
  );
}

/** URLs that expire in a pause, and sessions that are renewed. */
export function renewing(current: Current, clients: Clients): void {
  const { viewer, get } = clients;

  describe("an expired URL", () => {
    it("of a segment is redirected to a fresh one, which every viewer of the session may use", async () => {
      const { segment } = await urlsOf(await (await viewer()).start());
      await untilExpired(clients, segment);
      const renewed = await fetch(segment, { redirect: "manual" });
      await renewed.body?.cancel();
      const fresh = new URL(renewed.headers.get("Location") ?? "", segment);
      expect(fresh.pathname).toBe(new URL(segment).pathname);
      expect(fresh.href).not.toBe(segment);
      expect(renewed.headers.get("Access-Control-Allow-Origin")).toBe("*");
      // It lives for a second here, and is renewed again on a slow machine.
      const followed = await fetch(fresh);
      await followed.bytes();
      expect(followed.status).toBe(200);
      // Players follow the redirect with their Range header.
      const part = await fetch(segment, { headers: { Range: "bytes=0-9" } });
      expect([part.status, (await part.bytes()).length]).toEqual([206, 10]);
    });

    it("that was changed is not renewed", async () => {
      const { segment } = await urlsOf(await (await viewer()).start());
      await untilExpired(clients, segment);
      const refused = await get(segment.replace(/.$/, (last) => (last === "A" ? "Q" : "A")));
      expect([refused.status, refused.code]).toEqual([403, "signature_invalid"]);
    });

    it("is renewed for each kind of file that no playlist is reloaded for", async () => {
      const { keys, mediaUrl } = current();
      for (const [path, purpose] of [
        ["/vod-fmp4/180p/film.mp4", "segment"],
        ["/vod-single/5.ts", "segment"],
        ["/vod-tracks/subs-en/0.vtt", "segment"],
        ["/vod-aes/keys/0.key", "key"],
      ] as const) {
        const prefix = path.slice(0, path.indexOf("/", 1) + 1);
        const target = await signedTarget(keys, path, purpose, { urlEnds: -60, prefix, bound: purpose === "key" });
        expect([path, (await get(mediaUrl + target)).status]).toEqual([path, 307]);
        const followed = await fetch(mediaUrl + target);
        await followed.bytes();
        expect([path, followed.status]).toEqual([path, 200]);
      }
    });
  });

  describe("a renewal", () => {
    it("returns a new grant and manifest URL of the same session, while the old ones stay valid", async () => {
      const ann = await viewer();
      const session = await ann.start();
      // Within the second of the start, the renewed grant would be the same.
      const renewed = await until(
        async () => sessionOf(await ann.renew(session)),
        ({ grant }) => grant !== session.grant,
      );
      expect(renewed.sessionId).toBe(session.sessionId);
      for (const { manifestUrl } of [session, renewed]) expect((await get(manifestUrl)).status).toBe(200);
      expect((await ann.show(renewed)).body).toMatchObject({ state: "running", sessionId: session.sessionId });
    });

    it("is refused without the viewer's own bearer token", async () => {
      const [ann, eve] = [await viewer(), await viewer()];
      const session = await ann.start();
      expect([(await eve.end(session)).code, (await eve.renew(session)).code]).toEqual([
        "session_forbidden",
        "session_forbidden",
      ]);
      expect((await ann.end({ ...session, grant: (await ann.start()).grant })).code).toBe("session_unknown");
      expect((await get(session.manifestUrl)).status).toBe(200);
    });
  });
}
