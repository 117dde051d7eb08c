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
  if (asset === undefined) throw new Error("the catalog of these tests is faulty");
  return asset;
}

/** Whether what one client has started may be used by another. */
function shared(binding: object, from: Client, by: Client): boolean {
  const bound = bindTo(assetBoundTo(binding), from);
  if (!bound.ok) throw new Error(bound.refusal.code);
  return isBindingMet(bound.value, by);
}

describe("a session of an asset that binds to the network", () => {
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
    // What is four zero groups and an address is no IPv4 address, however it looks.
    ["192.0.2.1", "::192.0.2.1", false],
    ["0.0.0.1", "::1", false],
  ])("prefix: begun at %s, it is %s's too: %s", (from, by, holds) => {
    expect(shared({ network: "prefix" }, client(from), client(by))).toBe(holds);
  });

  it.each([
    ["192.0.2.1", "192.0.2.1", true],
    ["192.0.2.1", "::ffff:192.0.2.1", true],
    ["192.0.2.1", "192.0.2.2", false],
    ["2001:db8::1", "2001:db8:0:0:0:0:0:1", true],
    ["2001:db8::1", "2001:db8::2", false],
  ])("exact: begun at %s, it is %s's too: %s", (from, by, holds) => {
    expect(shared({ network: "exact" }, client(from), client(by))).toBe(holds);
  });

  it.each(["prefix", "exact"])("%s: opens nothing for who has no address, or one that nobody can read", (network) => {
    for (const by of [undefined, "", "192.0.2", "192.0.2.1, 192.0.2.1", "192.0.2.1:80", "[2001:db8::1]", "fe80::1%1"])
      expect(shared({ network }, client("192.0.2.1"), client(by))).toBe(false);
  });

  it.each([undefined, "", "unknown", "192.0.2.01"])("is not begun from the address %j: address_unknown", (address) => {
    for (const network of ["prefix", "exact"]) {
      const bound = bindTo(assetBoundTo({ network, userAgent: true }), client(address));
      expect(bound.ok ? "bound" : bound.refusal.code).toBe("address_unknown");
    }
  });
});

describe("a session of an asset that binds to the user agent", () => {
  it("is for that one, in any network", () => {
    expect(shared({ userAgent: true }, client("192.0.2.1"), client(undefined))).toBe(true);
    expect(shared({ userAgent: true }, client("192.0.2.1"), client("192.0.2.1", chrome))).toBe(false);
  });

  it("needs both where it is bound to both", () => {
    const both = { network: "prefix", userAgent: true };
    expect(shared(both, client("192.0.2.1"), client("192.0.2.2"))).toBe(true);
    expect(shared(both, client("192.0.2.1"), client("192.0.2.2", chrome))).toBe(false);
    expect(shared(both, client("192.0.2.1"), client("198.51.100.1"))).toBe(false);
  });
});

it("an asset that says nothing binds to nothing, and asks for no address and no hash", () => {
  const nobody: Client = {
    address: undefined,
    userAgentHash: () => {
      throw new Error("it was asked for");
    },
  };
  expect(bindTo(assetBoundTo(undefined), nobody)).toEqual({ ok: true, value: {} });
  expect(isBindingMet({}, nobody)).toBe(true);
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

  it.each(targets)("is refused elsewhere with binding_mismatch, whatever is asked for: %#", (target) => {
    const judge = (by: Client) => {
      const checked = checkMediaRequest(target, { ...context, client: by });
      return checked.verdict === "refused" ? checked.refusal.code : checked.verdict;
    };
    expect(judge(client("192.0.2.200"))).toBe("passed");
    expect(judge(client("192.0.3.1"))).toBe("binding_mismatch");
    expect(judge(client("192.0.2.1", chrome))).toBe("binding_mismatch");
    expect(judge(client(undefined))).toBe("binding_mismatch");
  });

  it("is explained with what it is bound to, and without a hash", () => {
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
