import { DurableObject, waitUntil } from "cloudflare:workers";
import { inTurn } from "../../src/base/concurrency.ts";
import { ok } from "../../src/base/result.ts";
import { systemMillisecondClock } from "../../src/base/time.ts";
import { type IdentityConfiguration, readIdentityConfiguration } from "../../src/config/identity-configuration.ts";
import type { Turn } from "../../src/identity/refresh-tokens.ts";
import type { TelemetryBindings } from "../../src/platform/cloudflare/isolate-telemetry.ts";
import type { RevocationLog } from "../../src/platform/cloudflare/session-objects.ts";
import { revocationLog } from "../../src/platform/cloudflare/session-stores.ts";
import { configuredWorker, type WorkerBasics } from "../../src/platform/cloudflare/worker-shell.ts";
import { accountService } from "../../src/service/account-service.ts";
import { countSkipped } from "../../src/service/host-ports.ts";

interface Env extends TelemetryBindings<DurableObjectId> {
  readonly DB: D1Database;
  readonly REVOCATION_LOG: DurableObjectNamespace<RevocationLog>;
  readonly REFRESH_TURNS: DurableObjectNamespace<RefreshTurns>;
}

const withAccounts = configuredWorker(
  {
    worker: "identity",
    read: readIdentityConfiguration,
    bindings: ["DB", "REVOCATION_LOG", "REFRESH_TURNS"],
    wire: async (env: Env, settings: IdentityConfiguration, { telemetry, reporter, log }: WorkerBasics) => {
      const accounts = accountService(settings, {
        database: env.DB,
        revocations: revocationLog({
          objects: env.REVOCATION_LOG,
          cache: undefined,
          mediaUrl: settings.apiUrl,
          clock: systemMillisecondClock,
          onSkipped: countSkipped(telemetry),
        }),
        telemetry,
        log,
        takeTurn: (turn, request) =>
          env.REFRESH_TURNS.get(env.REFRESH_TURNS.idFromName(turn.family)).answer(turn, request),
      });
      return ok({ accounts, reporter });
    },
  },
  waitUntil,
);

/**
 * Runs the refreshes of one token family one after another: only within a Durable Object can requests wait for each
 * other.
 */
export class RefreshTurns extends DurableObject<Env> {
  readonly #turn = inTurn();

  answer(turn: Turn, request: Request): Promise<Response> {
    return this.#turn(() =>
      withAccounts(this.env, ({ accounts, reporter }) => {
        reporter.reportIfDue((work) => this.ctx.waitUntil(work));
        return accounts.answerInTurn(request, turn);
      }),
    );
  }
}

export default {
  fetch(request, env, context) {
    return withAccounts(env, ({ accounts, reporter }) => {
      reporter.linger((work) => context.waitUntil(work));
      return accounts.fetch(request);
    });
  },
  async scheduled(_controller, env) {
    await withAccounts(env, async ({ accounts }) => {
      await accounts.sweep();
      return new Response(null);
    });
  },
} satisfies ExportedHandler<Env>;
