import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { projectRoot } from "../../../cli/lib/project.ts";
import { adviceFor, mayRetry, readRefusal } from "../../../examples/shared/refusals.ts";
import { problemFor, refusalCodes } from "../../../src/http/problems.ts";

/** Nothing that a viewer does causes these, or can repair them. */
const faults = [
  ...["body_invalid", "request_invalid", "https_required", "origin_untrusted", "address_unknown"],
  ...["path_invalid", "signature_missing", "signature_invalid", "grant_invalid", "path_not_covered"],
  ...[
    "method_not_covered",
    "file_forbidden",
    "playlist_invalid",
    "playlist_too_large",
    "uri_foreign",
    "range_not_satisfiable",
  ],
  ...["route_unknown", "method_unknown", "configuration_invalid"],
];
/** Codes of operators' routes. */
const operators = ["revocation_invalid", "revocation_unknown", "asset_invalid"];

const { text: unknown } = adviceFor({ code: "no_such_code" });

describe("the examples' words for a refusal", () => {
  it("cover every code that a viewer can meet", () => {
    const without = refusalCodes.filter((code) => adviceFor({ code }).text === unknown);
    expect(without.toSorted()).toEqual([...faults, ...operators].toSorted());
  });

  it("belong to existing codes", () => {
    const source = readFileSync(join(projectRoot, "examples/shared/refusals.ts"), "utf8");
    const named = [...source.matchAll(/^ {2}([a-z_]+): /gm)].flatMap(([, code = ""]) =>
      code.includes("_") ? code : [],
    );
    expect(named.length).toBeGreaterThan(30);
    expect(named.filter((code) => !refusalCodes.some((known) => known === code))).toEqual([]);
  });

  it("offer to sign in for every 401", () => {
    const codes = refusalCodes.filter((code) => problemFor(code).status === 401);
    expect(codes.filter((code) => adviceFor({ code }).offer !== "Sign in")).toEqual([]);
  });

  it("leave failures of servers and missing files to the player", () => {
    const left = refusalCodes.filter((code) => mayRetry({ code }));
    expect(left.map((code) => problemFor(code).status).toSorted()).toEqual([404, 500, 502, 503, 504]);
  });

  it("suggest another try where there was no response", () => {
    expect(adviceFor(undefined)).toMatchObject({ offer: "Play again" });
  });
});

it("a refusal is read from the headers, and nothing from other responses", () => {
  const headers = new Headers({ "Stagedoor-Refusal": "stream_taken", "Request-Id": "9f1c" });
  expect(readRefusal((name) => headers.get(name))).toEqual({ code: "stream_taken", requestId: "9f1c" });
  expect(readRefusal(() => null)).toBeUndefined();
});
