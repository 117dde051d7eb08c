/** The calls of a web backend to Stagedoor's API. Copy this file into your backend. */
const api = process.env.STAGEDOOR_API ?? "http://localhost:8787";

/** A refusal: `code` is stable, `faults` name the members of the request that are wrong. */
export class StreamRefused extends Error {
  constructor(status, { code = "no_answer", detail = "The API did not answer as documented.", faults = [] }) {
    super([code, ...(faults.length > 0 ? faults : [detail])].join(" "));
    this.status = status;
    this.code = code;
  }
}

/**
 * Starts a stream: `{ sessionId, manifestUrl, sessionExpiresAt }`.
 *
 * @param viewer `{ subject, address?, country?, userAgent?, origin?, streams?, assets? }`
 */
export async function startStream(asset, viewer) {
  const { sessionId, manifestUrl, sessionExpiresAt } = await send("POST", "/stream/start", { body: { asset, viewer } });
  return { sessionId, manifestUrl, sessionExpiresAt };
}

/** The state of a stream: `{ state: "running" | "idle" | "revoked" | …, asset, … }`. */
export function showStream(sessionId, subject) {
  return send("GET", `/stream/${sessionId}`, { subject });
}

/** Continues a stream with a fresh manifest URL and a later expiry. The viewer is named as at its start. */
export function renewStream(sessionId, viewer) {
  return send("POST", `/stream/${sessionId}/renew`, { body: { viewer } });
}

/** Ends a stream within two seconds. Ending it twice is no error. */
export async function endStream(sessionId, subject) {
  await send("DELETE", `/stream/${sessionId}`, { subject });
}

async function send(method, path, { body, subject }) {
  const response = await fetch(api + path, {
    method,
    headers: {
      Authorization: `Bearer ${process.env.STAGEDOOR_CREDENTIAL}`,
      "Content-Type": "application/json",
      ...(subject !== undefined && { "Stagedoor-Subject": encodeURIComponent(subject) }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(10_000),
  });
  const answer = response.status === 204 ? {} : await response.json().catch(() => ({}));
  if (!response.ok) throw new StreamRefused(response.status, answer);
  return answer;
}
