import { DurableObject, waitUntil } from "cloudflare:workers";
import { inTurn } from "../../src/base/concurrency.ts";
import { ok } from "../../src/base/result.ts";
import { systemClock, systemMillisecondClock } from "../../src/base/time.ts";
import { type IdentityConfiguration, readIdentityConfiguration } from "../../src/config/identity-configuration.ts";
import { logError } from "../../src/http/problem-response.ts";
import { answerIdentity, notNow, turnOf } from "../../src/identity/answer-identity.ts";
import { endSignIns, sweepEnded } from "../../src/identity/end-sign-ins.ts";
import type { IdentityParts } from "../../src/identity/options.ts";
import type { Turn } from "../../src/identity/refresh-tokens.ts";
import { seedIdentity } from "../../src/identity/seed.ts";
import { type EndedLogin, endSignInsPath, withEndedLogins } from "../../src/identity/service-messages.ts";
import type { TelemetryBindings } from "../../src/platform/cloudflare/isolate-telemetry.ts";
import type { RevocationLog } from "../../src/platform/cloudflare/session-objects.ts";
import { revocationLog } from "../../src/platform/cloudflare/session-stores.ts";
import { configuredWorker, type WorkerBasics } from "../../src/platform/cloudflare/worker-shell.ts";
import { countSkipped } from "../../src/service/host-ports.ts";

interface Env extends TelemetryBindings<DurableObjectId> {
  readonly DB: D1Database;
  readonly REVOCATION_LOG: DurableObjectNamespace<RevocationLog>;
  readonly REFRESH_TURNS: DurableObjectNamespace<RefreshTurns>;
}

const worker = "identity";

const withParts = configuredWorker(
  {
    worker,
    read: readIdentityConfiguration,
    bindings: ["DB", "REVOCATION_LOG", "REFRESH_TURNS"],
    wire: async (env: Env, settings: IdentityConfiguration, { telemetry, reporter, log }: WorkerBasics) => {
      const parts: IdentityParts & Pick<WorkerBasics, "reporter"> = {
        reporter,
        settings,
        database: env.DB,
        revocations: revocationLog({
          objects: env.REVOCATION_LOG,
          cache: undefined,
          mediaUrl: settings.apiUrl,
          clock: systemMillisecondClock,
          onSkipped: countSkipped(telemetry),
        }),
        telemetry: (event) => {
          // A reused token is a copy, stolen or from a backup: worth a log line even without metrics.
          if (event.event === "reused") log(JSON.stringify({ worker, event: "reused" }));
          telemetry(event);
        },
        clock: systemClock,
        onError: (error) => logError(log, worker, error),
        log: (level, message) => log(JSON.stringify({ worker, event: "library", level, message })),
      };
      return ok(parts);
    },
  },
  waitUntil,
);

/** Whether this isolate has written the configured clients to the database. */
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
    return unavailable(error);
  }
}

function unavailable(error: unknown): Response {
  logError((line) => console.log(line), worker, error);
  return notNow();
}

/**
 * Runs the refreshes of one token family one after another: only within a Durable Object can requests wait for each
 * other.
 */
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
        return unavailable(error);
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
