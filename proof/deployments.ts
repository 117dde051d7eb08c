import { connect, createServer } from "node:net";
import { pipeline } from "node:stream";
import { freePort } from "../cli/lib/ports.ts";
import type { RingKey } from "../src/keys/key.ts";
import { nginxMissing, startNginx } from "../test/cluster/nginx.ts";
import { startTestCluster, type TestCluster } from "../test/cluster/test-cluster.ts";
import { startService } from "../test/conformance/node-service.ts";
import { type Files, seedFilms } from "./films.ts";

/** What a deployment is started with. */
interface DeploymentOptions {
  /** `http://localhost:<port>`, which players use: a proxy will listen there, and the service signs URLs for it. */
  readonly mediaUrl: string;
  readonly settings: Readonly<Record<string, string>>;
  readonly keys: readonly RingKey[];
  readonly films: Files;
}

/** A running deployment. */
interface ProofDeployment {
  readonly apiUrl: string;
  /** The port of its media host, behind the proxy. */
  readonly mediaPort: number;
  readonly stop: () => Promise<void>;
}

/** What the players can be tried with, and the scenarios that it has no streams for. */
export interface DeploymentKind {
  readonly title: string;
  /** Why it cannot run here; undefined if it can. */
  readonly missing: string | undefined;
  readonly without: readonly string[];
  readonly start: (options: DeploymentOptions) => Promise<ProofDeployment>;
}

/** The deployments of the proof, by the word of --deployment. */
export const deployments: Readonly<Record<"workers" | "nginx", DeploymentKind>> = {
  workers: {
    title: "the workers",
    missing: undefined,
    without: [],
    async start({ mediaUrl, settings, keys, films }) {
      const cluster = await startTestCluster({ ...settings, STAGEDOOR_MEDIA_URL: mediaUrl }, [], {}, keys);
      await seedFilms(cluster.miniflare, films);
      const addresses: TestCluster = cluster.addresses;
      return { apiUrl: addresses.apiUrl, mediaPort: Number(new URL(addresses.mediaUrl).port), stop: cluster.stop };
    },
  },
  nginx: {
    title: "nginx in front of `npx stagedoor serve`",
    missing: nginxMissing,
    // CloudFront fetches its files itself.
    without: ["cloudfront"],
    async start({ mediaUrl, settings, keys, films }) {
      // The service has another address of this machine, because its media host has the port that its URLs name.
      const [address, port] = ["127.0.0.2", await freePort()];
      const mediaPort = Number(new URL(mediaUrl).port);
      const service = await startService({ settings, keys, films, mediaPort, address });
      const globals = process.getuid?.() === 0 ? "user root;" : "";
      const nginx = await startNginx(service.folder, { port, mediaPort, mediaAddress: address, globals });
      const { api } = service.ports;
      // The browsers reach no other address of this machine than localhost.
      const forward = createServer((socket) => {
        const target = connect(api, address);
        pipeline(socket, target, socket, () => undefined);
      });
      await new Promise<void>((resolve) => forward.listen(api, "localhost", resolve));
      return {
        apiUrl: `http://localhost:${api}`,
        mediaPort: port,
        stop: async () => {
          forward.close();
          await nginx.stop();
          await service.stop();
        },
      };
    },
  },
};
