import type { CatalogEditing } from "../../catalog/catalog-editing.ts";
import type { OriginSecrets } from "../../catalog/origin-secrets.ts";
import type { KeyRing } from "../../keys/ring.ts";
import type { CloudFrontPublicKeys } from "../../signing/cloudfront/verify.ts";
import type { Gathered } from "../../telemetry/gathered.ts";
import type { SessionContext } from "../session/context.ts";

/** What operators' flows work with beside what sessions do, made once an isolate. */
export interface OperatorContext extends SessionContext {
  readonly gathered: Gathered;
  readonly catalogEditing: CatalogEditing;
  /** The API's own part of the ring. It holds session keys, so nothing but what `keys-now.ts` makes of it is shown. */
  readonly ring: KeyRing;
  /** The public halves of CloudFront's keys, for explanations. */
  readonly publicKeys: CloudFrontPublicKeys;
  /** To which hosts each secret of an origin may be sent, and how. */
  readonly originSecrets: OriginSecrets;
  /** As STAGEDOOR_RENEWAL. */
  readonly renewal: "redirect" | "off";
}
