import { type FreshUrls, keepFresh, type Session } from "../../packages/player/keep-fresh.ts";
import type { HelperOptions } from "../player.ts";

/** Uses the helper as a site would: renews the session, and starts a new one if that is refused. */
export function helperFor(manifestUrl: string, options: HelperOptions): FreshUrls {
  const { margin, sessionId, sessionExpiresAt, apiUrl, token, asset } = options;
  let current: { sessionId: string; grant: string } = {
    sessionId,
    grant: new URL(manifestUrl).pathname.split("/")[1] ?? "",
  };
  const post = (path: string, headers: Readonly<Record<string, string>>, body?: object) =>
    fetch(`${apiUrl}/stream/${path}`, {
      method: "POST",
      headers: { Authorization: `Bearer ${token}`, ...headers },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  return keepFresh({
    manifestUrl,
    sessionExpiresAt,
    margin,
    async renew(): Promise<Session> {
      let response = await post(`${current.sessionId}/renew`, { "CTA-Common-Access-Token": current.grant });
      if (!response.ok) response = await post("start", { "Content-Type": "application/json" }, { asset });
      if (!response.ok) throw new Error(`the API returned ${response.status}`);
      const next = await response.json();
      current = next;
      return next;
    },
  });
}
