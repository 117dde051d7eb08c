import { describe, expect, it } from "vitest";
import { keepSessionCookie } from "../../../src/identity/session-rules.ts";

const name = "__Host-stagedoor.session_token";

function kept(...cookies: string[]): string[] {
  const headers = new Headers();
  for (const cookie of cookies) headers.append("Set-Cookie", cookie);
  keepSessionCookie(headers);
  return headers.getSetCookie();
}

describe("the session cookie", () => {
  it("lasts 400 days, whatever its session has left", () => {
    expect(kept(`${name}=abc; Max-Age=604800; Path=/; HttpOnly`)).toEqual([
      `${name}=abc; Max-Age=34560000; Path=/; HttpOnly`,
    ]);
  });

  it("is deleted where it is deleted", () => {
    expect(kept(`${name}=; Max-Age=0; Path=/`)).toEqual([`${name}=; Max-Age=0; Path=/`]);
  });

  it("ends with the browser where the viewer wants it so", () => {
    expect(kept(`${name}=abc; Path=/`)).toEqual([`${name}=abc; Path=/`]);
  });

  it("leaves other cookies as they are, each a field of its own", () => {
    const other = "__Host-stagedoor.oauth_state=x; Max-Age=600; Expires=Wed, 21 Oct 2026 07:28:00 GMT";
    expect(kept(other, `${name}=a; Max-Age=5`)).toEqual([other, `${name}=a; Max-Age=34560000`]);
  });
});
