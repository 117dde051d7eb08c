import fc from "fast-check";
import { canonicalPathText, canonicalQuery } from "../../../src/base/canonical-path.ts";

const awkward = fc.constantFrom(..."$&+,:=@!'()~-._ %éλ日😀\"<>[]{}|^`#?");
const word = fc.string({ unit: fc.oneof(fc.constantFrom(..."abcXYZ019"), awkward), minLength: 1, maxLength: 8 });

/** Canonical paths of one to four segments, without empty and dot segments. */
export const canonicalPath: fc.Arbitrary<string> = fc
  .array(word, { minLength: 1, maxLength: 4 })
  .map((segments) =>
    canonicalPathText(`/${segments.map((segment) => encodeURIComponent(segment.replaceAll("%", ""))).join("/")}`),
  )
  .filter((path) => path.ok && !/\/\.{0,2}(?=\/|$)/.test(path.value))
  .map((path) => (path.ok ? path.value : ""));

const pair = fc
  .tuple(word, fc.option(word, { nil: undefined }))
  .map(([name, value]) => (value === undefined ? name : `${name}=${value}`));

const query: fc.Arbitrary<string> = fc.array(pair, { maxLength: 3 }).map((pairs) => canonicalQuery(pairs.join("&")));

export const canonicalUrl = fc.record({ path: canonicalPath, query });
