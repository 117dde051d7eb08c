import type { RefusalCode } from "../../base/refusal.ts";
import type { RevocationKind } from "../../sessions/revocation.ts";

/** Who acts as an operator, and from where. */
export interface Acting {
  /** The name in the operator's credential. */
  readonly operator: string;
  readonly through: "route" | "console";
}

/** What an operator did, or tried to, for the log: so that it stands somewhere who ended what. It holds no secret. */
export interface OperatorAct extends Acting {
  readonly act: "revoke" | "lift" | "put" | "remove";
  readonly kind: RevocationKind;
  /** A session's or an asset's id, or a kid; of a viewer, a token or a login a hash. */
  readonly id: string;
  /** `done`, or why it was not, or not as a whole. */
  readonly outcome: "done" | RefusalCode;
}
