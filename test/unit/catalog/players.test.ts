import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { checkPlayer, playersSchema } from "../../../src/catalog/players.ts";
import { faultsOf, sampleDocument } from "./sample.ts";

const refuses = (glob: string, userAgent: string | undefined) => !checkPlayer({ except: [glob] }, userAgent).ok;

const chrome = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36";

describe("a glob of players.except", () => {
  it.each<[string, string, boolean]>([
    ["Lavf/*", "Lavf/60.16.100", true],
    ["lavf/*", "LAVF/60.16.100", true],
    ["Lavf/*", "xLavf/60", false],
    ["*Kodi*", "Mozilla/5.0 Kodi/20.1", true],
    ["*Kodi", "Mozilla/5.0 Kodi/20.1", false],
    ["curl/?.*", "curl/8.5.0", true],
    ["curl/?.*", "curl/10.5", false],
    ["*Chrome/140.*", chrome, true],
    ["*Chrome/14?.0.0.0 Safari*", chrome, true],
    ["*.+*", chrome, false],
    ["*a*a*a*a*b", "a".repeat(512), false],
    ["VLC", "VLC", true],
    ["VLC", "VLC2", false],
  ])("%s refuses %s: %s", (glob, userAgent, expected) => {
    expect(refuses(glob, userAgent)).toBe(expected);
  });

  it("covers what a regular expression with the same meaning covers, also in globs of more than 32 characters", () => {
    const glob = fc.string({ unit: fc.constantFrom(..."ab*?"), minLength: 1, maxLength: 128 });
    const text = fc.string({ unit: fc.constantFrom(..."ab"), maxLength: 100 });
    fc.assert(
      fc.property(glob, text, (pattern, userAgent) => {
        const parts = pattern.replace(/\*+/g, "*").replaceAll("?", ".").replaceAll("*", ".*");
        expect(refuses(pattern, userAgent)).toBe(new RegExp(`^${parts}$`).test(userAgent));
      }),
    );
  });

  it("covers a whole text of its own, whatever its length", () => {
    for (const length of [1, 31, 32, 33, 63, 64, 65, 128]) {
      const text = "ab".repeat(64).slice(0, length);
      expect([refuses(text, text), refuses(text, text.slice(1)), refuses(text, `${text}a`)]).toEqual([
        true,
        false,
        false,
      ]);
    }
  });

  it("refuses a player that a backend did not name, and compares a missing header as an empty text", () => {
    expect(refuses("Lavf/*", undefined)).toBe(true);
    expect(refuses("Lavf/*", "")).toBe(false);
  });

  it("reads the first 512 characters of a User-Agent", () => {
    expect(refuses("*end", `${"x".repeat(509)}end`)).toBe(true);
    expect(refuses("*end", `${"x".repeat(510)}end`)).toBe(false);
  });

  it("is named in the reason, which has nothing of the User-Agent", () => {
    expect(checkPlayer({ except: ["VLC*", "*Kodi*"] }, "MARKED Kodi")).toMatchObject({
      refusal: { code: "player_refused", reason: expect.stringContaining('"*Kodi*"') },
    });
    expect(JSON.stringify(checkPlayer({ except: ["*Kodi*"] }, "MARKED Kodi"))).not.toContain("MARKED");
  });

  it.each(["", "*", "**", "x".repeat(129), "a\nb", "é"])("is refused by the catalog: %j", (glob) => {
    expect(playersSchema.safeParse({ except: [glob] }).success).toBe(false);
    expect(faultsOf(sampleDocument({ players: { except: [glob] } })).map(({ field }) => field)).toContain(
      "players.except[0]",
    );
  });
});
