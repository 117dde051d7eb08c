import { backendIssuers } from "../../../src/auth/backend-token.ts";
import { ok } from "../../../src/base/result.ts";
import { parseCatalog } from "../../../src/catalog/catalog.ts";
import { forbiddenBy } from "../../../src/sessions/revocation-snapshot.ts";
import type { SessionContext } from "../../../src/sessions/session-context.ts";
import { openGrant } from "../../../src/signing/grant.ts";
import { type BackendPair, backendToken, newBackendPair } from "../auth/backends.ts";
import { operatorToken } from "../auth/operators.ts";
import { newPair } from "../auth/tokens.ts";
import { asset } from "../sessions/session-service.ts";
import { now } from "../signing/session.ts";
import { api, sessionContext } from "./start.ts";

/** The address of the backend's own server. */
const serverAddress = "203.0.113.9";

const assets = [
  asset("film", { files: ["poster.jpg"] }),
  asset("film-2"),
  asset("at-home", { files: ["poster.jpg"], binding: { network: "prefix" } }),
  asset("one-browser", { binding: { userAgent: true } }),
  asset("german", { countries: { only: ["DE"] } }),
  asset("own-site", { origins: ["https://www.example.com"] }),
  asset("premium", { scope: "stream:premium" }),
];

type Body = Readonly<Record<string, unknown>>;

/** The code of a refusal, or else the status. */
export function codeOf({ status, body }: { readonly status: number; readonly body: { readonly code?: string } }) {
  return body.code ?? status;
}

/** The API with backends' keys and several assets. */
export async function backendStage(
  changes: Partial<SessionContext> = {},
  settings: Partial<SessionContext["settings"]> = {},
  more: readonly BackendPair[] = [],
) {
  const backends = await newBackendPair();
  const catalog = parseCatalog({ version: 1, assets });
  if (!catalog.ok) throw new Error("the test catalog is invalid");
  const { settings: usual } = await sessionContext([await newPair("ES256")]);
  const context = {
    backends: backendIssuers({ keys: [backends, ...more].map(({ key }) => key) }, () => now),
    catalog: async () => ok(catalog.value),
    settings: { ...usual, ...settings },
    ...changes,
  };
  const service = await api(context);
  const send = async (
    [method, path]: readonly [string, string],
    token: string,
    body?: Body,
    headers: Readonly<Record<string, string>> = {},
  ) => {
    const init = {
      method,
      headers: {
        Authorization: `Bearer ${token}`,
        "CF-Connecting-IP": serverAddress,
        "User-Agent": "undici",
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    };
    const response = await service.send(path, init);
    const text = await response.text();
    return { status: response.status, headers: response.headers, body: text === "" ? {} : Object(JSON.parse(text)) };
  };
  const credential = (claims: Body = {}, pair: BackendPair = backends) => backendToken(pair, claims);
  const start = async (viewer: unknown = { subject: "ann" }, more: Body = {}, claims: Body = {}, pair = backends) =>
    send(["POST", "/stream/start"], await credential(claims, pair), { asset: "film", viewer, ...more });
  return {
    ...service,
    raw: service.send,
    backends,
    credential,
    send,
    start,
    /** Shows, renews or ends a session as a backend, for a viewer. */
    on: async (
      route: "show" | "renew" | "end",
      sessionId: string,
      subject: string | undefined = "ann",
      claims: Body = {},
      viewer: Body = {},
      pair = backends,
    ) => {
      const token = await credential(claims, pair);
      if (route === "renew")
        return send(["POST", `/stream/${sessionId}/renew`], token, { viewer: { subject, ...viewer } });
      const headers = subject === undefined ? {} : { "Stagedoor-Subject": encodeURIComponent(subject) };
      return send([route === "show" ? "GET" : "DELETE", `/stream/${sessionId}`], token, undefined, headers);
    },
    revoke: async (body: Body) => send(["POST", "/operator/revocations"], await operatorToken(service.operators), body),
    grantOf: (text: string) => {
      const opened = openGrant(text, service.context.keys, now);
      if (!opened.ok) throw new Error(opened.refusal.code);
      return opened.value;
    },
    /** Whether the edge would refuse this grant as revoked. */
    isRevoked: async (text: string) => {
      const opened = openGrant(text, service.context.keys, now);
      const snapshot = await service.context.revocations.fresh();
      if (!opened.ok || !snapshot.ok) throw new Error("no grant or no log");
      return forbiddenBy(snapshot.value, opened.value, "film") !== undefined;
    },
  };
}
