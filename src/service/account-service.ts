import type { Clock } from "../base/time.ts";
import { systemClock } from "../base/time.ts";
import type { IdentityConfiguration } from "../config/identity-configuration.ts";
import { type Log, logError } from "../http/problem-response.ts";
import { answerIdentity, notNow, turnOf } from "../identity/answer-identity.ts";
import { endSignIns, findUser, sweepEnded } from "../identity/end-sign-ins.ts";
import type { IdentityBinding } from "../identity/identity-client.ts";
import type { IdentityParts } from "../identity/options.ts";
import type { Turn } from "../identity/refresh-tokens.ts";
import { seedIdentity } from "../identity/seed.ts";
import { type EndedLogin, endSignInsPath, findUserPath, withEndedLogins } from "../identity/service-messages.ts";
import type { Telemetry } from "../metrics/telemetry.ts";

/** The database of accounts, in a form that better-auth accepts. */
export type AccountDatabase = NonNullable<IdentityParts["database"]>;

/** What the identity service gets from its host. */
export interface AccountPorts {
  readonly database: AccountDatabase;
  readonly revocations: IdentityParts["revocations"];
  readonly telemetry: Telemetry;
  readonly log: Log;
  /**
   * Answers a request about a refresh token with {@link AccountService.answerInTurn}, when no other request of the
   * token's family is being answered by any isolate or process.
   */
  readonly takeTurn: (turn: Turn, request: Request) => Promise<Response>;
  readonly clock?: Clock;
}

/** The identity service, created once per isolate or process. The API reaches it by `fetch`; it has no public route. */
export interface AccountService extends IdentityBinding {
  /** Answers a request that has its turn. */
  answerInTurn(request: Request, turn: Turn): Promise<Response>;
  /** Deletes expired rows. Rejects if the database does not answer. */
  sweep(): Promise<void>;
}

const worker = "identity";

/** Users, sign-in sessions, JWTs and refresh tokens, by better-auth. A failure is answered 503. */
export function accountService(settings: IdentityConfiguration, ports: AccountPorts): AccountService {
  const { log, telemetry, takeTurn, clock = systemClock } = ports;
  const parts: IdentityParts = {
    settings,
    database: ports.database,
    revocations: ports.revocations,
    telemetry: (event) => {
      // A reused token is a copy, stolen or from a backup: worth a log line even without metrics.
      if (event.event === "reused") log(JSON.stringify({ worker, event: "reused" }));
      telemetry(event);
    },
    clock,
    onError: (error) => logError(log, worker, error),
    log: (level, message) => log(JSON.stringify({ worker, event: "library", level, message })),
  };
  /** Whether the configured clients were written to the database. */
  let seeded = false;

  const safely = async (work: () => Promise<Response>): Promise<Response> => {
    try {
      return await work();
    } catch (error) {
      logError(log, worker, error);
      return notNow();
    }
  };
  const answer = (request: Request, turn?: Turn) =>
    safely(async () => {
      const { pathname } = new URL(request.url);
      if (pathname === endSignInsPath) return endSignIns(request, parts);
      if (pathname === findUserPath) return findUser(request, parts);
      if (!seeded) await seedIdentity(parts);
      seeded = true;
      const ended: EndedLogin[] = [];
      const onEnded = (login: EndedLogin) => void ended.push(login);
      return withEndedLogins(await answerIdentity(request, { ...parts, onEnded, turn }), ended);
    });
  return {
    fetch: (request) =>
      safely(async () => {
        const turn = await turnOf(request, parts);
        return turn === undefined ? answer(request) : takeTurn(turn, request);
      }),
    answerInTurn: answer,
    sweep: () => sweepEnded(parts),
  };
}
