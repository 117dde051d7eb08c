import { type UnixSeconds, unixSeconds } from "../../../src/base/time.ts";
import { consoleApp } from "../../../src/console/console.tsx";
import { consoleCookieName } from "../../../src/console/console-sign-in.ts";
import type { TelemetryEvent } from "../../../src/metrics/telemetry.ts";
import type { OperatorContext } from "../../../src/operator/operator-context.ts";
import { nodeSha256 } from "../../../src/platform/node/node-crypto.ts";
import type { OperatorAct, SessionContext } from "../../../src/sessions/session-context.ts";
import { memoryCatalogEditing, memoryGathered } from "../../support/memory-stores.ts";
import { requestIds, sessionContext } from "../api/start.ts";
import { newOperatorPair, operatorToken } from "../auth/operators.ts";
import { newPair, token } from "../auth/tokens.ts";
import { searchedLog } from "../http/searched-log.ts";
import { now, ringKeys } from "../signing/session.ts";

export const site = "https://api.example";

type Fields = Readonly<Record<string, string>>;

/** The console with in-memory stores, an operator's key and an issuer. */
export async function consoleStage(changes: { readonly settings?: Partial<SessionContext["settings"]> } = {}) {
  const state: { now: UnixSeconds } = { now };
  const clock = () => state.now;
  const operators = await newOperatorPair();
  const issuer = await newPair("ES256");
  const base = await sessionContext([issuer], clock, operators);
  const counted: TelemetryEvent[] = [];
  const acts: OperatorAct[] = [];
  const gathered = memoryGathered(clock);
  const { log, written } = searchedLog();
  const context: OperatorContext = {
    ...base,
    telemetry: (event) => counted.push(event),
    onAct: (act) => acts.push(act),
    settings: { ...base.settings, ...changes.settings },
    gathered,
    catalogEditing: memoryCatalogEditing({ text: undefined }, nodeSha256),
    roots: [],
    ring: { keys: [...ringKeys, operators.key] },
    publicKeys: () => undefined,
    originSecrets: {},
    renewal: "redirect",
  };
  const { telemetry } = context;
  const reporting = { worker: "api", log, telemetry, random: requestIds };
  const appOf = (operatorContext: OperatorContext) =>
    consoleApp(operatorContext, { reporting, sha256: nodeSha256, development: false });
  const runtime = { waitUntil: () => undefined, passThroughOnException: () => undefined, props: {} };
  const appFetch = async (request: Request) => appOf(context).fetch(request, {}, runtime);
  const send = async (path: string, init: RequestInit = {}, operatorContext = context): Promise<Response> =>
    appOf(operatorContext).fetch(new Request(site + path, { redirect: "manual", ...init }), {}, runtime);
  const post = (path: string, fields: Fields, headers: Fields = {}, operatorContext = context) =>
    send(
      path,
      { method: "POST", body: new URLSearchParams(fields), headers: { Origin: site, ...headers } },
      operatorContext,
    );
  const credential = (claims: Readonly<Record<string, unknown>> = {}) =>
    operatorToken(operators, { scope: "operator:read operator:revoke", exp: now + 86_400, ...claims });
  const signIn = async (claims: Readonly<Record<string, unknown>> = {}): Promise<string> => {
    const response = await post("/console/sign-in", { credential: await credential(claims) });
    if (response.status !== 303) throw new Error(`the sign-in response ${response.status}`);
    return cookieOf(response);
  };
  return {
    state,
    operators,
    issuer,
    context,
    gathered,
    counted,
    acts,
    written,
    send,
    appFetch,
    post,
    credential,
    signIn,
    viewerToken: (claims: Readonly<Record<string, unknown>> = {}) => token(issuer, { assets: "*", ...claims }),
    look: async (path: string, cookie: string, operatorContext = context) =>
      send(path, { headers: { Cookie: cookie } }, operatorContext),
    later: (by: number) => {
      state.now = unixSeconds(state.now + by);
    },
  };
}

/** `name=value` of the cookie that a response sets. */
export function cookieOf(response: Response): string {
  const [pair = ""] = response.headers.get("Set-Cookie")?.split(";") ?? [];
  if (!pair.startsWith(`${consoleCookieName}=`)) throw new Error("the response sets no console cookie");
  return pair;
}
