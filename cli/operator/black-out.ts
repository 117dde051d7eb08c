import { type Command, endMisused } from "../lib/command.ts";
import { operatorApiHelp, operatorApiOf, operatorApiOptions } from "../lib/operator-api.ts";
import { readFuture } from "../lib/text.ts";
import { sendRevocation } from "./revoke.ts";

export const assetsBlackoutCommand: Command = {
  name: "assets blackout",
  summary: "stop an asset in some places, running sessions included",
  operands: ["<id>"],
  options: {
    ...operatorApiOptions,
    region: { type: "string", multiple: true },
    asn: { type: "string", multiple: true },
    postal: { type: "string", multiple: true },
    until: { type: "string" },
    reason: { type: "string" },
    lift: { type: "boolean" },
  },
  help: `Blacks an asset out in some places: starts, renewals, playlists and segments are refused there (451 place_not_allowed),
for sessions that run as well, as fast as a revocation. A client whose place is not known well enough is refused too.

  --region <code>   a country or a region of ISO 3166: DE, US-CA; several times
  --asn <number>    a network: 64500; several times
  --postal <code>   the beginning of a country's postal codes: US/902; several times
  --until <time>    the end of the blackout: +3h, 2027-01-01T00:00:00Z. Without it, it lasts until --lift. To make it shorter,
                    lift it first
  --reason <text>   why, in one line; other operators see it with your name (npx stagedoor revocations)
  --lift            end the asset's blackout in these places; without places, everywhere
${operatorApiHelp("operator:revoke")}`,
  run: async (args) => {
    const [asset = ""] = args.operands;
    const networks = args.values("asn").map((number) => `AS${number.replace(/^AS/i, "")}`);
    const places = [...args.values("region"), ...networks, ...args.values("postal")].map((text) => text.toUpperCase());
    const [until, reason] = [args.value("until"), args.value("reason")];
    if (places.length === 0 && !args.flag("lift"))
      return endMisused("Name at least one place with --region, --asn or --postal.");
    return sendRevocation(await operatorApiOf(args, "operator:revoke"), {
      blackout: { asset, ...(places.length > 0 && { places }) },
      ...(until !== undefined && { until: readFuture("until", until) }),
      ...(reason !== undefined && { reason }),
      ...(args.flag("lift") && { lift: true }),
    });
  },
};
