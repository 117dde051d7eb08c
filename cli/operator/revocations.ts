import * as z from "zod";
import { maxListed } from "../../src/operator/list-sessions.ts";
import { revokedKinds } from "../../src/sessions/blackout.ts";
import { type Command, endInvalid, failed, succeeded } from "../lib/command.ts";
import { callApi, operatorApiHelp, operatorApiOf, operatorApiOptions, parseResponse } from "../lib/operator-api.ts";
import { table } from "../lib/text.ts";

const responseSchema = z.object({
  count: z.int(),
  revocations: z.array(
    z.object({
      kind: z.string(),
      value: z.string(),
      at: z.string(),
      until: z.string().nullable(),
      author: z.string().optional(),
      reason: z.string().optional(),
    }),
  ),
});

export const revocationsCommand: Command = {
  name: "revocations",
  summary: "list what operators have revoked, with author and reason",
  operands: [],
  options: { ...operatorApiOptions, kind: { type: "string" } },
  help: `Lists what operators have revoked and what is valid now, the last made first: its author, its reason,
and how long it lasts.
The data comes from the API's route /operator/revoked. Times are UTC. Viewers and tokens have digests of their names
(npx stagedoor viewer finds the revocation of a viewer by name). Undo one with

  npx stagedoor revoke --entry <kind>:<value> --lift

  --kind <kind>    only these: ${revokedKinds.join(", ")}
${operatorApiHelp("operator:read")}`,
  run: async (args) => {
    const kind = args.value("kind");
    if (kind !== undefined && !revokedKinds.some((one) => one === kind))
      endInvalid("kind", kind, revokedKinds.join(", "));
    const api = await operatorApiOf(args, "operator:read");
    const found: z.output<typeof responseSchema>["revocations"] = [];
    for (;;) {
      const query = new URLSearchParams({
        limit: String(maxListed),
        skip: String(found.length),
        ...(kind && { kind }),
      });
      const response = await callApi(api, "GET", `/operator/revoked?${query}`);
      if (!response.ok) return failed(response.message, response.body);
      const { count, revocations } = parseResponse(api, "/operator/revoked", response.body, responseSchema);
      found.push(...revocations);
      if (revocations.length === 0 || found.length >= count) break;
    }
    const json = { count: found.length, revocations: found };
    if (found.length === 0) return succeeded("Nothing is revoked by an operator.", json);
    const rows = found.map(({ kind: of, value, at, until, author, reason }) => [
      ...[at, until ?? "until lifted", author ?? "-", `${of}:${value}`, reason ?? "-"],
    ]);
    return succeeded(table([["SINCE", "UNTIL", "BY", "ENTRY", "REASON"], ...rows]), json);
  },
};
