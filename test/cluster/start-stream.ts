import { signDevToken } from "../../cli/lib/dev-keys.ts";
import type { TestCluster } from "./test-cluster.ts";

export interface Started {
  readonly sessionId: string;
  readonly manifestUrl: string;
  readonly manifestExpiresAt: string;
  readonly sessionExpiresAt: string;
}

/** A bearer token that opens everything, of a viewer of its own: one who starts stream after stream is slowed down. */
export function tokenFor(
  cluster: TestCluster,
  claims: { readonly assets?: readonly string[] | "*"; readonly scope?: string } = {},
): Promise<string> {
  const subject = `viewer-${crypto.randomUUID()}`;
  return signDevToken({ keys: cluster.keys }, { subject, assets: "*", lifetimeSeconds: 900, ...claims });
}

/** Starts a stream as a player does, and throws where the answer is not 201. */
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
