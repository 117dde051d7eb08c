import type { CatalogEditing } from "../catalog/edit-catalog.ts";
import type { Configuration } from "../config/configuration.ts";
import type { Gathered } from "../metrics/gathered.ts";
import type { SessionContext } from "../sessions/session-context.ts";
import type { CloudFrontPublicKeys } from "../signing/cloudfront/verify-cloudfront.ts";

/**
 * The dependencies of operators' routes, in addition to those of sessions; made once per isolate. `ring` is the API's
 * part of the key ring and contains secrets: show only what `list-keys.ts` returns.
 */
export interface OperatorContext extends SessionContext, Pick<Configuration, "ring" | "originSecrets" | "renewal"> {
  readonly gathered: Gathered;
  readonly catalogEditing: CatalogEditing;
  /** The roots that assets of the type `file` may name; none on Workers. */
  readonly roots: readonly string[];
  /** CloudFront's public keys, for explanations. */
  readonly publicKeys: CloudFrontPublicKeys;
}
