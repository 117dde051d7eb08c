import { describe, expect, it } from "vitest";
import type { HttpDeps } from "../../../src/auth/ask-json.ts";
import { httpEntitlement } from "../../../src/auth/entitlement.ts";
import { type Timer, unixSeconds } from "../../../src/base/time.ts";

type EntitlementFetch = HttpDeps["fetch"];

const question = { issuer: "https://id.example", subject: "ann", asset: "film", address: "192.0.2.7", country: "DE" };
const url = "https://shop.example/may-play?tenant=7";
const secret = "MARKED-secret-of-the-service";

/** A timer that the test fires. */
function manualTimer() {
  const state = { lengths: [] as number[], stopped: 0, ring: () => {} };
  const timer: Timer = (length, ring) => {
    state.lengths.push(length);
    state.ring = ring;
    return () => {
      state.stopped++;
    };
  };
  return { state, timer };
}

async function outcomeOf(respond: EntitlementFetch, timer: Timer = manualTimer().timer, more: object = {}) {
  const result = await httpEntitlement({ url, secret }, { fetch: respond, timer })({ ...question, ...more });
  return result.ok ? result.value : `${result.refusal.code}: ${result.refusal.reason}`;
}

const json = (document: unknown, init?: ResponseInit) => async () => new Response(JSON.stringify(document), init);

describe("a request to the entitlement service", () => {
  it("carries the viewer, the asset, the address and the country, and authenticates with the secret", async () => {
    let request: Parameters<EntitlementFetch> | undefined;
    await outcomeOf(async (...args) => {
      request = args;
      return Response.json({ allow: true });
    });
    const [requestUrl, init] = request ?? [];
    expect(requestUrl).toBe(url);
    expect({ ...init, body: JSON.parse(String(init?.body)) }).toMatchObject({
      method: "POST",
      redirect: "manual",
      headers: { "Content-Type": "application/json", Authorization: `Bearer ${secret}` },
      body: question,
    });
  });

  it("carries null for an unknown address and country, and no Authorization header without a secret", async () => {
    const requests: Parameters<EntitlementFetch>[1][] = [];
    const fetch: EntitlementFetch = async (_, init) => {
      requests.push(init);
      return Response.json({ allow: true });
    };
    const ask = httpEntitlement({ url, secret: undefined }, { fetch, timer: manualTimer().timer });
    await ask({ ...question, address: undefined, country: undefined });
    expect(JSON.parse(String(requests[0]?.body))).toEqual({ ...question, address: null, country: null });
    expect(Object.keys(requests[0]?.headers ?? {})).not.toContain("Authorization");
  });

  it("is allowed by a 200 with `allow: true`, which can limit the streams and the time", async () => {
    expect(await outcomeOf(json({ allow: true, streams: 2, until: "2026-11-21T20:00:00Z" }))).toEqual({
      streams: 2,
      until: unixSeconds(1_795_291_200),
    });
  });

  it("is refused by a 200 with `allow: false`, and the reason is kept", async () => {
    expect(await outcomeOf(json({ allow: false, reason: "nothing was bought" }))).toBe(
      "entitlement_refused: the entitlement service refused: nothing was bought",
    );
  });

  it("is refused with a reason that quotes neither the viewer's data nor the secret", async () => {
    const reason = `no plan of ANN at 192.0.2.7 (${secret})`;
    expect(await outcomeOf(json({ allow: false, reason }))).toBe(
      "entitlement_refused: the entitlement service refused: no plan of ... at ... (...)",
    );
  });

  it.each([201, 204, 301, 302, 307, 400, 401, 403, 404, 429, 500, 503])(
    "is refused if the service answers %i, whatever the body",
    async (status) => {
      const body = status === 204 ? null : JSON.stringify({ allow: true });
      const headers = { Location: "https://elsewhere.example/" };
      expect(await outcomeOf(async () => new Response(body, { status, headers }))).toBe(
        `provider_unavailable: the entitlement service answered ${status}`,
      );
    },
  );

  it.each([
    ["an empty body", null],
    ["an HTML page", "<!doctype html>"],
    ["truncated JSON", '{"allow": tr'],
    ["bytes that are not UTF-8", Uint8Array.from('{"allow":false,"reason":"\xff"}', (letter) => letter.charCodeAt(0))],
    ["truncated UTF-8", Uint8Array.from('{"allow":true}\xc3', (letter) => letter.charCodeAt(0))],
  ])("is refused if the service answers with %s", async (_, body) => {
    expect(await outcomeOf(async () => new Response(body))).toMatch(/^provider_unavailable: /);
  });

  it("is refused if the answer exceeds 4 KiB, and the rest is not read", async () => {
    let pulled = 0;
    const body = () =>
      new ReadableStream<Uint8Array>({
        pull: (controller) => {
          pulled++;
          controller.enqueue(new Uint8Array(1024).fill(0x20));
        },
      });
    expect(await outcomeOf(async () => new Response(body()))).toContain("more than 4096 bytes");
    expect(pulled).toBeLessThan(10);
    const padded = (length: number) => '{"allow":true}'.padEnd(length, " ");
    expect(await outcomeOf(async () => new Response(padded(4096)))).toEqual({ streams: undefined, until: undefined });
    expect(await outcomeOf(async () => new Response(padded(4097)))).toMatch(/^provider_unavailable: /);
  });

  it.each([
    ["never answers", () => new Promise<Response>(() => undefined)],
    [
      "never finishes its answer",
      async () => new Response(new ReadableStream({ pull: () => new Promise(() => undefined) })),
    ],
  ])("is aborted and refused after two seconds if the service %s", async (_, hang) => {
    const { state, timer } = manualTimer();
    let signal: AbortSignal | undefined;
    const waiting = outcomeOf(async (_, init) => {
      signal = init?.signal ?? undefined;
      setTimeout(() => state.ring(), 0);
      return hang();
    }, timer);
    expect(await waiting).toBe("provider_unavailable: the entitlement service did not answer within 2 s");
    expect([state.lengths, signal?.aborted]).toEqual([[2], true]);
  });

  it("is refused if the service cannot be reached, and the reason does not quote the error", async () => {
    const { state, timer } = manualTimer();
    const result = await outcomeOf(() => Promise.reject(new Error(`connect ${url} ${secret}`)), timer);
    expect(result).toBe("provider_unavailable: the entitlement service cannot be reached, or broke the connection off");
    expect(state.stopped).toBe(1);
  });

  it("is refused if the connection breaks during the answer", async () => {
    const body = new ReadableStream({
      pull: (controller) => controller.error(new Error("MARKED")),
    });
    expect(await outcomeOf(async () => new Response(body))).toMatch(
      /^provider_unavailable: .* broke the connection off$/,
    );
  });
});
