import { signDevToken } from "../cli/lib/dev-keys.ts";
import type { TestCluster } from "../test/cluster/test-cluster.ts";

/** What the API answers to a start. */
export interface Session {
  readonly sessionId: string;
  readonly grant: string;
  readonly manifestUrl: string;
  readonly sessionExpiresAt: string;
}

/** The site of a customer: it holds a viewer's bearer token, and asks the API for streams. */
export class Viewer {
  readonly #cluster: TestCluster;
  readonly token: string;

  private constructor(cluster: TestCluster, token: string) {
    this.#cluster = cluster;
    this.token = token;
  }

  /** `streams` is how many streams the viewer may run at once; any number where it is left out. */
  static async of(cluster: TestCluster, subject: string, streams?: number): Promise<Viewer> {
    const claims = {
      subject,
      assets: "*",
      lifetimeSeconds: 3600,
      ...(streams === undefined ? {} : { streams }),
    } as const;
    return new Viewer(cluster, await signDevToken({ keys: cluster.keys }, claims));
  }

  /** Throws where the answer is not 201. */
  async start(asset: string, takeover = false): Promise<Session> {
    const response = await this.tryToStart(asset, takeover);
    if (response.status !== 201) throw new Error(`start answered ${response.status} ${await codeOf(response)}`);
    const { sessionId, grant, manifestUrl, sessionExpiresAt } = Object(await response.json());
    return { sessionId, grant, manifestUrl, sessionExpiresAt };
  }

  tryToStart(asset: string, takeover = false): Promise<Response> {
    return fetch(`${this.#cluster.apiUrl}/stream/start`, {
      method: "POST",
      headers: { Authorization: `Bearer ${this.token}`, "Content-Type": "application/json" },
      body: JSON.stringify({ asset, ...(takeover ? { takeover } : {}) }),
    });
  }

  /** Ends a session for good. Throws where the answer is no success. */
  async end({ sessionId, grant }: Session): Promise<void> {
    const response = await fetch(`${this.#cluster.apiUrl}/stream/${sessionId}`, {
      method: "DELETE",
      headers: { Authorization: `Bearer ${this.token}`, "CTA-Common-Access-Token": grant },
    });
    if (!response.ok) throw new Error(`ending answered ${response.status} ${await codeOf(response)}`);
  }
}

export async function codeOf(response: Response): Promise<string> {
  return String(Object(await response.json().catch(() => undefined)).code);
}
