import { describe, expect, it } from "vitest";
import { readConfiguration } from "../../../src/config/configuration.ts";
import { sessionKey } from "../signing/session.ts";

const environment = {
  STAGEDOOR_KEYS: JSON.stringify({ keys: [sessionKey("2026-a", 1)] }),
  STAGEDOOR_MEDIA_URL: "https://media.example",
};
const service = { STAGEDOOR_ENTITLEMENT_URL: "https://shop.example/may-play?tenant=7" };
const secret = { STAGEDOOR_ENTITLEMENT_SECRET: "a-secret-of-the-service" };

const read = (changes: object) => readConfiguration({ ...environment, ...changes });
const faultsOf = (changes: object) => {
  const result = read(changes);
  return result.ok ? [] : result.refusal.map((fault) => /^[A-Z_]+/.exec(fault)?.[0]);
};

describe("the settings of an entitlement service", () => {
  it("are optional", () => {
    const result = read({});
    expect(result.ok && result.value.entitlement).toBeUndefined();
  });

  it("are its URL, its secret, and how long its answer is cached", () => {
    expect(read(service)).toMatchObject({
      value: { entitlement: { url: service.STAGEDOOR_ENTITLEMENT_URL, secret: undefined, cache: 10 } },
    });
    expect(read({ ...service, ...secret, STAGEDOOR_ENTITLEMENT_CACHE: "0" })).toMatchObject({
      value: { entitlement: { secret: secret.STAGEDOOR_ENTITLEMENT_SECRET, cache: 0 } },
    });
  });

  it.each([
    ["STAGEDOOR_ENTITLEMENT_URL", "", "shop.example", "ftp://shop.example", "http://shop.example"],
    ["STAGEDOOR_ENTITLEMENT_URL", "https://ann:word@shop.example/", "https://ann@shop.example/"],
    ["STAGEDOOR_ENTITLEMENT_SECRET", "", "short", "two words of a secret", "line\nline-line-line-line"],
    ["STAGEDOOR_ENTITLEMENT_CACHE", "-1", "61", "1.5", "ten"],
  ])("are reported if they are invalid: %s (%j)", (setting, ...values) => {
    for (const value of values) {
      const result = faultsOf({ ...service, [setting]: value });
      expect([value, new Set(result)]).toEqual([value, new Set([setting])]);
    }
  });

  it("never quote a secret in a fault", () => {
    const result = read({ ...service, STAGEDOOR_ENTITLEMENT_SECRET: "MARKED SECRET" });
    expect(JSON.stringify(result)).not.toContain("MARKED");
    const inUrl = read({ STAGEDOOR_ENTITLEMENT_URL: "https://ann:MARKED@shop.example/" });
    expect(JSON.stringify(inUrl)).not.toContain("MARKED");
  });

  it("are refused without the URL", () => {
    expect(faultsOf(secret)).toEqual(["STAGEDOOR_ENTITLEMENT_SECRET"]);
    expect(faultsOf({ STAGEDOOR_ENTITLEMENT_CACHE: "10" })).toEqual(["STAGEDOOR_ENTITLEMENT_CACHE"]);
  });

  it("accept a service on localhost only in development", () => {
    const local = { STAGEDOOR_ENTITLEMENT_URL: "http://localhost:9000/may-play" };
    expect(faultsOf({ ...local, STAGEDOOR_ENV: "development" })).toEqual([]);
    expect(faultsOf(local)).toEqual(["STAGEDOOR_ENTITLEMENT_URL"]);
  });
});
