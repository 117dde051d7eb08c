import { describe, expect, it } from "vitest";
import * as z from "zod";
import { adviceOn, fieldText } from "../../../src/base/issue-advice.ts";

const schema = z.strictObject({
  text: z.string().min(2).max(4).optional(),
  whole: z.int().optional(),
  one: z.enum(["a", "b"]).optional(),
  list: z.array(z.string()).min(1).optional(),
  link: z.url().optional(),
  textOrList: z.union([z.string(), z.array(z.string()).min(1)]).optional(),
  form: z
    .discriminatedUnion("type", [z.object({ type: z.literal("r2") }), z.object({ type: z.literal("http") })])
    .optional(),
});

const advice = (document: object) => {
  const { error } = schema.safeParse(document);
  return (error?.issues ?? []).map((issue) => `${fieldText(issue.path)}: ${adviceOn(issue, document)}`);
};

describe("advice on an invalid member", () => {
  it.each([
    [{ text: 5 }, "text: Use a string, not a number."],
    [{ text: null }, "text: Use a string, not null."],
    [{ text: "x" }, "text: Use at least 2 characters."],
    [{ text: "xxxxx" }, "text: Use at most 4 characters."],
    [{ whole: 1.5 }, "whole: Use a whole number."],
    [{ whole: "1" }, "whole: Use a number, not a string."],
    [{ one: "c" }, 'one: Use one of "a", "b".'],
    [{ list: [] }, "list: Use at least 1 entry."],
    [{ list: ["x", []] }, "list[1]: Use a string, not an array."],
    [{ link: "x" }, "link: Use a whole URL, such as https://www.example.com/path."],
    [{ textOrList: 5 }, "textOrList: Use a string or an array, not a number."],
    [{ textOrList: [] }, "textOrList: Use at least 1 entry."],
    [{ textOrList: [5] }, "textOrList: [0]: Use a string, not a number."],
    [{ form: { type: "s3" } }, 'form.type: Use one of "r2", "http".'],
    [{ form: {} }, 'form.type: Use one of "r2", "http": it is missing.'],
    [{ form: 5 }, "form: Use an object, not a number."],
    [{ more: 1 }, ': Correct the spelling of "more", or remove it.'],
    [{ "MARKED secret=": 1 }, ": Correct the spelling of a member with another name, or remove it."],
  ])("for %j names what is allowed and what was found", (document, expected) => {
    expect(advice(document)).toEqual([expected]);
  });

  it("finds the value inside a setting in JSON", () => {
    const setting = z.object({
      LIST: z
        .string()
        .transform((text) => JSON.parse(text))
        .pipe(z.array(z.int())),
    });
    const document = { LIST: '["x"]' };
    const [issue] = setting.safeParse(document).error?.issues ?? [];
    expect(issue && adviceOn(issue, document)).toBe("Use a number, not a string.");
  });

  it("quotes no value, which may be a secret in the wrong place", () => {
    const secret = "MARKED";
    const found = advice({ text: secret, whole: secret, one: secret, list: secret, link: secret, form: secret });
    expect(found).toHaveLength(6);
    expect(found.join()).not.toContain(secret);
  });
});
