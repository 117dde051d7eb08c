import type { TextHash } from "../base/hash.ts";
import type { Client } from "../flows/client.ts";

/**
 * Who sends a request. Cloudflare writes CF-Connecting-IP over whatever a client sends under that name; on a development
 * machine nothing stands in front, and who sends none is the machine itself.
 */
export function clientOf({ headers }: Request, sha256: TextHash, development: boolean): Client {
  return {
    address: headers.get("CF-Connecting-IP") ?? (development ? "127.0.0.1" : undefined),
    userAgentHash: () => sha256(headers.get("User-Agent") ?? ""),
  };
}
