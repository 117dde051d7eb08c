import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseMediaTarget } from "../../../src/signing/media-url.ts";

const signature = "c2lnbmF0dXJlc2lnbmF0dQ";
const seg = `seg=1795000000.${signature}`;

function parse(target: string) {
  const parsed = parseMediaTarget(target);
  return parsed.ok ? parsed.value : parsed.refusal.code;
}

describe("the parser of media URLs", () => {
  it("splits a URL into grant, path, query, signature and appended query", () => {
    expect(parse(`/G/film/360p/0.ts?v=2&a~&${seg}&CMCD=br%3D1&x`)).toEqual({
      grant: "G",
      path: "/film/360p/0.ts",
      query: "v=2&a~",
      signature: { purpose: "segment", expiry: 1_795_000_000, signature },
      appended: "CMCD=br%3D1&x",
    });
  });

  const other = "eHh4eHh4eHh4eHh4eHh4eA";
  it.each([
    ["nothing after it", seg, "", ""],
    ["an origin's own key=", `key=abc&${seg}`, "key=abc", ""],
    ["an origin's own seg= in our format", `seg=1.${other}&${seg}`, `seg=1.${other}`, ""],
    ["an origin's own list= in our format", `list=2.${other}&a&${seg}&b`, `list=2.${other}&a`, "b"],
    ["an appended seg= in another format", `${seg}&seg=2&key=&list=.`, "", "seg=2&key=&list=."],
    ["delivery directives", `${seg}&_HLS_msn=1&_HLS_part=0`, "", "_HLS_msn=1&_HLS_part=0"],
    ["an empty parameter after it", `${seg}&`, "", ""],
  ])("finds the last parameter in our format, with %s", (_, query, own, appended) => {
    expect(parse(`/G/film/a?${query}`)).toMatchObject({ query: own, appended, signature: { signature } });
  });

  it.each([
    "",
    "seg=",
    `seg=.${signature}`,
    `seg=1795000000${signature}`,
    `seg=01795000000.${signature}`,
    `seg=+1.${signature}`,
    `seg=-1.${signature}`,
    `seg=1e9.${signature}`,
    `seg=0x1.${signature}`,
    `seg=1795000000.5.${signature}`,
    `seg=%31795000000.${signature}`,
    `seg=9999999999999.${signature}`,
    `seg=253402300800.${signature}`,
    `seg=1795000000.${signature}A`,
    `seg=1795000000.${signature.slice(1)}`,
    `seg=1795000000.`,
    `SEG=1795000000.${signature}`,
    `%73eg=1795000000.${signature}`,
    `xseg=1795000000.${signature}`,
    `seg[]=1795000000.${signature}`,
    `seg=1795000000.${signature};x`,
    `?seg=1795000000.${signature}`,
    `a=1;seg=1795000000.${signature}`,
    `a=1%26seg=1795000000.${signature}`,
  ])("finds no signature in %j", (query) => {
    expect(parse(`/G/film/a?${query}`)).toMatchObject({ signature: undefined, query: "", appended: query });
  });

  it.each(["tpl"])(
    "refuses a signature in the reserved parameter %s, and accepts other values of that name",
    (name) => {
      expect(parse(`/G/film/a?${name}=1795000000.${signature}`)).toBe("signature_invalid");
      expect(parse(`/G/film/a?${seg}&${name}=1795000000.${signature}`)).toBe("signature_invalid");
      expect(parse(`/G/film/a?${seg}&${name}=7`)).toMatchObject({ appended: `${name}=7` });
      expect(parse(`/G/film/a?${name}=1795000000.${signature}&${seg}`)).toMatchObject({
        query: `${name}=1795000000.${signature}`,
      });
    },
  );

  it.each([
    "/G/film/../b",
    "/G//film",
    "/G/film/%2e%2e/b",
    "//G/film/a",
    "http://h/G/film/a",
    "*",
    "",
    "/G/film\\a",
    "/G/film;a",
  ])("refuses the path %j", (target) => {
    expect(parse(`${target}?${seg}`)).toBe("path_invalid");
  });

  it.each([
    ["/", "", "/"],
    ["/G", "G", "/"],
    ["/G/", "G", "/"],
    ["/G/film", "G", "/film"],
  ])("accepts the short path %s", (target, grant, path) => {
    expect(parse(target)).toMatchObject({ grant, path });
  });

  it("never throws, and keeps every byte of the appended query", () => {
    const part = fc.constantFrom(
      "&",
      "=",
      "seg=",
      "list=",
      "key=",
      "1795000000.",
      signature,
      seg,
      "%",
      "?",
      "#",
      "~",
      "é",
      "\n",
    );
    fc.assert(
      fc.property(fc.array(part), fc.string({ unit: "binary" }), (parts, noise) => {
        const query = parts.join("") + noise;
        const parsed = parse(`/G/film/a?${query}`);
        if (typeof parsed === "string") throw new Error("a valid path was refused");
        expect(query.endsWith(parsed.appended)).toBe(true);
        expect(parsed.query).toMatch(/^[ -~]*$/);
        parse(noise);
      }),
    );
  });
});
