import { describe, expect, it } from "vitest";
import { isOriginPattern, matchesOrigin } from "../../../src/base/origins.ts";

describe("an origin pattern", () => {
  it.each([
    "https://example.com",
    "https://www.example.com",
    "https://*.example.com",
    "https://*.example.com:8443",
    "http://localhost:8787",
    "http://127.0.0.1:3000",
    "https://xn--bcher-kva.example",
    "http://localhost",
    "http://localhost:5173",
    "https://localhost",
    "https://localhost:8443",
    "http://tauri.localhost",
    "https://tauri.localhost",
    "capacitor://localhost",
    "ionic://localhost",
    "tauri://localhost",
  ])("can be %s", (text) => {
    expect(isOriginPattern(text)).toBe(true);
  });

  it.each([
    "",
    "*",
    "null",
    "example.com",
    "https://*",
    "https://*.",
    "https://*.*.example.com",
    "https://www.*.example.com",
    "https://*example.com",
    "https://example.com/",
    "https://example.com/path",
    "https://example.com?a",
    "https://user@example.com",
    "https://Example.com",
    "HTTPS://example.com",
    "https://bücher.example",
    "https://example.com.",
    "https://example..com",
    "https://example.com:443",
    "http://example.com:80",
    "https://example.com:99999",
    "https://example.com:08443",
    "https://example.com\n",
    "ftp://example.com",
    "NULL",
    "null ",
    "https://null:80800",
    "file://",
    "file:///",
    "app://localhost",
    "capacitor://",
    "capacitor:localhost",
    "capacitor://localhost/",
    "capacitor://localhost:8080",
    "capacitor://example.com",
    "capacitor://*.localhost",
    "capacitor://*",
    "Capacitor://localhost",
    "ionic://localhost.evil.example",
    "tauri://tauri.localhost",
    "chrome-extension://abcdefghijklmnop",
    "https://0x7f.1",
  ])("cannot be %j", (text) => {
    expect(isOriginPattern(text)).toBe(false);
  });
});

describe("matchesOrigin", () => {
  it.each<readonly [origin: string, pattern: string]>([
    ["https://example.com", "https://example.com"],
    ["https://www.example.com", "https://*.example.com"],
    ["https://a.b.example.com", "https://*.example.com"],
    ["https://www.example.com:8443", "https://*.example.com:8443"],
    ["http://app.localhost:5173", "http://*.localhost:5173"],
    ...[
      "capacitor://localhost",
      "ionic://localhost",
      "tauri://localhost",
      "https://localhost",
      "http://localhost:8100",
    ].map((origin) => [origin, origin] as const),
    ["http://tauri.localhost", "http://*.localhost"],
  ])("matches %s with %s", (origin, pattern) => {
    expect(matchesOrigin(origin, pattern)).toBe(true);
  });

  it.each([
    ["https://example.com", "https://*.example.com"],
    ["https://.example.com", "https://*.example.com"],
    ["https://evilexample.com", "https://*.example.com"],
    ["https://example.com.evil.example", "https://*.example.com"],
    ["https://evil.example/.example.com", "https://*.example.com"],
    ["https://evil.example#.example.com", "https://*.example.com"],
    ["https://evil.example:8443.example.com", "https://*.example.com"],
    ["https://user@www.example.com", "https://*.example.com"],
    ["http://www.example.com", "https://*.example.com"],
    ["https://www.example.com:8443", "https://*.example.com"],
    ["https://www.example.com", "https://*.example.com:8443"],
    ["https://WWW.example.com", "https://*.example.com"],
    ["https://*.example.com", "https://*.example.com"],
    ["https://www.example.com", "https://example.com"],
    ["https://example.com/", "https://example.com"],
    ["http://example.com", "https://example.com"],
    ["https://example.co", "https://example.com"],
    ["null", "https://example.com"],
    ["null", "null"],
    ["capacitor://localhost", "ionic://localhost"],
    ["capacitor://localhost", "https://localhost"],
    ["capacitor://localhost/", "capacitor://localhost"],
    ["capacitor://localhost:80", "capacitor://localhost"],
    ["CAPACITOR://localhost", "capacitor://localhost"],
    ["capacitor://localhost.evil.example", "capacitor://localhost"],
    ["capacitor://localhost", "capacitor://*.localhost"],
    ["http://localhost:8100", "http://localhost"],
    ["http://localhost", "https://localhost"],
    ["http://evil.localhost", "http://tauri.localhost"],
    ["", "https://*.example.com"],
    ["https://a.example.com https://b.example.com", "https://*.example.com"],
  ])("does not match %j with %s", (origin, pattern) => {
    expect(matchesOrigin(origin, pattern)).toBe(false);
  });
});
