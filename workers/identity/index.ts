import { DurableObject, waitUntil } from "cloudflare:workers";
import { ok, refuse } from "../../src/base/result.ts";
import { systemClock, systemMillisecondClock } from "../../src/base/time.ts";
import { readIdentityConfiguration } from "../../src/config/identity-configuration.ts";
import { logError } from "../../src/http/request-log.ts";
import { answerIdentity, notNow, turnOf } from "../../src/identity/answer-identity.ts";
import { endSignIns, endSignInsPath, sweepEnded } from "../../src/identity/end-sign-ins.ts";
import type { IdentityParts } from "../../src/identity/options.ts";
import { inTurn, type Turn } from "../../src/identity/refresh-tokens.ts";
import { seedIdentity } from "../../src/identity/seed.ts";
import { type EndedLogin, withEndedLogins } from "../../src/identity/sign-out.ts";
import type { Reporter } from "../../src/metrics/reporter.ts";
import {
  countedBy,
  isolateTelemetry,
  type TelemetryBindings,
} from "../../src/platform/cloudflare/isolate-telemetry.ts";
import { revocationLog } from "../../src/platform/cloudflare/revocation-log.ts";
import type { RevocationLog } from "../../src/platform/cloudflare/revocation-object.ts";
import { configuredBy, missingBindings } from "../../src/platform/cloudflare/worker-shell.ts";

interface Env extends TelemetryBindings<DurableObjectId> {
  readonly DB: D1Database;
  readonly REVOCATION_LOG: DurableObjectNamespace<RevocationLog>;
  readonly REFRESH_TURNS: DurableObjectNamespace<RefreshTurns>;
}

const worker = "identity";
const log = (line: string) => console.log(line);

const withParts = configuredBy(
  worker,
  readIdentityConfiguration,
  log,
  countedBy(worker, waitUntil),
  async (env: Env, settings) => {
    const { DB, REVOCATION_LOG, REFRESH_TURNS } = env;
    const missing = missingBindings({ DB, REVOCATION_LOG, REFRESH_TURNS });
    if (missing.length > 0) return refuse(missing);
    const { telemetry: count, reporter } = isolateTelemetry(worker, env);
    const parts: IdentityParts & { readonly reporter: Reporter } = {
      reporter,
      settings,
      database: DB,
      revocations: revocationLog({
        objects: REVOCATION_LOG,
        cache: undefined,
        mediaUrl: settings.apiUrl,
        clock: systemMillisecondClock,
        onSkipped: (skipped) => {
          for (let i = 0; i < skipped; i++) count({ event: "unlogged" });
        },
      }),
      telemetry: (event) => {
        // Somebody holds a copy of a viewer's token, or restored one from a backup: worth a line even where nobody counts.
        if (event.event === "reused") log(JSON.stringify({ worker, event: "reused" }));
        count(event);
      },
      clock: systemClock,
      onError: (error) => logError(log, worker, error),
      log: (level, message) => log(JSON.stringify({ worker, event: "library", level, message })),
    };
    return ok(parts);
  },
);

/** Whether this isolate has brought the configured clients into the database. */
let seeded = false;

async function answer(request: Request, parts: IdentityParts, turn?: Turn): Promise<Response> {
  try {
    if (new URL(request.url).pathname === endSignInsPath) return await endSignIns(request, parts);
    if (!seeded) await seedIdentity(parts);
    seeded = true;
    const ended: EndedLogin[] = [];
    const onEnded = (login: EndedLogin) => void ended.push(login);
    return withEndedLogins(await answerIdentity(request, { ...parts, onEnded, turn }), ended);
  } catch (error) {
    return broken(error);
  }
}

function broken(error: unknown): Response {
  logError(log, worker, error);
  return notNow();
}

/** Where the refreshes of one family take turns: only within an object may requests wait for each other. */
export class RefreshTurns extends DurableObject<Env> {
  readonly #turn = inTurn();

  answer(turn: Turn, request: Request): Promise<Response> {
    return this.#turn(() =>
      withParts(this.env, (parts) => {
        parts.reporter.reportIfDue((work) => this.ctx.waitUntil(work));
        return answer(request, parts, turn);
      }),
    );
  }
}

export default {
  fetch(request, env, context) {
    return withParts(env, async (parts) => {
      parts.reporter.linger((work) => context.waitUntil(work));
      try {
        const turn = await turnOf(request, parts);
        if (turn === undefined) return await answer(request, parts);
        return await env.REFRESH_TURNS.get(env.REFRESH_TURNS.idFromName(turn.family)).answer(turn, request);
      } catch (error) {
        return broken(error);
      }
    });
  },
  async scheduled(_controller, env) {
    await withParts(env, async (parts) => {
      await sweepEnded(parts);
      return new Response(null);
    });
  },
} satisfies ExportedHandler<Env>;
