import { describe, expect, it } from "vitest";
import { ok, refusal } from "../../../src/base/result.ts";
import { type AnswerMedia, answerMedia } from "../../../src/edge/answer-media.ts";
import { describeError } from "../../../src/http/problem-response.ts";
import { memoryTelemetry } from "../../support/memory-stores.ts";
import { requestIds } from "../api/start.ts";
import { searchedLog } from "../http/searched-log.ts";

async function send(handler: AnswerMedia, method = "GET", headers: Readonly<Record<string, string>> = {}) {
  const { log, written } = searchedLog();
  const request = new Request("https://media.example/GRANT/film/0.ts?seg=SIGNATURE", { method, headers });
  const { telemetry, events } = memoryTelemetry();
  const reporting = { worker: "edge", log, telemetry, random: requestIds };
  const response = await answerMedia(request, reporting, handler);
  return { response, log: written, events };
}

describe("the media host", () => {
  it("answers a preflight from any origin without requiring a signature", async () => {
    const preflight = { Origin: "https://player.example", "Access-Control-Request-Method": "GET" };
    const { response } = await send(async () => refusal("signature_missing", "asked"), "OPTIONS", {
      ...preflight,
      "Access-Control-Request-Headers": "cmcd-object,cmcd-request,range",
    });
    expect(response.status).toBe(204);
    expect(Object.fromEntries(response.headers)).toEqual({
      "access-control-allow-origin": "*",
      "access-control-allow-methods": "GET, HEAD, OPTIONS",
      "access-control-allow-headers": "cmcd-object, cmcd-request, range",
      "access-control-max-age": "86400",
      "cache-control": "no-store",
      "content-security-policy":
        "sandbox; default-src 'none'; media-src 'self'; img-src 'self'; style-src 'unsafe-inline'",
      "strict-transport-security": "max-age=63072000",
      "x-content-type-options": "nosniff",
    });
  });

  const allowedFor = async (requested: string | undefined) => {
    const headers = requested === undefined ? {} : { "Access-Control-Request-Headers": requested };
    const { response } = await send(async () => refusal("signature_missing", "asked"), "OPTIONS", headers);
    expect(response.headers.get("Access-Control-Max-Age")).toBe("86400");
    return response.headers.get("Access-Control-Allow-Headers");
  };

  it.each([
    ["authorization", "authorization"],
    ["Range", "Range"],
    ["cmcd-object,cmcd-request,cmcd-session,cmcd-status", "cmcd-object, cmcd-request, cmcd-session, cmcd-status"],
    ["range , x-playback-session-id,\tauthorization", "range, x-playback-session-id, authorization"],
    ["x-1,!#$%&'*+.^_`|~-", "x-1, !#$%&'*+.^_`|~-"],
    [`x-${"a".repeat(4000)}`, `x-${"a".repeat(4000)}`],
  ])("allows a player the headers %s", async (requested, allowed) => {
    expect(await allowedFor(requested)).toBe(allowed);
  });

  it.each([undefined, "", ",", " , ", "a b", "x:y", '"range"', "<script>", "x;y", "é", "x".repeat(4097)])(
    "allows any header if a preflight asks for %j, without repeating it",
    async (requested) => {
      expect(await allowedFor(requested)).toBe("*, Authorization, If-None-Match, If-Range, Range");
    },
  );

  it("ignores invalid names in a preflight's headers", async () => {
    expect(await allowedFor("range,a b,x:y,cmcd-request,")).toBe("range, cmcd-request");
  });

  it.each([
    ["served files", async () => ok(new Response("a")), 200],
    ["a refusal", async () => refusal("signature_expired", "late"), 403],
    [
      "an exception",
      async () => {
        throw new Error("x");
      },
      500,
    ],
  ] as const)("lets any page read %s, without credentials", async (_, handler, status) => {
    const { response } = await send(handler);
    expect([response.status, response.headers.get("Access-Control-Allow-Origin")]).toEqual([status, "*"]);
    expect(response.headers.get("Access-Control-Expose-Headers")).toContain("Content-Range");
    expect(response.headers.has("Access-Control-Allow-Credentials")).toBe(false);
  });

  it.each(["text/html", "image/svg+xml", "application/xml", "text/xml; charset=utf-8", "video/mp2t"])(
    "never lets a file of the origin run as a page of the media host: %s",
    async (type) => {
      const handlers: readonly AnswerMedia[] = [
        async () => ok(new Response("<svg onload=alert(1)>", { headers: { "Content-Type": type } })),
        async () => refusal("object_unknown", "no such file"),
        () => Promise.reject(new Error("x")),
      ];
      for (const handler of handlers) {
        const { headers } = (await send(handler)).response;
        expect(headers.get("X-Content-Type-Options")).toBe("nosniff");
        const policy = headers.get("Content-Security-Policy")?.split("; ") ?? [];
        // Only `sandbox`: with allow-scripts or allow-same-origin the file could act for the viewer.
        expect(policy).toContain("sandbox");
        expect(policy).toContain("default-src 'none'");
        expect(policy.join()).not.toMatch(/allow-|script-src|unsafe-eval/);
      }
    },
  );

  it("logs one line for an exception, without its message and the URL", async () => {
    const { response, log } = await send(async () => {
      throw new TypeError("MARKED", { cause: new Error("MARKED") });
    });
    expect(log).toEqual([
      expect.stringMatching(/^\{"worker":"edge","event":"error","error":"TypeError at .+","request":"(ab){8}"\}$/),
    ]);
    expect(log.join() + (await response.text())).not.toMatch(/MARKED|GRANT|SIGNATURE/);
  });

  it("logs one line for a refusal, without the URL, and sends the line's id in the response", async () => {
    const { log, response } = await send(async () => refusal("signature_expired", "the URL ended 3 s ago"));
    expect(log).toEqual([
      '{"worker":"edge","event":"refused","code":"signature_expired","reason":"the URL ended 3 s ago",' +
        '"request":"abababababababab"}',
    ]);
    expect(response.headers.get("Request-Id")).toBe("abababababababab");
  });

  it("logs the subject by its hash after a grant was opened", async () => {
    const { log } = await send(async ({ onSubject }) => {
      onSubject?.("HASH");
      return refusal("grant_expired", "late");
    });
    expect(JSON.parse(log.join(""))).toMatchObject({ code: "grant_expired", subject: "HASH" });
  });

  it("counts refusals and exceptions only", async () => {
    const fails = () => Promise.reject(new Error("x"));
    const results = [
      await send(async () => refusal("signature_expired", "late")),
      await send(fails),
      await send(async () => ok(new Response("a")), "PUT"),
      await send(async () => ok(new Response("a"))),
      await send(fails, "OPTIONS"),
    ];
    const refused = (code: string) => expect.objectContaining({ event: "refused", worker: "edge", code });
    expect(results.flatMap(({ events }) => events)).toEqual(
      ["signature_expired", "internal_error", "method_not_covered"].map(refused),
    );
  });
});

describe("the log text of an exception", () => {
  it.each(["MARKED", "a\n    at MARKED", "\n    at MARKED (a.ts:1:1)\n", "MARKED\n".repeat(3), "a\r\n\tat MARKED"])(
    "is its name and its location, never its message: %j",
    (message) => {
      const written = describeError(new RangeError(message));
      expect(written).toMatch(/^RangeError at /);
      expect(written).not.toContain("MARKED");
    },
  );

  it("is its name only if its stack begins with another message", () => {
    const error = new Error("a\n    at MARKED");
    expect(error.stack).toContain("MARKED"); // The stack is created at the first access.
    error.message = "changed since";
    expect(describeError(error)).toBe("Error");
  });

  it.each(["MARKED", { message: "MARKED" }, null, undefined])(
    "is the same for every value that is not an Error: %j",
    (thrown) => {
      expect(describeError(thrown)).toBe("not an Error");
    },
  );
});
