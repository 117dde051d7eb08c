import { describe, expect, it } from "vitest";
import { type Credential, decide } from "../../../src/auth/credential.ts";
import { in5Minutes } from "../signing/session.ts";

const catalog = new Map([
  ["film", { id: "film", scope: "stream:play" }],
  ["premiere", { id: "premiere", scope: "stream:premium" }],
]);

function decideFor(scope: string, assets: string, id: string) {
  const credential: Credential = {
    issuer: "https://id.example",
    subject: "viewer-1",
    scopes: new Set(scope.split(" ")),
    assets: assets === "*" ? "*" : new Set(assets.split(" ")),
    expiresAt: in5Minutes,
    issuedAt: undefined,
    tokenId: undefined,
    loginId: undefined,
    streams: undefined,
  };
  return decide(credential, id, catalog.get(id), "stream:play");
}

function outcome(scope: string, assets: string, id: string): string {
  const decision = decideFor(scope, assets, id);
  if (decision.ok) return `plays ${decision.value.id}`;
  const { refusal } = decision;
  return refusal.code === "scope_insufficient" ? `${refusal.code} ${refusal.scope}` : refusal.code;
}

describe("the access policy", () => {
  it.each([
    ["stream:play", "film", "film", "plays film"],
    ["stream:play", "*", "film", "plays film"],
    ["stream:premium", "premiere", "premiere", "plays premiere"],
    ["stream:play", "other film", "film", "plays film"],
    ["stream:play", "film", "premiere", "asset_forbidden"],
    ["stream:play", "", "film", "asset_forbidden"],
    ["stream:play", "fil", "film", "asset_forbidden"],
    ["stream:play", "FILM", "film", "asset_forbidden"],
    ["stream:play", "gone", "gone", "asset_unknown"],
    ["stream:play", "*", "gone", "asset_unknown"],
    ["stream:play", "premiere", "premiere", "scope_insufficient stream:premium"],
    ["", "film", "film", "scope_insufficient stream:play"],
    ["stream:plays", "film", "film", "scope_insufficient stream:play"],
    ["stream", "film", "film", "scope_insufficient stream:play"],
    ["stream:premium", "film", "film", "scope_insufficient stream:play"],
    ["stream:play", "__proto__", "__proto__", "asset_unknown"],
  ])("for a token with scope %j and assets %j, and a request for %j, decides: %s", (scope, assets, id, expected) => {
    expect(outcome(scope, assets, id)).toBe(expected);
  });

  it.each(["", "stream:play", "stream:premium", "stream:play stream:premium"])(
    "refuses a token with scope %j in the same way for an existing and a missing asset if it names neither",
    (scope) => {
      const decisions = ["film", "premiere", "gone"].map((id) => decideFor(scope, "other", id));
      expect(new Set(decisions.map((decision) => JSON.stringify(decision))).size).toBe(1);
    },
  );
});
