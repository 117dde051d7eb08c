import { credentialOf } from "../../../src/auth/request-credential.ts";
import { ok, type Refusal, type Result } from "../../../src/base/result.ts";
import { systemTimer, type UnixSeconds, unixMilliseconds, unixSeconds } from "../../../src/base/time.ts";
import { parseCatalog } from "../../../src/catalog/catalog.ts";
import { noTelemetry, type TelemetryEvent } from "../../../src/metrics/telemetry.ts";
import type { Client } from "../../../src/sessions/client-network.ts";
import { openFiles } from "../../../src/sessions/open-files.ts";
import type { OpenedSession } from "../../../src/sessions/open-session.ts";
import { endSession, renewSession, showSession } from "../../../src/sessions/own-session.ts";
import type { LoggedRevocation, Revocation } from "../../../src/sessions/revocation.ts";
import { revoke } from "../../../src/sessions/revoke.ts";
import type { SessionContext, SessionRequest } from "../../../src/sessions/session-context.ts";
import { startStream } from "../../../src/sessions/start-stream.ts";
import { memoryRevocationLog, memoryStreams } from "../../support/memory-stores.ts";
import { heldToRoute } from "../api/described.ts";
import { freshRevocations, sessionContext } from "../api/start.ts";
import { newOperatorPair, type OperatorPair, operatorToken } from "../auth/operators.ts";
import { newPair, token } from "../auth/tokens.ts";
import { now } from "../signing/session.ts";

type Claims = Readonly<Record<string, unknown>>;
type Settings = SessionContext["settings"];

export const here: Client = { address: "192.0.2.7", userAgentHash: () => "A".repeat(43) };

function credentialRequest(authorization: string | undefined) {
  const headers = new Headers(authorization === undefined ? {} : { Authorization: authorization });
  return { method: "POST", url: "https://api.example/stream/start", headers, body: undefined };
}

/** The credential of a request with this Authorization header. */
export function presenting(authorization: string | undefined, context: SessionContext): SessionRequest["credential"] {
  return credentialOf(credentialRequest(authorization), context);
}

/** The default request to a route of a session. */
export const usualRequest: SessionRequest = {
  credential: credentialOf(credentialRequest(undefined), {
    issuers: [],
    clock: () => now,
    timer: systemTimer,
    site: { apiUrl: undefined, origins: [] },
    identity: undefined,
    proofs: { firstUse: async () => true },
    telemetry: noTelemetry,
  }),
  grant: undefined,
  subject: undefined,
  id: "",
  body: "",
  client: here,
  query: new URLSearchParams(),
  origin: undefined,
  country: undefined,
  onQuotaStatus: () => undefined,
  onViewer: () => undefined,
  waitUntil: () => undefined,
};

/** An asset in R2, with more fields. */
export function asset(id: string, fields: object = {}) {
  return { id, origin: { type: "r2", binding: "MEDIA", prefix: `${id}/` }, entry: "index.m3u8", ...fields };
}

/** The API's operations on sessions over stores in memory. A test can change the clock and take a store down. */
export async function sessionService(
  changes: {
    readonly assets?: readonly object[];
    readonly keys?: SessionContext["keys"];
    readonly edgeKeys?: SessionContext["edgeKeys"];
    readonly settings?: Partial<Settings>;
    readonly operators?: OperatorPair;
  } = {},
) {
  const state: { now: UnixSeconds; down: "streams" | "log" | undefined; keys: SessionContext["keys"] | undefined } = {
    now,
    down: undefined,
    keys: changes.keys,
  };
  const issuer = await newPair("ES256");
  const operators = changes.operators ?? (await newOperatorPair());
  const base = await sessionContext([issuer], () => state.now, operators);
  const catalog = parseCatalog({ version: 1, assets: changes.assets ?? [asset("film"), asset("film-2")] });
  if (!catalog.ok) throw new Error("the test catalog is invalid");
  const milli = () => unixMilliseconds(state.now * 1000);
  const inMemory = memoryRevocationLog(milli);
  const { streamsOf } = memoryStreams();
  /** The changes of the stores, in order. */
  const events: string[] = [];
  const failures: Refusal[] = [];
  /** The counted events, in order. */
  const counted: TelemetryEvent[] = [];
  const up = (store: "streams" | "log", event?: string) => {
    if (state.down === store) throw new Error("MARKED: the store is down");
    if (event !== undefined) events.push(event);
  };
  const log: SessionContext["log"] = {
    append: async (entries, by) => {
      up("log", `append ${entries.map(({ kind, cause }) => `${kind} ${cause}`).join(", ")}`);
      return inMemory.append(entries, by);
    },
    shorten: async (...shorten) => {
      up("log", "shorten");
      return inMemory.shorten(...shorten);
    },
    lift: async (kind, value) => {
      up("log");
      return inMemory.lift(kind, value);
    },
    since: async (...since) => {
      up("log");
      return inMemory.since(...since);
    },
  };
  const streams: SessionContext["streams"] = (subject, older) => {
    const subjectStreams = streamsOf(subject, older);
    return {
      claim: async (claim) => {
        up("streams", "claim");
        return subjectStreams.claim(claim);
      },
      take: async (...take) => {
        up("streams", "take");
        return subjectStreams.take(...take);
      },
      touch: async (touch) => {
        up("streams");
        return subjectStreams.touch(touch);
      },
      end: async (...end) => {
        up("streams", "end");
        return subjectStreams.end(...end);
      },
      endLogin: async (...ending) => {
        up("streams", "end login");
        return subjectStreams.endLogin(...ending);
      },
      isSignedOut: async (...login) => {
        up("streams");
        return subjectStreams.isSignedOut(...login);
      },
      show: async (...show) => {
        up("streams");
        return subjectStreams.show(...show);
      },
      running: async (...running) => {
        up("streams");
        return subjectStreams.running(...running);
      },
    };
  };
  const context = (): SessionContext => ({
    ...base,
    log,
    streams,
    keys: state.keys ?? base.keys,
    edgeKeys: changes.edgeKeys,
    revocations: freshRevocations(log, milli, changes.settings?.storeFailure),
    catalog: async () => ok(catalog.value),
    onFailure: (failure) => failures.push(failure),
    telemetry: (event) => counted.push(event),
    settings: { ...base.settings, ...changes.settings },
  });
  const bearer = async (claims: Claims) => `Bearer ${await token(issuer, { assets: "*", ...claims })}`;
  const requestFor = async (opened: Pick<OpenedSession, "sessionId" | "grant">, claims: Claims) => ({
    ...usualRequest,
    credential: presenting(await bearer(claims), context()),
    grant: opened.grant,
    id: opened.sessionId,
  });

  return {
    state,
    issuer,
    operators,
    events,
    failures,
    counted,
    streams,
    context,
    start: async (body: object = { asset: "film" }, claims: Claims = {}, client: Client = here) =>
      heldToRoute(
        "POST",
        "/stream/start",
        startStream(
          {
            ...usualRequest,
            credential: presenting(await bearer(claims), context()),
            body: JSON.stringify(body),
            client,
          },
          context(),
        ),
      ),
    files: async (body: unknown, claims: Claims = {}, more: Partial<SessionRequest> = {}) => {
      const credential = presenting(await bearer(claims), context());
      const request = { ...usualRequest, credential, body: JSON.stringify(body), ...more };
      return heldToRoute("POST", "/files", openFiles(request, context()));
    },
    renew: async (opened: OpenedSession, claims: Claims = {}, more: Partial<SessionRequest> = {}) =>
      heldToRoute(
        "POST",
        "/stream/:id/renew",
        renewSession({ ...(await requestFor(opened, claims)), ...more }, context()),
      ),
    show: async (opened: OpenedSession, claims: Claims = {}, more: Partial<SessionRequest> = {}) =>
      heldToRoute("GET", "/stream/:id", showSession({ ...(await requestFor(opened, claims)), ...more }, context())),
    end: async (opened: OpenedSession, claims: Claims = {}, more: Partial<SessionRequest> = {}) =>
      heldToRoute("DELETE", "/stream/:id", endSession({ ...(await requestFor(opened, claims)), ...more }, context())),
    revoke: async (body: unknown, claims: Claims = {}, authorization?: string) => {
      const operator = authorization ?? `Bearer ${await operatorToken(operators, claims)}`;
      const text = typeof body === "string" ? body : JSON.stringify(body);
      const request = { ...usualRequest, credential: presenting(operator, context()), body: text };
      return heldToRoute("POST", "/operator/revocations", revoke(request, context()));
    },
    /** All entries of the log, even while the log is down. */
    entries: async (): Promise<readonly Revocation[]> => (await inMemory.since(0)).entries,
    /** The same with their makers, last grants and subjects. */
    fullEntries: async (): Promise<readonly LoggedRevocation[]> => (await inMemory.since(0, "full")).entries,
    later: (by: number) => {
      state.now = unixSeconds(state.now + by);
    },
  };
}

export function opened<Value>(result: Result<Value, Refusal>): Value {
  if (!result.ok) throw new Error(`refused: ${result.refusal.code}: ${result.refusal.reason}`);
  return result.value;
}

/** The code of a refusal, or "ok". */
export function codeOf(result: Result<unknown, Refusal>): string {
  return result.ok ? "ok" : result.refusal.code;
}
