import { describe, expect, it } from "vitest";
import { decide } from "../../../src/auth/access-policy.ts";
import type { Credential } from "../../../src/auth/credential.ts";
import { in5Minutes } from "../signing/session.ts";

const catalog = new Map([
  ["film", { id: "film", scope: "stream:play" }],
  ["premiere", { id: "premiere", scope: "stream:premium" }],
]);

function judge(scope: string, assets: string, id: string) {
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

function verdict(scope: string, assets: string, id: string): string {
  const decided = judge(scope, assets, id);
  if (decided.ok) return `plays ${decided.value.id}`;
  const { refusal } = decided;
  return refusal.code === "scope_insufficient" ? `${refusal.code} ${refusal.scope}` : refusal.code;
}

describe("decide", () => {
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
  ])("scope %j naming %j and asking for %j: %s", (scope, assets, id, expected) => {
    expect(verdict(scope, assets, id)).toBe(expected);
  });

  it.each(["", "stream:play", "stream:premium", "stream:play stream:premium"])(
    "answers alike, with scope %j, for what is in the catalog and what is not, where the token names neither",
    (scope) => {
      const answers = ["film", "premiere", "gone"].map((id) => judge(scope, "other", id));
      expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1);
    },
  );
});
