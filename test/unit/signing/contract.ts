import { describe, expect, it } from "vitest";

export type Judgement = "passed" | "expired" | "refused";

/** One part of a signed URL. The parts in their order, joined, are the URL. */
export interface UrlPart {
  readonly name: string;
  readonly text: string;
}

type When = "in time" | "late";
type Judge = (url: string, when: When) => Judgement | Promise<Judgement>;

/** A URL that a scheme signed, and what the scheme says to it and to others. */
export interface SignedUrl {
  readonly parts: readonly UrlPart[];
  /** What the scheme says to a URL while the signed one is good, and after it has ended. */
  readonly judge: Judge;
  /** The same URL made for another purpose, and under the name of another key. */
  readonly otherPurposes: readonly string[];
  readonly otherKeys: readonly string[];
}

/**
 * The contract of every signing scheme: what it signed holds until it ends, and whatever is changed in it is a forgery,
 * which is never called expired: that would say that it was authentic once.
 */
export function itIsASigningScheme(name: string, sign: () => Promise<SignedUrl>): void {
  describe(`${name} is a signing scheme`, () => {
    it("takes what it signed, until it ends", async () => {
      const { parts, judge } = await sign();
      const url = textOf(parts);
      expect([await judge(url, "in time"), await judge(url, "late")]).toEqual(["passed", "expired"]);
    });

    it("refuses a URL with any one character changed, left out or doubled", async () => {
      const { parts, judge } = await sign();
      const changed = parts.flatMap((part, at) =>
        changesOf(part.text).map((text) => ({
          about: `${part.name}: ${text}`,
          url: textOf(parts.with(at, { ...part, text })),
        })),
      );
      expect(await taken(changed, judge)).toEqual([]);
    });

    it("refuses a URL with any part left out or cut short", async () => {
      const { parts, judge } = await sign();
      const whole = textOf(parts);
      const cut = [
        ...parts.map((_, at) => textOf(parts.toSpliced(at, 1))),
        ...Array.from(whole, (_, length) => whole.slice(0, length)),
      ];
      expect(await taken(named(cut), judge)).toEqual([]);
    });

    it("refuses a signature that was made for another purpose or with another key", async () => {
      const { otherPurposes, otherKeys, judge } = await sign();
      expect(otherPurposes.length * otherKeys.length).toBeGreaterThan(0);
      expect(await taken(named([...otherPurposes, ...otherKeys]), judge)).toEqual([]);
    });
  });
}

interface Forgery {
  readonly about: string;
  readonly url: string;
}

const named = (urls: readonly string[]): readonly Forgery[] => urls.map((url) => ({ about: url, url }));

/** The forgeries that are not refused, in time or late. */
async function taken(forgeries: readonly Forgery[], judge: Judge): Promise<readonly string[]> {
  const judged = await Promise.all(
    forgeries.flatMap(({ about, url }) =>
      (["in time", "late"] as const).map(async (when) => ({
        about: `${when}, ${about}`,
        said: await judge(url, when),
      })),
    ),
  );
  return judged.filter(({ said }) => said !== "refused").map(({ about }) => about);
}

function textOf(parts: readonly UrlPart[]): string {
  return parts.map(({ text }) => text).join("");
}

/** Each character changed to its neighbour in the alphabet and to some others, left out, and doubled. */
function changesOf(text: string): readonly string[] {
  return [...text].flatMap((character, at) => {
    const before = text.slice(0, at);
    const behind = text.slice(at + 1);
    const code = character.charCodeAt(0);
    const others = [String.fromCharCode(code ^ 1), String.fromCharCode(code ^ 32), "A", "0", "_", "/", ".", "&"];
    const replaced = others.filter((other) => other !== character).map((other) => before + other + behind);
    const doubled = `${before}${character}${character}${behind}`;
    return [...replaced, before + behind, doubled].filter((changed) => changed !== text);
  });
}
