import { describe, expect, it } from "vitest";
import { keepSessionCookie } from "../../../src/identity/session-rules.ts";

const name = "__Host-stagedoor.session_token";

function rewritten(...cookies: string[]): string[] {
  const headers = new Headers();
  for (const cookie of cookies) headers.append("Set-Cookie", cookie);
  keepSessionCookie(headers);
  return headers.getSetCookie();
}

describe("the session cookie", () => {
  it("lasts 400 days, whatever the remaining time of its session", () => {
    expect(rewritten(`${name}=abc; Max-Age=604800; Path=/; HttpOnly`)).toEqual([
      `${name}=abc; Max-Age=34560000; Path=/; HttpOnly`,
    ]);
  });

  it("stays deleted if the response deletes it", () => {
    expect(rewritten(`${name}=; Max-Age=0; Path=/`)).toEqual([`${name}=; Max-Age=0; Path=/`]);
  });

  it("stays a browser session cookie if the response sets no Max-Age", () => {
    expect(rewritten(`${name}=abc; Path=/`)).toEqual([`${name}=abc; Path=/`]);
  });

  it("is changed without changing other cookies or joining their fields", () => {
    const other = "__Host-stagedoor.oauth_state=x; Max-Age=600; Expires=Wed, 21 Oct 2026 07:28:00 GMT";
    expect(rewritten(other, `${name}=a; Max-Age=5`)).toEqual([other, `${name}=a; Max-Age=34560000`]);
  });
});
