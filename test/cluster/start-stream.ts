import { signDevToken } from "../../cli/lib/dev-keys.ts";
import type { TestCluster } from "./test-cluster.ts";

export interface Started {
  readonly sessionId: string;
  readonly manifestUrl: string;
  readonly manifestExpiresAt: string;
  readonly sessionExpiresAt: string;
}

/** A bearer token for all assets. Its viewer is new, since repeated starts of one viewer are throttled. */
export function tokenFor(
  cluster: TestCluster,
  claims: { readonly assets?: readonly string[] | "*"; readonly scope?: string } = {},
): Promise<string> {
  const subject = `viewer-${crypto.randomUUID()}`;
  return signDevToken({ keys: cluster.keys }, { subject, assets: "*", lifetimeSeconds: 900, ...claims });
}

/** Starts a stream as a player does. Throws unless the response is 201. */
export async function startStream(cluster: TestCluster, asset: string): Promise<Started> {
  const response = await fetch(`${cluster.apiUrl}/stream/start`, {
    method: "POST",
    headers: { Authorization: `Bearer ${await tokenFor(cluster)}`, "Content-Type": "application/json" },
    body: JSON.stringify({ asset }),
  });
  if (response.status !== 201) throw new Error(`start answered ${response.status}: ${await response.text()}`);
  const { sessionId, manifestUrl, manifestExpiresAt, sessionExpiresAt } = Object(await response.json());
  return { sessionId, manifestUrl, manifestExpiresAt, sessionExpiresAt };
}
