import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import * as z from "zod";
import { readClaims } from "../../../src/auth/claims.ts";
import { faultsAmong, issuerSchema } from "../../../src/auth/issuer.ts";
import { now } from "../../unit/signing/session.ts";
import { projectFolder } from "../cli/command-line.ts";

const page = readFileSync(join(projectFolder, "docs/identity-providers/index.md"), "utf8");

/** The settings in a section of the page, with a secret in place of the ellipsis. */
function issuersOf(section: string) {
  const text = new RegExp(`^## ${section}[^#]*?\\n\`\`\`json\\n(.*?)\`\`\``, "ms").exec(page)?.[1] ?? "";
  return z.array(issuerSchema).parse(JSON.parse(text.replace("…", "A".repeat(86))));
}

const cognito = {
  iss: "https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_EXAMPLE",
  sub: "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee",
  token_use: "access",
  client_id: "1example23456789",
  scope: "openid stagedoor/play",
  origin_jti: "login-1",
  "cognito:groups": ["film"],
};
const clerk = {
  iss: "https://clerk.example.com",
  sub: "user_1",
  sid: "login-1",
  azp: "https://www.example.com",
  scope: "stream:play",
};
const keycloak = {
  iss: "https://id.example.com/realms/media",
  sub: "user-1",
  sid: "login-1",
  azp: "player",
  aud: ["stagedoor", "account"],
  scope: "profile email",
  realm_access: { roles: ["viewer", "offline_access"] },
};
const own = { iss: "https://www.example.com", aud: "stagedoor", user_id: 42, scope: "stream:play", assets: "film" };

describe("the settings on the page for a provider", () => {
  it.each<[string, object, object[]]>([
    [
      "Amazon Cognito",
      cognito,
      [{ client_id: undefined, aud: cognito.client_id, token_use: "id" }, { aud: "https://x" }],
    ],
    ["Clerk", clerk, [{ azp: undefined }, { azp: "https://evil.example.com" }]],
    ["Keycloak", keycloak, [{ aud: "account" }, { aud: "player" }]],
    ["A secret of your own", own, [{ aud: undefined }]],
  ])("accept a token of %s, and refuse one for another service", (section, claims, others) => {
    const [issuer = expect.fail("the section has no settings"), ...more] = issuersOf(section);
    expect([more, faultsAmong([issuer])]).toEqual([[], []]);
    const claimsOf = (changes: object) => readClaims({ ...claims, exp: now + 60, ...changes }, issuer, now);
    const accepted = claimsOf({});
    if (!accepted.ok) throw new Error(accepted.refusal.reason);
    expect(accepted.value.credential.issuer).toBe(Reflect.get(claims, "iss"));
    expect(accepted.value.credential.scopes.has("stream:play")).toBe(true);
    for (const changes of others) expect(claimsOf(changes)).toMatchObject({ refusal: { code: "token_invalid" } });
  });
});
