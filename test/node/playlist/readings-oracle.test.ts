import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { runInNewContext } from "node:vm";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Reading, readAsHlsJs, readAsShaka, readAsVhs } from "../../../src/playlist/readings.ts";

const require = createRequire(import.meta.url);

const pieces = fc.constantFrom(
  ...[
    '"',
    '"',
    '"',
    ",",
    ",",
    ",",
    "=",
    "=",
    " ",
    "\t",
    "'",
    "\\",
    "URI",
    "URI=",
    'URI="',
    "NAME",
    'NAME="',
    "DEFAULT",
  ],
  ...["a.m3u8", "b", "https://c/", "é", "\u00A0", ":"],
);
const lists = fc.array(pieces, { maxLength: 14 }).map((list) => list.join(""));

/** The name and value of each reading, in order. */
const pairs = (readings: readonly Reading[]) => readings.map(({ name, text }) => [name, text]);

describe("the model of a player's attribute list parser matches the parser of", () => {
  test("hls.js", async () => {
    Reflect.set(globalThis, "self", globalThis);
    const { AttrList }: { AttrList: { parseAttrList(list: string): Record<string, string> } } = await import(
      join(dirname(require.resolve("hls.js/package.json")), "dist/hls.mjs")
    );
    fc.assert(
      fc.property(lists, (list) => {
        const ours = Object.fromEntries(pairs(readAsHlsJs(list) ?? []));
        const theirs = Object.entries(AttrList.parseAttrList(list)).map(([name, text]) => [name, text.trim()]);
        expect(ours).toEqual(Object.fromEntries(theirs));
      }),
      { numRuns: 5000 },
    );
  });

  test("Shaka", () => {
    const folder = join(dirname(require.resolve("shaka-player/package.json")), "lib/hls");
    const nothing = () => undefined;
    const shaka: { hls: Record<string, unknown>; util: Record<string, unknown> } = { hls: {}, util: {} };
    const goog = { provide: nothing, require: nothing, requireType: nothing };
    for (const file of ["hls_classes.js", "manifest_text_parser.js"])
      runInNewContext(readFileSync(join(folder, file), "utf8"), { shaka, goog });
    const parser = shaka.hls.ManifestTextParser as {
      parseTag(id: number, line: string): { attributes: readonly { name: string; value: string }[] };
    };
    fc.assert(
      fc.property(lists, (list) => {
        const { attributes } = parser.parseTag(0, `#EXT-X-MAP:${list}`);
        expect(pairs(readAsShaka(list) ?? [])).toEqual(attributes.map(({ name, value }) => [name, value.trim()]));
      }),
      { numRuns: 5000 },
    );
  });

  test("VHS", async () => {
    const { ParseStream } = (await import("m3u8-parser")) as unknown as {
      ParseStream: new () => {
        on(event: "data", listener: (line: { attributes?: Record<string, string> }) => void): void;
        push(line: string): void;
      };
    };
    const parse = (list: string): Record<string, string> | undefined => {
      const stream = new ParseStream();
      let attributes: Record<string, string> = {};
      stream.on("data", (line) => {
        attributes = line.attributes ?? {};
      });
      try {
        stream.push(`#EXT-X-MEDIA:${list}`);
      } catch {
        return undefined;
      }
      return attributes;
    };
    fc.assert(
      fc.property(lists, (list) => {
        const ours = readAsVhs(list.trimEnd());
        const theirs = parse(list);
        expect(ours === undefined).toBe(theirs === undefined);
        expect(Object.fromEntries(pairs(ours ?? []).toReversed())).toEqual(theirs ?? {});
      }),
      { numRuns: 5000 },
    );
  });
});
