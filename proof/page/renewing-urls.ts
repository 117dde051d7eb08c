import { type FreshUrls, keepFresh, type Session } from "../../packages/player/keep-fresh.ts";
import type { HelperOptions } from "../player.ts";

/** The helper as a site would use it: a session is renewed, and where that is refused another one is started. */
export function helperFor(manifestUrl: string, options: HelperOptions): FreshUrls {
  const { margin, sessionId, sessionExpiresAt, apiUrl, token, asset } = options;
  let current: { sessionId: string; grant: string } = {
    sessionId,
    grant: new URL(manifestUrl).pathname.split("/")[1] ?? "",
  };
  const ask = (path: string, headers: Readonly<Record<string, string>>, body?: object) =>
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
      let answer = await ask(`${current.sessionId}/renew`, { "CTA-Common-Access-Token": current.grant });
      if (!answer.ok) answer = await ask("start", { "Content-Type": "application/json" }, { asset });
      if (!answer.ok) throw new Error(`the API answered ${answer.status}`);
      const next = await answer.json();
      current = next;
      return next;
    },
  });
}
