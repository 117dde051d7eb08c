import { mostListed, usuallyListed } from "../../operator/list-sessions.ts";
import { longestAsset } from "../../operator/manage-assets.ts";
import { longestQuestion } from "../../operator/operator-json.ts";
import { type DescribedParameter, type DescribedRoutes, operator } from "./description.ts";

const id: DescribedParameter = { name: "id", in: "path", description: "The asset's id.", schema: { type: "string" } };

function filter(name: string, description: string): DescribedParameter {
  return { name, in: "query", description, schema: { type: "string" } };
}

/** The routes of `operator/operator-routes.ts` below the base path. */
export const operatorRoutesDescribed: DescribedRoutes = {
  "/operator/sessions": {
    GET: {
      id: "listSessions",
      tag: "Operators",
      summary: "Show the sessions that run",
      description:
        "The sessions that hold a lease, the last seen first. What was revoked leaves the list within two seconds, but for " +
        "what a token, a login or a key had started: that does when its lease ends.",
      asks: ["operator:read"],
      parameters: [
        filter("asset", "An asset's id: its sessions alone."),
        filter("session", "A session's id: this one alone."),
        filter("subject", "The keyed hash of a viewer, as a refusal names it: his sessions alone."),
        {
          name: "limit",
          in: "query",
          description: "How many at most.",
          schema: { type: "integer", minimum: 1, maximum: mostListed, default: usuallyListed },
        },
      ],
      answer: { status: 200, description: "How many there are, and some of them.", schema: "LiveSessions" },
      refusals: operator,
    },
  },
  "/operator/refusals": {
    GET: {
      id: "listRefusals",
      tag: "Operators",
      summary: "Show what was refused",
      description: "Everything of the last hour by minute and code, and the last refusals one by one.",
      asks: ["operator:read"],
      parameters: [
        filter("request", "A Request-Id, as a viewer reads it off an answer: this refusal alone."),
        filter("subject", "The keyed hash of a viewer: those refusals of his that are kept."),
      ],
      answer: { status: 200, description: "The counts, and the last ones.", schema: "Refusals" },
      refusals: operator,
    },
  },
  "/operator/keys": {
    GET: {
      id: "listKeys",
      tag: "Operators",
      summary: "Show the keys",
      description: "The keys of the API's ring with their state and next step, and nothing of them that is secret.",
      asks: ["operator:read"],
      answer: { status: 200, description: "The keys.", schema: "Keys" },
      refusals: operator,
    },
  },
  "/operator/explain": {
    POST: {
      id: "explain",
      tag: "Operators",
      summary: "Explain a URL or a token",
      description:
        "What it grants and where it is refused, step by step, as `npx stagedoor explain` has it and with what only the " +
        "deployment knows: its keys and catalog, what was revoked, how the session stands.",
      asks: ["operator:read"],
      body: { schema: "Explain", example: { text: "https://media.example.com/<grant>/film-42/index.m3u8?list=..." } },
      longestBody: longestQuestion,
      answer: { status: 200, description: "An explanation, of a refusal too.", schema: "Explanation" },
      refusals: operator,
    },
  },
  "/operator/simulate": {
    POST: {
      id: "simulate",
      tag: "Operators",
      summary: "Try a start",
      description:
        "What a start with this credential would be answered, step by step, and nothing comes of it: nothing is counted, and " +
        "no place is taken.",
      asks: ["operator:read"],
      body: { schema: "Simulate", example: { credential: "<a viewer's token>", asset: "film-42", country: "DE" } },
      longestBody: longestQuestion,
      answer: { status: 200, description: "An explanation, of a refusal too.", schema: "Explanation" },
      refusals: operator,
    },
  },
  "/operator/assets": {
    GET: {
      id: "listAssets",
      tag: "Operators",
      summary: "Show the catalog",
      description:
        "The catalog as it is stored now, which the workers may not know yet. Secrets stand in it by the names of their " +
        "variables alone.",
      asks: ["operator:read"],
      answer: { status: 200, description: "The assets, and what is wrong with them.", schema: "AssetList" },
      refusals: operator,
    },
  },
  "/operator/assets/:id": {
    PUT: {
      id: "putAsset",
      tag: "Operators",
      summary: "Add or replace an asset",
      description:
        "The workers know of it within two minutes. Where it is refused, nothing was changed. An asset that stands in the " +
        "catalog as it is, with `replace=false` too, is answered with `unchanged`.",
      asks: ["operator:assets"],
      parameters: [
        id,
        {
          name: "replace",
          in: "query",
          description: "`false` takes it only where no other asset has the id.",
          schema: { type: "string", enum: ["true", "false"], default: "true" },
        },
      ],
      body: {
        schema: "Asset",
        example: {
          id: "film-42",
          origin: { type: "r2", binding: "MEDIA", prefix: "film-42/" },
          entry: "index.m3u8",
        },
      },
      longestBody: longestAsset,
      answer: { status: 200, description: "The asset, and what it was before.", schema: "AssetChange" },
      refusals: [...operator, "asset_invalid"],
    },
    DELETE: {
      id: "removeAsset",
      tag: "Operators",
      summary: "Remove an asset",
      description:
        "Its sessions are refused once the workers have read the catalog again, within two minutes. A revocation of the " +
        "asset ends them at once.",
      asks: ["operator:assets"],
      parameters: [id],
      answer: { status: 204, description: "It was removed." },
      refusals: [...operator, "asset_unknown", "asset_invalid"],
    },
  },
};
