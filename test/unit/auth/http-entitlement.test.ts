import { describe, expect, it } from "vitest";
import { type EntitlementFetch, httpEntitlement } from "../../../src/auth/entitlement.ts";
import { type Timer, unixSeconds } from "../../../src/base/time.ts";

const asked = { issuer: "https://id.example", subject: "ann", asset: "film", address: "192.0.2.7", country: "DE" };
const url = "https://shop.example/may-play?tenant=7";
const secret = "MARKED-secret-of-the-service";

/** The timer that rings when the test says so. */
function handTimer() {
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

async function answered(respond: EntitlementFetch, timer: Timer = handTimer().timer, more: object = {}) {
  const got = await httpEntitlement({ url, secret }, { fetch: respond, timer })({ ...asked, ...more });
  return got.ok ? got.value : `${got.refusal.code}: ${got.refusal.reason}`;
}

const json = (document: unknown, init?: ResponseInit) => async () => new Response(JSON.stringify(document), init);

describe("the entitlement service", () => {
  it("is asked with who wants to play what, from where, and told who asks", async () => {
    let seen: Parameters<EntitlementFetch> | undefined;
    await answered(async (...args) => {
      seen = args;
      return Response.json({ allow: true });
    });
    const [to, init] = seen ?? [];
    expect(to).toBe(url);
    expect({ ...init, body: JSON.parse(init?.body ?? "") }).toMatchObject({
      method: "POST",
      redirect: "manual",
      headers: { "Content-Type": "application/json", Authorization: `Bearer ${secret}` },
      body: asked,
    });
  });

  it("hears null for an address and a country that nobody knows, and no Authorization without a secret", async () => {
    const seen: Parameters<EntitlementFetch>[1][] = [];
    const fetch: EntitlementFetch = async (_, init) => {
      seen.push(init);
      return Response.json({ allow: true });
    };
    const ask = httpEntitlement({ url, secret: undefined }, { fetch, timer: handTimer().timer });
    await ask({ ...asked, address: undefined, country: undefined });
    expect(JSON.parse(seen[0]?.body ?? "")).toEqual({ ...asked, address: null, country: null });
    expect(Object.keys(seen[0]?.headers ?? {})).not.toContain("Authorization");
  });

  it("allows with 200, the number of streams and the end", async () => {
    expect(await answered(json({ allow: true, streams: 2, until: "2026-11-21T20:00:00Z" }))).toEqual({
      streams: 2,
      until: unixSeconds(1_795_291_200),
    });
  });

  it("refuses with 200 as well, and says why", async () => {
    expect(await answered(json({ allow: false, reason: "nothing was bought" }))).toBe(
      "entitlement_refused: the entitlement service refused: nothing was bought",
    );
  });

  it("says why without what it was sent of the viewer, and without the secret", async () => {
    const reason = `no plan of ANN at 192.0.2.7 (${secret})`;
    expect(await answered(json({ allow: false, reason }))).toBe(
      "entitlement_refused: the entitlement service refused: no plan of ... at ... (...)",
    );
  });

  it.each([201, 204, 301, 302, 307, 400, 401, 403, 404, 429, 500, 503])(
    "lets nobody in with %i, whatever it says beside",
    async (status) => {
      const body = status === 204 ? null : JSON.stringify({ allow: true });
      const headers = { Location: "https://elsewhere.example/" };
      expect(await answered(async () => new Response(body, { status, headers }))).toBe(
        `store_unavailable: the entitlement service answered ${status}`,
      );
    },
  );

  it.each([
    ["nothing", null],
    ["a page", "<!doctype html>"],
    ["half of an answer", '{"allow": tr'],
    ["what is not UTF-8", Uint8Array.from('{"allow":false,"reason":"\xff"}', (letter) => letter.charCodeAt(0))],
    ["UTF-8 that breaks off", Uint8Array.from('{"allow":true}\xc3', (letter) => letter.charCodeAt(0))],
  ])("lets nobody in with %s", async (_, body) => {
    expect(await answered(async () => new Response(body))).toMatch(/^store_unavailable: /);
  });

  it("lets nobody in with more than 4 KiB, and does not read on", async () => {
    let pulled = 0;
    const body = () =>
      new ReadableStream<Uint8Array>({
        pull: (controller) => {
          pulled++;
          controller.enqueue(new Uint8Array(1024).fill(0x20));
        },
      });
    expect(await answered(async () => new Response(body()))).toContain("more than 4096 bytes");
    expect(pulled).toBeLessThan(10);
    const padded = (length: number) => '{"allow":true}'.padEnd(length, " ");
    expect(await answered(async () => new Response(padded(4096)))).toEqual({ streams: undefined, until: undefined });
    expect(await answered(async () => new Response(padded(4097)))).toMatch(/^store_unavailable: /);
  });

  it.each([
    ["never answers", () => new Promise<Response>(() => undefined)],
    [
      "never ends its answer",
      async () => new Response(new ReadableStream({ pull: () => new Promise(() => undefined) })),
    ],
  ])(
    "lets nobody in where it %s: after two seconds nobody waits for it, and the request is given up",
    async (_, hang) => {
      const { state, timer } = handTimer();
      let signal: AbortSignal | undefined;
      const waiting = answered(async (_, init) => {
        signal = init.signal;
        setTimeout(() => state.ring(), 0);
        return hang();
      }, timer);
      expect(await waiting).toBe("store_unavailable: the entitlement service did not answer within 2 s");
      expect([state.lengths, signal?.aborted]).toEqual([[2], true]);
    },
  );

  it("lets nobody in where it cannot be reached, and quotes nothing of what is thrown", async () => {
    const { state, timer } = handTimer();
    const got = await answered(() => Promise.reject(new Error(`connect ${url} ${secret}`)), timer);
    expect(got).toBe("store_unavailable: the entitlement service cannot be reached, or broke the connection off");
    expect(state.stopped).toBe(1);
  });

  it("lets nobody in where it breaks off", async () => {
    const body = new ReadableStream({
      pull: (controller) => controller.error(new Error("MARKED")),
    });
    expect(await answered(async () => new Response(body))).toMatch(/^store_unavailable: .* broke the connection off$/);
  });
});
