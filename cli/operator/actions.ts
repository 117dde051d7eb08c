import * as z from "zod";
import { type Command, failed, succeeded } from "../lib/command.ts";
import { callApi, operatorApiHelp, operatorApiOf, operatorApiOptions, parseResponse } from "../lib/operator-api.ts";
import { table } from "../lib/text.ts";

const responseSchema = z.object({
  actions: z.array(
    z.object({
      at: z.string(),
      operator: z.string(),
      through: z.string(),
      act: z.string(),
      kind: z.string(),
      target: z.string(),
      outcome: z.string(),
    }),
  ),
});

const path = "/operator/actions";

export const actionsCommand: Command = {
  name: "actions",
  summary: "list what operators did",
  operands: [],
  options: operatorApiOptions,
  help: `Lists the last 500 actions and attempts of operators from the API's route ${path}: revocations, changes of assets, look-ups of
viewers by e-mail. The log of the API has all of them. Times are UTC.

${operatorApiHelp("operator:read")}`,
  run: async (args) => {
    const api = await operatorApiOf(args, "operator:read");
    const response = await callApi(api, "GET", path);
    if (!response.ok) return failed(response.message, response.body);
    const { actions } = parseResponse(api, path, response.body, responseSchema);
    if (actions.length === 0) return succeeded("No operator did anything yet.", response.body);
    const rows = actions.map(({ at, operator, through, act, kind, target, outcome }) => [
      ...[at, operator, through, act, kind],
      ...[target === "" ? "-" : target, outcome],
    ]);
    return succeeded(
      table([["AT", "OPERATOR", "THROUGH", "ACT", "KIND", "TARGET", "OUTCOME"], ...rows]),
      response.body,
    );
  },
};
