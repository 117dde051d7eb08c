import { describe, expect, it } from "vitest";
import { isLocalUrl, isSafeAddress } from "../../../src/base/origins.ts";
import { isPlainHttp } from "../../../src/http/cors.ts";

const local = [
  "http://localhost/",
  "http://localhost:8787/a",
  "http://127.0.0.1:3000/",
  "http://[::1]:8787/",
  "http://[0:0::1]/",
];
const remote = [
  "http://example.com/",
  "http://localhost.example.com/",
  "http://127.0.0.1.example.com/",
  "http://localhost@example.com/",
  "http://[::2]/",
  "http://10.0.0.1/",
];

describe("the check for local hosts", () => {
  it.each(local)("accepts plain HTTP to %s", (url) => {
    expect(isLocalUrl(url)).toBe(true);
    expect(isSafeAddress(url)).toBe(true);
    expect(isPlainHttp(new URL(url).href)).toBe(false);
  });

  it.each(remote)("rejects plain HTTP to %s", (url) => {
    expect(isLocalUrl(url)).toBe(false);
    expect(isSafeAddress(url)).toBe(false);
    expect(isPlainHttp(url)).toBe(true);
  });

  it.each(["", "localhost", "//localhost/"])("rejects %j, which is not a URL", (text) => {
    expect(isLocalUrl(text)).toBe(false);
    expect(isSafeAddress(text)).toBe(false);
  });

  it.each(["\n", "\t", "\u001b[2J", "\u0007", "\u009b", "\u202e", "\u200b", " "])(
    "rejects an address with the invisible character %j",
    (text) => {
      expect(isSafeAddress(`https://example.com/${text}a`)).toBe(false);
      expect(isSafeAddress(`https://example.com/a${text}`)).toBe(false);
    },
  );

  it("accepts HTTPS to any host, and no other scheme to a local one", () => {
    expect(isSafeAddress("https://example.com/")).toBe(true);
    expect(isSafeAddress("ws://localhost/")).toBe(false);
  });
});
