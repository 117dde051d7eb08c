import { afterAll, beforeAll, describe } from "vitest";
import { type Current, clientsOf, type Deployment } from "./deployment.ts";
import { playing } from "./playing.ts";
import { refusing } from "./refusing.ts";

/** What every deployment of the service does over HTTP, whatever it runs on. */
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
    playing(current, clients);
    refusing(current, clients);
  });
}
