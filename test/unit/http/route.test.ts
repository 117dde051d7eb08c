import { expect, it } from "vitest";
import { ok, type Refusal, type Result, refusal } from "../../../src/base/result.ts";
import { type RouteDescription, route } from "../../../src/http/route.ts";

const described = {
  id: "removeAsset",
  tag: "Operators",
  summary: "Remove an asset",
  description: "Removes it.",
  access: ["operator:assets"],
  response: { status: 204, description: "It was removed." },
} as const satisfies Omit<RouteDescription, "refusals">;

async function removeAsset(): Promise<Result<undefined, Refusal<"asset_unknown" | "asset_invalid">>> {
  return refusal("asset_unknown", "the catalog has no such asset");
}

it("lists a route's own codes and those that every handler shares", () => {
  const { refusals } = route({ ...described, refusals: ["asset_unknown", "asset_invalid"], handler: removeAsset });
  expect(refusals.slice(-2)).toEqual(["asset_unknown", "asset_invalid"]);
  expect(refusals).toContain("token_missing");
});

it("does not compile if the list lacks a code of the handler", () => {
  // @ts-expect-error: asset_invalid
  route({ ...described, refusals: ["asset_unknown"], handler: removeAsset });
});

it("does not compile if the list has a code that the handler never refuses with", () => {
  // @ts-expect-error: stream_limit
  route({ ...described, refusals: ["asset_unknown", "asset_invalid", "stream_limit"], handler: removeAsset });
});

it("compiles without the codes that every route shares", () => {
  const shared = async (): Promise<Result<undefined, Refusal<"internal_error" | "body_invalid">>> => ok(undefined);
  expect(route({ ...described, refusals: [], handler: shared }).id).toBe("removeAsset");
});
