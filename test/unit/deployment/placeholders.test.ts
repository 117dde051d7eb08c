import { describe, expect, it } from "vitest";
import { isPlaceholder, placeholders } from "../../../src/deployment/placeholders.ts";
import { placeholdersOf } from "../../../src/deployment/wrangler-config.ts";
import { deploymentWith } from "./example-config.ts";

describe("a placeholder", () => {
  it.each([
    "fill-in-staging-kv-id",
    "media.example.com",
    "https://api.staging.example.com",
    "example.org",
    "media.example.com/*",
    "https://www.acme.tv https://www.example.com https://m.acme.tv",
    "EXAMPLE.net:8443",
    "https://example.com?next=1",
    '[{"redirectUris":["https://app.example.com/back"]}]',
    "someone@example.com.",
  ])("is recognized: %s", (text) => expect(isPlaceholder(text)).toBe(true));

  it.each([
    "0123abcd",
    "media.acme.tv",
    "https://myexample.com",
    "my-example.com",
    "example.com.acme.tv",
    "example.community",
    "stagedoor-media",
  ])("is not %s", (text) => expect(isPlaceholder(text)).toBe(false));

  it("is every value that init writes for something that only the operator knows", () => {
    const { storeId, issuer, ...others } = placeholders;
    const { algorithms, ...members } = issuer;
    const values = [...Object.values({ ...others, ...members }), storeId("staging", "kv"), storeId("production", "d1")];
    expect(values.filter((value) => !isPlaceholder(value))).toEqual([]);
  });
});

describe("the placeholders of a deployment", () => {
  const environment = { domain: "acme.tv", kv: "fill-in-production-kv-id", d1: "fill-in-production-d1-id" };
  const membersOf = (members: object) =>
    placeholdersOf(deploymentWith(members), "production").map(({ member, isCreated }) => ({ member, isCreated }));

  it("say which of them deploy --create fills in", () => {
    const origins = { films: { type: "http", url: "https://origin.example.com/" } };
    expect(membersOf({ origins, environments: { production: environment } })).toEqual([
      { member: "origins.films.url", isCreated: false },
      { member: "environments.production.kv", isCreated: true },
      { member: "environments.production.d1", isCreated: true },
    ]);
  });

  it("are without those that the environment replaces", () => {
    const stores = { kv: "0".repeat(32), d1: "00000000-0000-0000-0000-000000000000" };
    const own = {
      origins: { films: { type: "http", url: "https://origin.acme.tv/" } },
      settings: { STAGEDOOR_ORIGINS: ["https://www.acme.tv"] },
    };
    expect(
      membersOf({
        origins: { films: { type: "http", url: "https://origin.example.com/" } },
        settings: { STAGEDOOR_ORIGINS: ["https://www.example.com"] },
        environments: { production: { ...environment, ...stores, ...own } },
      }),
    ).toEqual([]);
  });
});
