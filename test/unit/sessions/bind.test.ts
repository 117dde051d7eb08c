import { describe, expect, it } from "vitest";
import { parseCatalog } from "../../../src/catalog/catalog.ts";
import { checkMediaRequest } from "../../../src/edge/check-media-request.ts";
import { explainMediaUrl } from "../../../src/operator/explain/explain-url.ts";
import { bindTo, type Client, isBindingMet } from "../../../src/sessions/client-network.ts";
import { catalog, grantIssuer, grantOf, keyOf, now, preparedKeys, signedTarget } from "../signing/session.ts";

const firefox = "F".repeat(42).concat("A");
const chrome = "C".repeat(42).concat("A");

function client(address: string | undefined, userAgent = firefox): Client {
  return { address, userAgentHash: () => userAgent };
}

function assetBoundTo(binding: object | undefined) {
  const origin = { type: "r2", binding: "MEDIA", prefix: "film/" };
  const entry = { id: "film", origin, entry: "index.m3u8", ...(binding !== undefined && { binding }) };
  const parsed = parseCatalog({ version: 1, assets: [entry] });
  const asset = parsed.ok ? parsed.value.asset("film") : undefined;
  if (asset === undefined) throw new Error("the test catalog is invalid");
  return asset;
}

/** Whether another client can use a client's session. */
function isShared(binding: object, from: Client, by: Client): boolean {
  const bound = bindTo(assetBoundTo(binding), from);
  if (!bound.ok) throw new Error(bound.refusal.code);
  return isBindingMet(bound.value, by);
}

describe("a session bound to a network", () => {
  it.each([
    ["192.0.2.1", "192.0.2.254", true],
    ["192.0.2.1", "192.0.3.1", false],
    ["192.0.2.1", "::ffff:192.0.2.9", true],
    ["::ffff:c000:201", "192.0.2.9", true],
    ["::ffff:192.0.2.1", "::ffff:192.0.3.1", false],
    ["2001:db8:1:2::1", "2001:db8:1:ffff::9", true],
    ["2001:db8:1:2::1", "2001:db8:2:2::1", false],
    ["2001:DB8:1::1", "2001:0db8:0001:0000::2", true],
    ["192.0.2.1", "2001:db8::1", false],
    ["2001:db8::1", "192.0.2.1", false],
    // "::192.0.2.1" is an IPv6 address.
    ["192.0.2.1", "::192.0.2.1", false],
    ["0.0.0.1", "::1", false],
  ])("by prefix and started at %s is usable at %s: %s", (from, by, expected) => {
    expect(isShared({ network: "prefix" }, client(from), client(by))).toBe(expected);
  });

  it.each([
    ["192.0.2.1", "192.0.2.1", true],
    ["192.0.2.1", "::ffff:192.0.2.1", true],
    ["192.0.2.1", "192.0.2.2", false],
    ["2001:db8::1", "2001:db8:0:0:0:0:0:1", true],
    ["2001:db8::1", "2001:db8::2", false],
  ])("by exact address and started at %s is usable at %s: %s", (from, by, expected) => {
    expect(isShared({ network: "exact" }, client(from), client(by))).toBe(expected);
  });

  it.each(["prefix", "exact"])("(%s) is not usable without a valid address", (network) => {
    for (const by of [undefined, "", "192.0.2", "192.0.2.1, 192.0.2.1", "192.0.2.1:80", "[2001:db8::1]", "fe80::1%1"])
      expect(isShared({ network }, client("192.0.2.1"), client(by))).toBe(false);
  });

  it.each([undefined, "", "unknown", "192.0.2.01"])("cannot start from the address %j", (address) => {
    for (const network of ["prefix", "exact"]) {
      const bound = bindTo(assetBoundTo({ network, userAgent: true }), client(address));
      expect(bound.ok ? "bound" : bound.refusal.code).toBe("address_unknown");
    }
  });
});

describe("a session bound to a user agent", () => {
  it("is usable by that user agent in any network", () => {
    expect(isShared({ userAgent: true }, client("192.0.2.1"), client(undefined))).toBe(true);
    expect(isShared({ userAgent: true }, client("192.0.2.1"), client("192.0.2.1", chrome))).toBe(false);
  });

  it("and a network requires both", () => {
    const both = { network: "prefix", userAgent: true };
    expect(isShared(both, client("192.0.2.1"), client("192.0.2.2"))).toBe(true);
    expect(isShared(both, client("192.0.2.1"), client("192.0.2.2", chrome))).toBe(false);
    expect(isShared(both, client("192.0.2.1"), client("198.51.100.1"))).toBe(false);
  });
});

it("a session of an asset without bindings needs neither an address nor a user agent", () => {
  const unknown: Client = {
    address: undefined,
    userAgentHash: () => {
      throw new Error("unexpected hash of the user agent");
    },
  };
  expect(bindTo(assetBoundTo(undefined), unknown)).toEqual({ ok: true, value: {} });
  expect(isBindingMet({}, unknown)).toBe(true);
});

describe("a bound grant in a URL", async () => {
  const keys = await preparedKeys();
  const key = keyOf(keys, "2026-a");
  const bound = bindTo(assetBoundTo({ network: "prefix", userAgent: true }), client("192.0.2.1"));
  if (!bound.ok) throw new Error(bound.refusal.code);
  const grant = grantOf(key, bound.value);
  const context = { keys, catalog, grantIssuer, now };
  const targets = (["segment", "key", "playlist"] as const).map((purpose) =>
    signedTarget(key, { purpose, grant, path: "/film/a" }),
  );

  it.each(targets)("is refused elsewhere with binding_mismatch, for every kind of URL: %#", (target) => {
    const judge = (by: Client) => {
      const checked = checkMediaRequest(target, { ...context, client: by });
      return checked.verdict === "refused" ? checked.refusal.code : checked.verdict;
    };
    expect(judge(client("192.0.2.200"))).toBe("passed");
    expect(judge(client("192.0.3.1"))).toBe("binding_mismatch");
    expect(judge(client("192.0.2.1", chrome))).toBe("binding_mismatch");
    expect(judge(client(undefined))).toBe("binding_mismatch");
  });

  it("is explained with its bindings and without the hash of the user agent", () => {
    const { steps } = explainMediaUrl(targets[0] ?? "", { ...context, client: "anybody", renewal: "redirect" });
    expect(steps.find(({ part }) => part === "binding")).toEqual({
      part: "binding",
      state: "info",
      text: "bound to the network 192.0.2.0/24 and to one user agent: refused with 403 binding_mismatch elsewhere",
      code: undefined,
    });
    expect(JSON.stringify(steps)).not.toContain(firefox);
  });
});
