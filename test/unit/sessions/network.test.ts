import { describe, expect, it } from "vitest";
import { parseIpAddress } from "../../../src/base/ip-address.ts";
import { inPrefix, networkOf } from "../../../src/sessions/client-network.ts";
import { addressName, networkName } from "../../../src/sessions/identifiers.ts";

function bytes(address: string) {
  const parsed = parseIpAddress(address);
  if (parsed === undefined) throw new Error(`not an address: ${address}`);
  return parsed;
}

describe("the address name of a client", () => {
  it.each([
    ["192.0.2.1", "4:192.0.2.1/32"],
    ["::ffff:192.0.2.1", "4:192.0.2.1/32"],
    ["2001:db8:7:8::1", "6:2001:db8:7:8/64"],
    ["2001:DB8:7:8:ffff:ffff:ffff:ffff", "6:2001:db8:7:8/64"],
    ["::1", "6:0:0:0:0/64"],
    ["unknown", undefined],
  ])("with address %s is %s", (address, name) => {
    expect(addressName(address)).toBe(name);
  });

  it("is undefined for 60,000 characters", () => {
    expect(addressName(`192.0.2.${"0".repeat(60_000)}`)).toBeUndefined();
  });
});

describe("the network name of a client", () => {
  it.each([
    ["192.0.2.1", "4:192.0.2/24"],
    ["192.0.2.255", "4:192.0.2/24"],
    ["0.0.0.0", "4:0.0.0/24"],
    ["::ffff:192.0.2.1", "4:192.0.2/24"],
    ["::FFFF:c000:0201", "4:192.0.2/24"],
    ["0:0:0:0:0:ffff:192.0.2.1", "4:192.0.2/24"],
    ["2001:db8:7:8::1", "6:2001:db8:7/48"],
    ["2001:0DB8:0007:0000:0000:0000:0000:0001", "6:2001:db8:7/48"],
    ["2001:db8:7:ffff:1:2:192.0.2.1", "6:2001:db8:7/48"],
    ["2001:db8::", "6:2001:db8:0/48"],
    ["::1", "6:0:0:0/48"],
    ["::", "6:0:0:0/48"],
    ["::192.0.2.1", "6:0:0:0/48"],
    ["::ff00:192.0.2.1", "6:0:0:0/48"],
    ["::fe:192.0.2.1", "6:0:0:0/48"],
    ["1::ffff:192.0.2.1", "6:1:0:0/48"],
    ["1:2:3:4:5:6:7::", "6:1:2:3/48"],
    ["::2:3:4:5:6:7:8", "6:0:2:3/48"],
  ])("with address %s is %s", (address, expected) => {
    expect(networkName(address)).toBe(expected);
  });

  it.each([
    "",
    "192.0.2",
    "192.0.2.1.1",
    "192.0.2.256",
    "192.0.2.01",
    "0xc0.0.2.1",
    "192.0.2.1 ",
    "192.0.2.1:80",
    "192.0.2.1, 192.0.2.2",
    "3221225985",
    ":",
    ":::",
    "1::2::3",
    ":1:2:3:4:5:6:7:8",
    "1:2:3:4:5:6:7:8:",
    "1:2:3:4:5:6:7",
    "1:2:3:4:5:6:7:8:9",
    "1:2:3:4::5:6:7:8",
    "12345::",
    "g::",
    "[::1]",
    "fe80::1%eth0",
    "::1/64",
    "::192.0.2.1:1",
    "1.2.3.4::",
    "1:2:3:4:5:6:7:1.2.3.4",
    "::1.2.3",
    "::+1",
  ])("is undefined for %j", (address) => {
    expect(networkOf(address)).toBeUndefined();
  });

  it("is never the same for IPv4 and IPv6, even with the same bytes", () => {
    expect(networkName("32.1.13.1")).not.toBe(networkName("2001:d01::"));
    expect(networkName("0.0.0.1")).not.toBe(networkName("::1"));
  });
});

describe("the prefix", () => {
  it.each([
    ["192.0.2.0", 24, "192.0.2.77", true],
    ["192.0.2.0", 24, "192.0.3.77", false],
    ["192.0.2.1", 32, "192.0.2.1", true],
    ["192.0.2.1", 32, "192.0.2.2", false],
    ["192.0.2.128", 25, "192.0.2.200", true],
    ["192.0.2.128", 25, "192.0.2.100", false],
    ["192.0.2.255", 25, "192.0.2.129", true],
    ["10.0.0.0", 0, "192.0.2.1", true],
    ["2001:db8::", 33, "2001:db8:7fff::1", true],
    ["2001:db8::", 33, "2001:db8:8000::1", false],
  ])("%s/%i contains %s: %s", (prefix, bits, address, expected) => {
    expect(inPrefix(bytes(prefix), bits, bytes(address))).toBe(expected);
  });

  it("can omit zeros at its end", () => {
    expect(inPrefix(Uint8Array.of(10), 24, bytes("10.0.0.7"))).toBe(true);
    expect(inPrefix(Uint8Array.of(10), 24, bytes("10.0.1.7"))).toBe(false);
  });

  it.each([-1, 33, 1.5, Number.NaN])("contains nothing with a length of %s bits", (bits) => {
    expect(inPrefix(bytes("0.0.0.0"), bits, bytes("0.0.0.0"))).toBe(false);
  });
});
