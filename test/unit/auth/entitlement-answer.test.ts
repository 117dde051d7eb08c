import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readEntitlementAnswer } from "../../../src/auth/entitlement.ts";

const secret = "MARKED-secret-of-the-service";

function read(answer: unknown): string {
  const result = readEntitlementAnswer(answer, [secret]);
  return result.ok ? JSON.stringify(result.value) : result.refusal.code;
}

function reasonOf(reason: string, secrets: readonly string[] = [secret]): string {
  const result = readEntitlementAnswer({ allow: false, reason }, secrets);
  if (result.ok) throw new Error("it was allowed");
  return result.refusal.reason;
}

describe("the answer of an entitlement service", () => {
  it.each([
    [{ allow: true }, "{}"],
    [{ allow: true, streams: 2 }, '{"streams":2}'],
    [{ allow: true, until: "2026-11-21T21:00:00+01:00" }, '{"until":1795291200}'],
    [{ allow: true, streams: 1, until: "2026-11-21T20:00:00.5Z" }, '{"streams":1,"until":1795291200}'],
    [{ allow: false }, "entitlement_refused"],
    [{ allow: false, reason: "nothing was bought" }, "entitlement_refused"],
    [{ allow: false, reason: "" }, "entitlement_refused"],
  ])("%j is read as %s", (answer, expected) => {
    expect(read(answer)).toBe(expected);
  });

  it.each([
    "",
    true,
    null,
    [],
    {},
    "allow",
    '{"allow": true}',
    { allow: "true" },
    { allow: 1 },
    { allow: null },
    { allowed: true },
    { Allow: true },
    [{ allow: true }],
    { allow: true, streams: 0 },
    { allow: true, streams: 1.5 },
    { allow: true, streams: "2" },
    { allow: true, streams: null },
    { allow: true, streams: 1001 },
    { allow: true, stream: 1 },
    { allow: true, until: "2026-11-21" },
    { allow: true, until: "2026-11-21T20:00:00" },
    { allow: true, until: 1_795_291_200 },
    { allow: true, until: null },
    { allow: true, reason: "they paid" },
    { allow: false, reason: 5 },
    { allow: false, streams: 1 },
    { error: "no database" },
  ])("%j is malformed, so access is refused", (answer) => {
    expect(read(answer)).toBe("provider_unavailable");
  });

  it("never allows access for random JSON or objects", () => {
    fc.assert(
      fc.property(fc.oneof(fc.jsonValue(), fc.object()), (document) => {
        expect(readEntitlementAnswer(document, [secret]).ok).toBe(false);
      }),
    );
  });
});

describe("the reason that an entitlement service gives for a refusal", () => {
  it("is logged unchanged if it is short and plain", () => {
    expect(reasonOf("subscription ended on 2026-11-01")).toBe(
      "the entitlement service refused: subscription ended on 2026-11-01",
    );
  });

  it("is logged on one line, with printable characters only", () => {
    expect(reasonOf('a\nb\r\n{"event":"forged"}\u001b[31m\u2028\u202ec')).toBe(
      'the entitlement service refused: a b {"event":"forged"} [31m c',
    );
  });

  it("is cut to 103 characters", () => {
    expect(reasonOf("no ".repeat(1000)).length).toBe("the entitlement service refused: ".length + 103);
  });

  it("is logged without the secret and without anything as long as a token", () => {
    expect(reasonOf(`the header was Bearer ${secret}.`)).toBe(
      "the entitlement service refused: the header was Bearer ....",
    );
    expect(reasonOf(`${"x".repeat(90)} ${secret}`)).not.toContain("MARKED");
    expect(reasonOf(`for eyJhbGciOiJFUzI1NiJ9.${"A".repeat(40)}`)).toBe("the entitlement service refused: for ...");
  });

  it("is logged without the viewer's subject and address, in any letter case", () => {
    expect(reasonOf("user Ann|7 from 2001:DB8::7: none", [secret, "ann|7", "2001:db8::7"])).toBe(
      "the entitlement service refused: user ... from ...: none",
    );
    expect(reasonOf("[a.b] and [aXb]", ["a.b"])).toBe("the entitlement service refused: [...] and [aXb]");
    expect(reasonOf("of ann-lee or ann", ["ann", "ann-lee"])).toBe("the entitlement service refused: of ... or ...");
    expect(reasonOf("nobody is left out", [""])).toBe("the entitlement service refused: nobody is left out");
  });

  it("is logged without e-mail addresses and without words of 20 or more characters, such as user ids and session tokens", () => {
    expect(reasonOf("ask <ann@example.com>, or see q9XfJ0aZbK3mT7yWc2Rn8UvD4sLhE6gP of now")).toBe(
      "the entitlement service refused: ask ... or see ... of now",
    );
    const id = "0123456789abcdefghij";
    expect([reasonOf(id), reasonOf(id.slice(1))]).toEqual([
      "the entitlement service refused: ...",
      `the entitlement service refused: ${id.slice(1)}`,
    ]);
  });

  it("is not quoted if the answer is malformed", () => {
    const result = readEntitlementAnswer({ allow: "no", reason: secret, token: "MARKED" }, [secret]);
    expect(JSON.stringify(result)).not.toContain("MARKED");
  });
});
