import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { secretsIn } from "../cluster/secrets.ts";
import { type Current, clientsOf, type Deployment } from "./deployment.ts";
import { limiting } from "./limiting.ts";
import { liveStreams } from "./live-streams.ts";
import { playing } from "./playing.ts";
import { refusing } from "./refusing.ts";
import { renewing } from "./renewing.ts";
import { revoking } from "./revoking.ts";
import { rotating } from "./rotating.ts";

/**
 * What every deployment of the service does over HTTP. No test asks what it runs on, so there is no deviation: one that is meant
 * becomes a member of {@link Deployment} with its reason, and a sentence in the page of that deployment.
 */
export function conformance(name: string, start: () => Promise<Deployment>): void {
  describe(name, () => {
    let deployment: Deployment | undefined;
    const current: Current = () => {
      if (deployment === undefined) throw new Error("the deployment has not started");
      return deployment;
    };
    beforeAll(async () => {
      deployment = await start();
    });
    afterAll(() => deployment?.stop());
    const clients = clientsOf(current);
    // Most tests wait for a time to pass, and each has viewers of its own.
    describe.concurrent("at any time", () => {
      playing(current, clients);
      liveStreams(clients);
      renewing(current, clients);
      limiting(current, clients);
      revoking(current, clients);
      refusing(current, clients);
    });
    rotating(current, clients);
    it("logs no token, grant or signature", () => {
      const text = current().log();
      for (const code of ["session_revoked", "session_shared", "stream_taken", "stream_limit", "binding_mismatch"])
        expect(text.includes(code), code).toBe(true);
      expect(secretsIn(text)).toEqual([]);
    });
  });
}
