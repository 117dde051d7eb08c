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

const own = { iss: "https://www.example.com", aud: "stagedoor", user_id: 42, scope: "stream:play", assets: "film" };

describe("the settings on the page about providers", () => {
  it.each<[string, object, object[]]>([["A secret of your own", own, [{ aud: undefined }]]])(
    "for %s accept a token, and refuse one for another service",
    (section, claims, others) => {
      const [issuer = expect.fail("the section has no settings"), ...more] = issuersOf(section);
      expect([more, faultsAmong([issuer])]).toEqual([[], []]);
      const claimsOf = (changes: object) => readClaims({ ...claims, exp: now + 60, ...changes }, issuer, now);
      const accepted = claimsOf({});
      if (!accepted.ok) throw new Error(accepted.refusal.reason);
      expect(accepted.value.credential.issuer).toBe(Reflect.get(claims, "iss"));
      expect(accepted.value.credential.scopes.has("stream:play")).toBe(true);
      for (const changes of others) expect(claimsOf(changes)).toMatchObject({ refusal: { code: "token_invalid" } });
    },
  );
});
