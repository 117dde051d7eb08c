import { rfc3339, systemClock, unixSeconds } from "../../src/base/time.ts";
import { enforcementModes } from "../../src/catalog/enforcement.ts";
import { type Args, type Command, endInvalid, endMisused, failed, type Outcome, succeeded } from "../lib/command.ts";
import { callApi, operatorApiOf } from "../lib/operator-api.ts";
import { readDuration, readTime } from "../lib/text.ts";
import { isLive, whichCatalogHelp, whichCatalogOptions } from "../lib/which-catalog.ts";
import { changeFile, propagationNote } from "./change-catalog.ts";

export const assetsEnforcementCommand: Command = {
  name: "assets enforcement",
  summary: "enforce an asset's protection, observe it, or turn it off for a time",
  operands: ["<id>", "<mode>"],
  options: { ...whichCatalogOptions, for: { type: "string" }, until: { type: "string" } },
  help: `Changes how strictly the edge applies an asset's protection, without a deploy:

  enforce   refuses requests without a valid grant and signature (the default)
  observe   serves them from the origin, and logs and counts them: for a rollout (docs/operate/rollout.md)
  off       as observe, also while the stores of sessions are down or a playlist cannot be rewritten: for an emergency

observe and off end by themselves. What an operator revoked stays refused in every mode.

  --for <time>      how long, such as 7d or 2h; off lasts for 24h at most
  --until <time>    until when instead, such as 2026-12-08T00:00:00Z

${whichCatalogHelp("operator:assets", "a catalog file instead; it has no effect until you upload it")}`,
  run: async (args) => {
    const [id = "", mode = ""] = args.operands;
    if (!enforcementModes.some((one) => one === mode)) endInvalid("mode", mode, enforcementModes.join(", "));
    const until = untilOf(args, mode);
    if (isLive(args)) return setLive(id, { mode, ...(until !== undefined && { until }) }, args);
    const from = rfc3339(systemClock());
    const members = { enforcement: { mode, ...(until !== undefined && { from, until }) } };
    return changeFile(args, { does: "set", id, members }, ({ where }) =>
      succeeded(told(id, mode, until, where), { asset: id, ...members }),
    );
  },
};

/** Undefined for enforce, which does not end. */
function untilOf(args: Args, mode: string): string | undefined {
  const [length, time] = [args.value("for"), args.value("until")];
  if (mode === "enforce")
    return length === undefined && time === undefined
      ? undefined
      : endMisused("enforce does not end: remove --for and --until.");
  if (length !== undefined && time !== undefined) return endMisused("Give only one of --for and --until.");
  if (length !== undefined) return rfc3339(unixSeconds(systemClock() + readDuration("for", length)));
  if (time !== undefined) return rfc3339(unixSeconds(readTime("until", time)));
  return endMisused(`${mode} ends by itself: say when with --for ${mode === "off" ? "2h" : "7d"} or --until.`);
}

async function setLive(
  id: string,
  body: { readonly mode: string; readonly until?: string },
  args: Args,
): Promise<Outcome> {
  const api = await operatorApiOf(args, "operator:assets");
  const response = await callApi(api, "PUT", `/operator/assets/${encodeURIComponent(id)}/enforcement`, body);
  if (!response.ok) return failed(response.message, response.body);
  return succeeded(`${told(id, body.mode, body.until, api.api)} ${propagationNote()}`, response.body);
}

function told(id: string, mode: string, until: string | undefined, where: string): string {
  return mode === "enforce" ? `${id} is enforced at ${where}.` : `${id} is in ${mode} at ${where} until ${until}.`;
}
