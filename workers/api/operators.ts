import { type CatalogObjects, catalogEditing } from "../../src/adapters/cloudflare/catalog-editing.ts";
import { ok, type Result } from "../../src/base/result.ts";
import type { Configuration } from "../../src/config/configuration.ts";
import type { OperatorContext } from "../../src/flows/operator/context.ts";
import type { SessionContext } from "../../src/flows/session/context.ts";
import { publicKeysOf } from "../../src/signing/cloudfront/key-ring.ts";
import type { Gathered } from "../../src/telemetry/gathered.ts";

/** What operators' routes and the console work with: all that sessions do, and what is theirs; or what is wrong with the ring. */
export async function operatorContext<Id>(
  context: SessionContext,
  { ring, renewal, originSecrets }: Pick<Configuration, "ring" | "renewal" | "originSecrets">,
  { gathered, catalogEdits }: { readonly gathered: Gathered; readonly catalogEdits: CatalogObjects<Id> },
): Promise<Result<OperatorContext, readonly string[]>> {
  const publicKeys = await publicKeysOf(ring, context.clock);
  if (!publicKeys.ok) return publicKeys;
  const own = {
    ...{ gathered, ring, renewal, originSecrets },
    publicKeys: publicKeys.value,
    catalogEditing: catalogEditing(catalogEdits),
  };
  return ok({ ...context, ...own });
}
