import { describe, expect, it } from "vitest";
import { ok, refusal } from "../../../src/base/result.ts";
import { type AnswerMedia, answerMedia } from "../../../src/edge/answer-media.ts";
import { describeError } from "../../../src/http/request-log.ts";
import { memoryTelemetry } from "../../support/memory-stores.ts";
import { requestIds } from "../api/start.ts";
import { searchedLog } from "../http/searched-log.ts";

async function ask(answer: AnswerMedia, method = "GET", headers: Readonly<Record<string, string>> = {}) {
  const { log, written } = searchedLog();
  const request = new Request("https://media.example/GRANT/film/0.ts?seg=SIGNATURE", { method, headers });
  const { telemetry, events } = memoryTelemetry();
  const reporting = { worker: "edge", log, telemetry, random: requestIds };
  const response = await answerMedia(request, reporting, answer);
  return { response, log: written, events };
}

describe("the media host", () => {
  it("answers a preflight for all origins without asking for a signature", async () => {
    const asked = { Origin: "https://player.example", "Access-Control-Request-Method": "GET" };
    const { response } = await ask(async () => refusal("signature_missing", "asked"), "OPTIONS", {
      ...asked,
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
    const { response } = await ask(async () => refusal("signature_missing", "asked"), "OPTIONS", headers);
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
    "allows any header where a preflight asks for %j, and repeats nothing of it",
    async (requested) => {
      expect(await allowedFor(requested)).toBe("*, Authorization, If-None-Match, If-Range, Range");
    },
  );

  it("leaves out of a preflight's headers what is no name", async () => {
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
  ] as const)("lets any page read %s, without credentials", async (_, answer, status) => {
    const { response } = await ask(answer);
    expect([response.status, response.headers.get("Access-Control-Allow-Origin")]).toEqual([status, "*"]);
    expect(response.headers.get("Access-Control-Expose-Headers")).toContain("Content-Range");
    expect(response.headers.has("Access-Control-Allow-Credentials")).toBe(false);
  });

  it.each(["text/html", "image/svg+xml", "application/xml", "text/xml; charset=utf-8", "video/mp2t"])(
    "lets no file of an origin run as a page of the media host: %s",
    async (type) => {
      const answers: readonly AnswerMedia[] = [
        async () => ok(new Response("<svg onload=alert(1)>", { headers: { "Content-Type": type } })),
        async () => refusal("object_unknown", "no such file"),
        () => Promise.reject(new Error("x")),
      ];
      for (const answer of answers) {
        const { headers } = (await ask(answer)).response;
        expect(headers.get("X-Content-Type-Options")).toBe("nosniff");
        const policy = headers.get("Content-Security-Policy")?.split("; ") ?? [];
        // `sandbox` alone: any allow-scripts or allow-same-origin would let the file act for the viewer.
        expect(policy).toContain("sandbox");
        expect(policy).toContain("default-src 'none'");
        expect(policy.join()).not.toMatch(/allow-|script-src|unsafe-eval/);
      }
    },
  );

  it("writes one line of an exception, which holds neither its message nor the URL", async () => {
    const { response, log } = await ask(async () => {
      throw new TypeError("MARKED", { cause: new Error("MARKED") });
    });
    expect(log).toEqual([
      expect.stringMatching(/^\{"worker":"edge","event":"error","error":"TypeError at .+","request":"(ab){8}"\}$/),
    ]);
    expect(log.join() + (await response.text())).not.toMatch(/MARKED|GRANT|SIGNATURE/);
  });

  it("writes one line of a refusal, which holds no URL, and gives its answer the id of that line", async () => {
    const { log, response } = await ask(async () => refusal("signature_expired", "the URL ended 3 s ago"));
    expect(log).toEqual([
      '{"worker":"edge","event":"refused","code":"signature_expired","reason":"the URL ended 3 s ago",' +
        '"request":"abababababababab"}',
    ]);
    expect(response.headers.get("Request-Id")).toBe("abababababababab");
  });

  it("names the subject by its hash once a grant was opened", async () => {
    const { log } = await ask(async ({ onSubject }) => {
      onSubject?.("HASH");
      return refusal("grant_expired", "late");
    });
    expect(JSON.parse(log.join(""))).toMatchObject({ code: "grant_expired", subject: "HASH" });
  });

  it("counts what it refuses and what breaks, and nothing else", async () => {
    const fails = () => Promise.reject(new Error("x"));
    const asked = [
      await ask(async () => refusal("signature_expired", "late")),
      await ask(fails),
      await ask(async () => ok(new Response("a")), "PUT"),
      await ask(async () => ok(new Response("a"))),
      await ask(fails, "OPTIONS"),
    ];
    const refused = (code: string) => expect.objectContaining({ event: "refused", worker: "edge", code });
    expect(asked.flatMap(({ events }) => events)).toEqual(
      ["signature_expired", "internal_error", "method_not_covered"].map(refused),
    );
  });
});

describe("what is written of an exception", () => {
  it.each(["MARKED", "a\n    at MARKED", "\n    at MARKED (a.ts:1:1)\n", "MARKED\n".repeat(3), "a\r\n\tat MARKED"])(
    "is its name and where it was thrown, and never its message: %j",
    (message) => {
      const written = describeError(new RangeError(message));
      expect(written).toMatch(/^RangeError at /);
      expect(written).not.toContain("MARKED");
    },
  );

  it("is its name alone where its stack begins with another message", () => {
    const error = new Error("a\n    at MARKED");
    expect(error.stack).toContain("MARKED"); // it is written at the first look
    error.message = "changed since";
    expect(describeError(error)).toBe("Error");
  });

  it.each(["MARKED", { message: "MARKED" }, null, undefined])("is nothing of what is no Error: %j", (thrown) => {
    expect(describeError(thrown)).toBe("not an Error");
  });
});
