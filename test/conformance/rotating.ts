import { randomBytes } from "node:crypto";
import { describe, expect, it } from "vitest";
import { systemClock } from "../../src/base/time.ts";
import { newSessionKey } from "../../src/keys/generate.ts";
import { activated, introduced } from "../../src/keys/rotation.ts";
import { until, urlsOf } from "../cluster/viewer.ts";
import { type Clients, type Current, sessionKid } from "./deployment.ts";
import { untilExpired } from "./renewing.ts";
import { signedTarget } from "./signed-target.ts";

/** A rotation of the session key. It affects every viewer, so it comes last. */
export function rotating(current: Current, clients: Clients): void {
  const { viewer, get, untilRefused, operator } = clients;
  const next = `${sessionKid}-2`;

  /** The kid is readable in the grant. */
  const kidOf = (grant: string) =>
    /suite-session(-2)?/.exec(Buffer.from(grant, "base64url").toString("latin1"))?.[0] ?? "none";

  describe("a rotation of the session key", () => {
    it("interrupts no session, and the old key can be revoked without the new one's sessions", async () => {
      const ann = await viewer();
      const [old, other] = [await ann.start(), await ann.start()];
      const { segment, playlist } = await urlsOf(old);
      expect(kidOf(old.grant)).toBe(sessionKid);
      const { keys, mediaUrl, deploy } = current();
      const waiting = introduced(keys, newSessionKey(next, randomBytes), "session", systemClock());
      await deploy(waiting);
      const early = mediaUrl + (await signedTarget(waiting, "/vod-ts/180p/0.ts", "segment", { kid: next }));
      await until(
        // A server that stops closes its connections.
        () => get(early).catch(() => undefined),
        (answer) => answer?.status === 200,
      );
      await deploy(activated(waiting, next, "session", systemClock()));
      const fresh = await until(ann.start, ({ grant }) => kidOf(grant) === next);
      await urlsOf(fresh);
      expect((await get(playlist)).status).toBe(200);
      await untilExpired(clients, segment);
      const followed = await fetch(segment);
      await followed.bytes();
      expect(followed.status).toBe(200);
      expect((await get(old.manifestUrl)).status).toBe(200);
      const renewed = await ann.renew(old);
      expect([renewed.status, kidOf(Object(renewed.body).grant)]).toEqual([200, next]);
      expect((await (await operator()).revoke({ key: sessionKid })).status).toBe(201);
      await untilRefused(other.manifestUrl, "session_revoked");
      expect((await get(fresh.manifestUrl)).status).toBe(200);
    });
  });
}
