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
const faults = (changes: object) => {
  const found = read(changes);
  return found.ok ? [] : found.refusal.map((fault) => /^[A-Z_]+/.exec(fault)?.[0]);
};

describe("the settings of an entitlement service", () => {
  it("are none where nothing decides but Stagedoor", () => {
    const found = read({});
    expect(found.ok && found.value.entitlement).toBeUndefined();
  });

  it("are its address, what it is sent, and how long its answer is kept", () => {
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
  ])("are named where they are wrong: %s", (setting, ...values) => {
    for (const value of values) {
      const found = faults({ ...service, [setting]: value });
      expect([value, new Set(found)]).toEqual([value, new Set([setting])]);
    }
  });

  it("quote no secret in a fault", () => {
    const found = read({ ...service, STAGEDOOR_ENTITLEMENT_SECRET: "MARKED SECRET" });
    expect(JSON.stringify(found)).not.toContain("MARKED");
    const inAddress = read({ STAGEDOOR_ENTITLEMENT_URL: "https://ann:MARKED@shop.example/" });
    expect(JSON.stringify(inAddress)).not.toContain("MARKED");
  });

  it("do nothing without an address, which is said", () => {
    expect(faults(secret)).toEqual(["STAGEDOOR_ENTITLEMENT_SECRET"]);
    expect(faults({ STAGEDOOR_ENTITLEMENT_CACHE: "10" })).toEqual(["STAGEDOOR_ENTITLEMENT_CACHE"]);
  });

  it("take a service on the machine itself in development alone", () => {
    const local = { STAGEDOOR_ENTITLEMENT_URL: "http://localhost:9000/may-play" };
    expect(faults({ ...local, STAGEDOOR_ENV: "development" })).toEqual([]);
    expect(faults(local)).toEqual(["STAGEDOOR_ENTITLEMENT_URL"]);
  });
});
