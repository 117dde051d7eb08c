import { describe, expect, it } from "vitest";
import { sessionOf, until, untilStartRefused, urlsOf } from "../cluster/viewer.ts";
import { type Clients, type Current, promise, withdrawn } from "./deployment.ts";
import { untilExpired } from "./renewing.ts";

/** The claims of a bearer token. */
function claimsOf(token: string): { readonly jti: string; readonly sub: string } {
  return Object(JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString()));
}

/** The end of sessions: by their viewer, and by an operator. */
export function revoking(current: Current, clients: Clients): void {
  const { viewer, get, untilRefused, operator } = clients;

  /**
   * Ends something, and expects that a request that is sent later than the promise is refused with `code`. Requests in between
   * may be accepted; the speed of the machine decides nothing.
   */
  async function endsWithinPromise(url: string, code: string, end: () => Promise<unknown>): Promise<void> {
    await end();
    const endedAt = performance.now();
    let lastServed = 0;
    await until(
      async () => {
        const sentAt = performance.now();
        const { status, code: refused } = await get(url);
        if (status < 400) lastServed = sentAt - endedAt;
        return refused;
      },
      (refused) => refused === code,
    );
    expect(lastServed).toBeLessThan(promise);
  }

  const subject = (name: string) => ({ subject: { issuer: current().issuer, subject: name } });
  const revoke = async (body: object) => expect((await (await operator()).revoke(body)).status).toBe(201);

  describe("the end of a session", () => {
    it("applies to its playlists, its segments and their renewal", async () => {
      const ann = await viewer();
      const session = await ann.start();
      const { manifest, playlist, segment } = await urlsOf(session);
      await untilExpired(clients, segment);
      await endsWithinPromise(segment, "session_revoked", () => ann.end(session));
      await Promise.all([manifest, playlist].map((url) => untilRefused(url, "session_revoked")));
      const renewed = await ann.renew(session);
      expect([renewed.status, renewed.code]).toEqual([403, "session_revoked"]);
      expect((await ann.show(session)).body).toMatchObject({ state: "revoked" });
    });

    it("applies to its renewed URLs as well", async () => {
      const ann = await viewer();
      const session = await ann.start();
      const renewed = sessionOf(await ann.renew(session));
      await ann.end(session);
      await untilRefused(renewed.manifestUrl, "session_revoked");
    });
  });

  describe("an operator's revocation", () => {
    it("is refused to a viewer", async () => {
      const refused = await (await viewer({ scope: "stream:play operator:revoke" })).revoke({ asset: withdrawn });
      expect([refused.status, refused.code]).toEqual([401, "token_invalid"]);
    });

    it("of a session ends it within the promise, and no other", async () => {
      const ann = await viewer();
      const [ended, other] = [await ann.start(), await ann.start()];
      const { segment } = await urlsOf(ended);
      await endsWithinPromise(segment, "session_revoked", () => revoke({ session: ended.sessionId }));
      expect((await get(other.manifestUrl)).status).toBe(200);
    });

    it("of a subject ends their sessions and tokens within the promise", async () => {
      const [bob, ann] = [await viewer(), await viewer()];
      const [bobs, anns] = [await bob.start(), await ann.start()];
      const { segment } = await urlsOf(bobs);
      await endsWithinPromise(segment, "session_revoked", () => revoke(subject(claimsOf(bob.token).sub)));
      await untilStartRefused(bob.tryStart, "token_revoked");
      expect((await bob.renew(bobs)).code).toBe("token_revoked");
      expect((await get(anns.manifestUrl)).status).toBe(200);
    });

    it("of a token ends the sessions that it started within the promise", async () => {
      const [leaked, other] = [await viewer(), await viewer()];
      const [one, two] = [await leaked.start(), await other.start()];
      const { jti } = claimsOf(leaked.token);
      const { segment } = await urlsOf(one);
      await endsWithinPromise(segment, "session_revoked", () => revoke({ token: { issuer: current().issuer, jti } }));
      expect((await untilStartRefused(leaked.tryStart, "token_revoked")).status).toBe(401);
      expect((await get(two.manifestUrl)).status).toBe(200);
    });

    it("of a subject ends their file URLs within the promise", async () => {
      const ann = await viewer();
      const { url } = await ann.openPoster();
      expect((await get(url)).status).toBe(200);
      await endsWithinPromise(url, "session_revoked", () => revoke(subject(claimsOf(ann.token).sub)));
    });

    it("of an asset withdraws it within the promise, until the revocation is lifted", async () => {
      const ann = await viewer();
      const [film, other] = [await ann.start({ asset: withdrawn }), await ann.start()];
      await endsWithinPromise(film.manifestUrl, "session_revoked", () => revoke({ asset: withdrawn }));
      const start = () => ann.tryStart({ asset: withdrawn });
      expect((await untilStartRefused(start, "asset_revoked")).status).toBe(403);
      expect((await get(other.manifestUrl)).status).toBe(200);
      await revoke({ asset: withdrawn, lift: true });
      await until(start, ({ status }) => status === 201, 500);
      await until(
        () => get(film.manifestUrl),
        ({ status }) => status === 200,
      );
    });
  });
}
