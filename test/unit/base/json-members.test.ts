import fc from "fast-check";
import { expect, it } from "vitest";
import { hasDuplicateMembers } from "../../../src/base/body-text.ts";

it.each([
  [true, '{"a":1,"a":2}'],
  [true, '{"a":1,"b":2,"a":1}'],
  [true, '{"a":1 , "\\u0061" : 2}'],
  [true, '{"x":{"a":1,"a":2}}'],
  [true, '{"x":[{"a":1},{"b":1,"b":1}]}'],
  [true, '{"__proto__":1,"__proto__":2}'],
  [true, '{"":1,"":2}'],
  [false, '{"a":1,"b":2}'],
  [false, '{"a":{"a":{"a":1}},"b":{"a":1}}'],
  [false, '[{"a":1},{"a":2}]'],
  [false, '{"a":["b","b"],"b":"a"}'],
  [false, '{"a":"\\"b\\":1,","b":"}{\\\\"}'],
  [false, '{"A":1,"a":2}'],
  [false, '"a"'],
  [false, "1"],
])("hasDuplicateMembers is %s for %s", (expected, text) => {
  JSON.parse(text);
  expect(hasDuplicateMembers(text)).toBe(expected);
});

it("hasDuplicateMembers finds none in the output of JSON.stringify, and any member that is repeated", () => {
  const object = fc.dictionary(fc.string(), fc.jsonValue(), { minKeys: 1 });
  fc.assert(
    fc.property(object, fc.nat(), (value, at) => {
      const text = JSON.stringify(value);
      expect(hasDuplicateMembers(text)).toBe(false);
      const names = Object.keys(value);
      const again = `${text.slice(0, -1)},${JSON.stringify(names[at % names.length])}:null}`;
      expect(hasDuplicateMembers(again)).toBe(true);
    }),
  );
});
