import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readEntitlementAnswer } from "../../../src/auth/entitlement.ts";

const secret = "MARKED-secret-of-the-service";

function read(answer: unknown): string {
  const text = typeof answer === "string" ? answer : JSON.stringify(answer);
  const got = readEntitlementAnswer(text, [secret]);
  return got.ok ? JSON.stringify(got.value) : got.refusal.code;
}

function reasonOf(reason: string, sent: readonly string[] = [secret]): string {
  const got = readEntitlementAnswer(JSON.stringify({ allow: false, reason }), sent);
  if (got.ok) throw new Error("it was allowed");
  return got.refusal.reason;
}

describe("an entitlement service's answer", () => {
  it.each([
    [{ allow: true }, "{}"],
    [{ allow: true, streams: 2 }, '{"streams":2}'],
    [{ allow: true, until: "2026-11-21T21:00:00+01:00" }, '{"until":1795291200}'],
    [{ allow: true, streams: 1, until: "2026-11-21T20:00:00.5Z" }, '{"streams":1,"until":1795291200}'],
    [{ allow: false }, "entitlement_refused"],
    [{ allow: false, reason: "nothing was bought" }, "entitlement_refused"],
    [{ allow: false, reason: "" }, "entitlement_refused"],
  ])("%j is understood", (answer, expected) => {
    expect(read(answer)).toBe(expected);
  });

  it.each([
    "",
    "true",
    "null",
    "[]",
    "{}",
    "allow",
    '{"allow": true',
    '{"allow": true} {"allow": true}',
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
    { allow: true, reason: "he paid" },
    { allow: false, reason: 5 },
    { allow: false, streams: 1 },
    { error: "no database" },
  ])("%j is none, and nobody is let in for it", (answer) => {
    expect(read(answer)).toBe("store_unavailable");
  });

  it("lets nobody in, whatever it is, but for true", () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.json(),
          fc.object().map((value) => JSON.stringify(value)),
        ),
        (text) => {
          expect(readEntitlementAnswer(text, [secret]).ok).toBe(false);
        },
      ),
    );
  });
});

describe("why the service refused goes to the log", () => {
  it("as it was said, where that is short and plain", () => {
    expect(reasonOf("subscription ended on 2026-11-01")).toBe(
      "the entitlement service refused: subscription ended on 2026-11-01",
    );
  });

  it("in one line of printable characters", () => {
    expect(reasonOf('a\nb\r\n{"event":"forged"}\u001b[31m\u2028\u202ec')).toBe(
      'the entitlement service refused: a b {"event":"forged"} [31m c',
    );
  });

  it("in no more than 103 characters of its own", () => {
    expect(reasonOf("no ".repeat(1000)).length).toBe("the entitlement service refused: ".length + 103);
  });

  it("without the secret, and without anything that is as long as a token", () => {
    expect(reasonOf(`the header was Bearer ${secret}.`)).toBe(
      "the entitlement service refused: the header was Bearer ....",
    );
    expect(reasonOf(`${"x".repeat(90)} ${secret}`)).not.toContain("MARKED");
    expect(reasonOf(`for eyJhbGciOiJFUzI1NiJ9.${"A".repeat(40)}`)).toBe("the entitlement service refused: for ...");
  });

  it("without whom it is about and where he is, in whatever case", () => {
    expect(reasonOf("user Ann|7 from 2001:DB8::7: none", [secret, "ann|7", "2001:db8::7"])).toBe(
      "the entitlement service refused: user ... from ...: none",
    );
    expect(reasonOf("[a.b] and [aXb]", ["a.b"])).toBe("the entitlement service refused: [...] and [aXb]");
    expect(reasonOf("of ann-lee or ann", ["ann", "ann-lee"])).toBe("the entitlement service refused: of ... or ...");
    expect(reasonOf("nobody is left out", [""])).toBe("the entitlement service refused: nobody is left out");
  });

  it("without an e-mail address, and without a user's id or a session's token, which have 20 characters and more", () => {
    expect(reasonOf("ask <ann@example.com>, or see q9XfJ0aZbK3mT7yWc2Rn8UvD4sLhE6gP of now")).toBe(
      "the entitlement service refused: ask ... or see ... of now",
    );
    const id = "0123456789abcdefghij";
    expect([reasonOf(id), reasonOf(id.slice(1))]).toEqual([
      "the entitlement service refused: ...",
      `the entitlement service refused: ${id.slice(1)}`,
    ]);
  });

  it("and is not quoted where the answer is not understood", () => {
    const got = readEntitlementAnswer(JSON.stringify({ allow: "no", reason: secret, token: "MARKED" }), [secret]);
    expect(JSON.stringify(got)).not.toContain("MARKED");
  });
});
