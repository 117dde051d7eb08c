import { unixSeconds } from "../../../src/base/time.ts";
import type { RingKey } from "../../../src/keys/key.ts";
import type { LiveSession } from "../../../src/metrics/gathered.ts";
import type { OperatorContext } from "../../../src/operator/operator-context.ts";
import { nodeSha256 } from "../../../src/platform/node/node-crypto.ts";
import { memoryCatalogEditing, memoryGathered } from "../../support/memory-stores.ts";
import { sessionService } from "../sessions/session-service.ts";
import { now, ringKeys } from "../signing/session.ts";

/** {@link sessionService} with the dependencies of operators' routes. */
export async function operatorStage(
  changes: Parameters<typeof sessionService>[0] & {
    readonly ring?: readonly RingKey[];
    readonly publicKeys?: OperatorContext["publicKeys"];
    readonly context?: Partial<OperatorContext>;
  } = {},
) {
  const stage = await sessionService(changes);
  const gathered = memoryGathered(() => stage.state.now);
  const editing = memoryCatalogEditing({ text: undefined }, nodeSha256);
  const context = (): OperatorContext => ({
    ...stage.context(),
    gathered,
    catalogEditing: editing,
    roots: [],
    ring: { keys: changes.ring ?? ringKeys },
    publicKeys: changes.publicKeys ?? (() => undefined),
    originSecrets: {},
    renewal: "redirect",
    ...changes.context,
  });
  return { ...stage, gathered, context };
}

/** A running session. */
export function live(sessionId: string, changes: Partial<LiveSession> = {}): LiveSession {
  return {
    sessionId,
    assetId: "film",
    subject: "subject-1",
    country: "DE",
    startedAt: now,
    seenAt: now,
    expiresAt: unixSeconds(now + 3600),
    ...changes,
  };
}
