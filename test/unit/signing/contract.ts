import { expect, it } from "vitest";

export type Judgement = "passed" | "expired" | "refused";

/** One part of a signed URL. The joined parts are the URL. */
export interface UrlPart {
  readonly name: string;
  readonly text: string;
}

type When = "in time" | "late";
type Judge = (url: string, when: When) => Judgement | Promise<Judgement>;

/** A signed URL, and forgeries of it that only its scheme can make. */
export interface SignedSample {
  readonly parts: readonly UrlPart[];
  /** The same URL for another purpose, and under the kid of another key. */
  readonly otherPurposes: readonly string[];
  readonly otherKeys: readonly string[];
}

/** A sample, and the judge of its scheme. */
export interface SignedUrl extends SignedSample {
  /** Judges a URL before and after the expiry of the signed one. */
  readonly judge: Judge;
}

/**
 * The contract of every signing scheme: a signed URL is valid until it expires, and any change makes it a forgery.
 * A forgery is never "expired", because that would say that it was authentic.
 */
export function signingContract(sign: () => Promise<SignedUrl>): void {
  it("is valid until it expires", async () => {
    const { parts, judge } = await sign();
    const url = textOf(parts);
    expect([await judge(url, "in time"), await judge(url, "late")]).toEqual(["passed", "expired"]);
  });

  it("is refused with any one character changed, left out or doubled", async () => {
    const { parts, judge } = await sign();
    expect(await acceptedOf(changedUrls(parts), judge)).toEqual([]);
  });

  it("is refused with any part left out or cut short", async () => {
    const { parts, judge } = await sign();
    expect(await acceptedOf(named(cutUrls(parts)), judge)).toEqual([]);
  });

  it("is refused with a signature for another purpose or by another key", async () => {
    const { otherPurposes, otherKeys, judge } = await sign();
    expect(otherPurposes.length * otherKeys.length).toBeGreaterThan(0);
    expect(await acceptedOf(named([...otherPurposes, ...otherKeys]), judge)).toEqual([]);
  });
}

/** Every URL that the contract judges, the signed one first. */
export function contractUrls({ parts, otherPurposes, otherKeys }: SignedSample): readonly string[] {
  const changed = changedUrls(parts).map(({ url }) => url);
  return [textOf(parts), ...changed, ...cutUrls(parts), ...otherPurposes, ...otherKeys];
}

interface Forgery {
  readonly about: string;
  readonly url: string;
}

function changedUrls(parts: readonly UrlPart[]): readonly Forgery[] {
  return parts.flatMap((part, at) =>
    changesOf(part.text).map((text) => ({
      about: `${part.name}: ${text}`,
      url: textOf(parts.with(at, { ...part, text })),
    })),
  );
}

function cutUrls(parts: readonly UrlPart[]): readonly string[] {
  const url = textOf(parts);
  return [
    ...parts.map((_, at) => textOf(parts.toSpliced(at, 1))),
    ...Array.from(url, (_, length) => url.slice(0, length)),
  ];
}

const named = (urls: readonly string[]): readonly Forgery[] => urls.map((url) => ({ about: url, url }));

/** The forgeries that are not refused, before or after the expiry. */
async function acceptedOf(forgeries: readonly Forgery[], judge: Judge): Promise<readonly string[]> {
  const judged = await Promise.all(
    forgeries.flatMap(({ about, url }) =>
      (["in time", "late"] as const).map(async (when) => ({
        about: `${when}, ${about}`,
        judgement: await judge(url, when),
      })),
    ),
  );
  return judged.filter(({ judgement }) => judgement !== "refused").map(({ about }) => about);
}

function textOf(parts: readonly UrlPart[]): string {
  return parts.map(({ text }) => text).join("");
}

/** Each character changed to its neighbour in the alphabet and to some others, left out, and doubled. */
function changesOf(text: string): readonly string[] {
  return [...text].flatMap((character, at) => {
    const before = text.slice(0, at);
    const after = text.slice(at + 1);
    const code = character.charCodeAt(0);
    const others = [String.fromCharCode(code ^ 1), String.fromCharCode(code ^ 32), "A", "0", "_", "/", ".", "&"];
    const replaced = others.filter((other) => other !== character).map((other) => before + other + after);
    const doubled = `${before}${character}${character}${after}`;
    return [...replaced, before + after, doubled].filter((changed) => changed !== text);
  });
}
