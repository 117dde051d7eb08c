import * as z from "zod";
import { ok, type Refusal, type Result } from "../base/result.ts";
import { rfc3339 } from "../base/time.ts";
import type { EditRefusal } from "../catalog/edit-catalog.ts";
import { enforcementModes, type Unenforced, unenforcedAmong } from "../catalog/enforcement.ts";
import type { RouteTable } from "../http/route.ts";
import { readBody } from "../sessions/request-body.ts";
import { fromStore } from "../sessions/session-context.ts";
import type { OperatorContext } from "./operator-context.ts";
import { type OperatorRoute, operatorRoute } from "./operator-route.ts";

/**
 * The assets whose protection is not enforced now. Empty if the catalog is unavailable: this is for lists and figures next to
 * others that say so.
 */
export async function unenforcedNow({
  catalog,
  settings,
  clock,
}: Pick<OperatorContext, "catalog" | "settings" | "clock">): Promise<readonly Unenforced[]> {
  const current = await catalog();
  return current.ok ? unenforcedAmong(current.value.assets(), settings.enforcement, clock()) : [];
}

export const unenforcedSchema = z
  .array(z.strictObject({ asset: z.string(), mode: z.enum(["observe", "off"]), until: z.iso.datetime() }))
  .describe("The assets whose protection is not enforced now, those that are off first.");

export function unenforcedJson(assets: readonly Unenforced[]): z.output<typeof unenforcedSchema> {
  return assets.map(({ asset, mode, until }) => ({ asset, mode, until: rfc3339(until) }));
}

const time = z.iso.datetime({ offset: true });

const bodySchema = z.strictObject({
  mode: z
    .enum(enforcementModes)
    .describe(
      "enforce: requests without a valid grant and signature are refused. observe: they are served and counted. off: for an " +
        "emergency.",
    ),
  until: time
    .optional()
    .describe(
      "When the asset is enforced again by itself. Required for observe and off; for off at most 24 hours from now.",
    ),
});

/**
 * Changes an asset's mode and leaves its other members. `asset_invalid`: `until` is missing or too late, or the asset is served by
 * CloudFront, which knows enforce only.
 */
async function setEnforcement(
  id: string,
  body: string,
  context: OperatorContext,
): Promise<Result<{ readonly asset: string; readonly enforcement: object }, EditRefusal | Refusal<"body_invalid">>> {
  const read = readBody(bodySchema, body, "body_invalid");
  if (!read.ok) return read;
  const { mode, until } = read.value;
  const enforcement = { mode, ...(mode !== "enforce" && { from: rfc3339(context.clock()), until }) };
  const response = await fromStore("the catalog object", context.catalogEditing.set(id, { enforcement }), context);
  if (!response.ok) return response;
  return response.value.ok ? ok({ asset: id, enforcement }) : response.value;
}

/** `PUT /operator/assets/:id/enforcement`. */
export const enforcementRoutes: RouteTable<OperatorRoute> = {
  "/operator/assets/:id/enforcement": {
    PUT: operatorRoute({
      id: "setEnforcement",
      tag: "Operators",
      summary: "Enforce an asset's protection, observe it, or turn it off for a time",
      description:
        "The workers use it within two minutes. `observe` and `off` end by themselves. In both, what an operator revoked stays " +
        "refused, and so do unknown assets, other paths and plain HTTP.",
      access: ["operator:assets"],
      parameters: [{ name: "id", in: "path", description: "The asset's id.", schema: { type: "string" } }],
      body: {
        name: "Enforcement",
        schema: bodySchema,
        example: { mode: "observe", until: "2026-12-08T00:00:00Z" },
      },
      response: {
        status: 200,
        description: "The asset's mode.",
        body: {
          name: "EnforcementChange",
          schema: z.strictObject({
            asset: z.string(),
            enforcement: z.strictObject({
              mode: z.enum(enforcementModes),
              from: z.iso.datetime().exactOptional(),
              until: z.iso.datetime({ offset: true }).exactOptional(),
            }),
          }),
        },
      },
      refusals: ["body_invalid", "asset_unknown", "asset_invalid", "store_unavailable"],
      assetAct: "enforcement",
      run: ({ id, body }, context) => setEnforcement(id, body, context),
    }),
  },
};
