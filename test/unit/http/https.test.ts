import { describe, expect, it } from "vitest";
import { ok } from "../../../src/base/result.ts";
import { answerMedia } from "../../../src/edge/answer-media.ts";
import { isPlainHttp, strictTransport } from "../../../src/http/cors.ts";
import { noTelemetry } from "../../../src/metrics/telemetry.ts";
import { api, requestIds, start } from "../api/start.ts";
import { token } from "../auth/tokens.ts";

const local = ["localhost", "localhost:8787", "127.0.0.1", "127.0.0.1:1", "[::1]", "[::1]:8788"];
const remote = [
  "api.example",
  "api.example:8787",
  "localhost.evil.example",
  "localhosts",
  "evil.example/localhost",
  "127.0.0.1.evil.example",
  "127.0.0.10",
  "127.0.0.2",
  "[::10]",
  "192.168.0.1",
];

describe("plain HTTP", () => {
  it.each(local)("is accepted at the local host %s", (host) => {
    expect(["", "/", "/a", "?a"].map((rest) => isPlainHttp(`http://${host}${rest}`))).toEqual(Array(4).fill(false));
  });

  it.each(remote)("is refused at the remote host %s", (host) => {
    expect(isPlainHttp(`http://${host}/a`)).toBe(true);
    expect(isPlainHttp(`https://${host}/a`)).toBe(false);
  });
});

it.each(remote)("sends Strict-Transport-Security for %s over https, without its subdomains", (host) => {
  expect(strictTransport(`https://${host}/a`)).toBe("max-age=63072000");
  expect(strictTransport(`http://${host}/a`)).toBeUndefined();
});

it.each(local)("sends no Strict-Transport-Security for %s, so that other local services stay reachable", (host) => {
  expect(strictTransport(`https://${host}/a`)).toBeUndefined();
});

describe("the API", () => {
  it("refuses plain HTTP before it reads the body, for every method and path", async () => {
    const { send, issuer, log } = await api();
    const good = await token(issuer);
    for (const path of ["/stream/start", "/stream/x", "/operator/revocations", "/api/auth/sign-in/email", "/", "/x"])
      for (const method of ["GET", "POST", "DELETE", "OPTIONS", "HEAD"]) {
        let pulled = 0;
        const body = new ReadableStream({ pull: () => void pulled++ }, { highWaterMark: 0 });
        const headers = { Authorization: `Bearer ${good}` };
        const init: RequestInit & { duplex: "half" } = {
          method,
          headers,
          duplex: "half",
          ...(method === "POST" && { body }),
        };
        const response = await send(path, new Request(`http://api.example${path}`, init));
        expect([response.status, response.headers.get("Location"), pulled]).toEqual([403, null, 0]);
        expect(response.headers.has("Strict-Transport-Security")).toBe(false);
        if (method !== "HEAD") expect(await response.json()).toMatchObject({ code: "https_required" });
      }
    expect(log.join()).not.toContain("eyJ");
  });

  it("sends Strict-Transport-Security with every response over https", async () => {
    const { send, issuer } = await api();
    const good = await token(issuer);
    const requests = [start(good), start(undefined), { method: "OPTIONS" }, { method: "PUT" }];
    for (const init of requests) {
      const secure = await send("", new Request("https://api.example/stream/start", init));
      expect(secure.headers.get("Strict-Transport-Security")).toBe("max-age=63072000");
      const onLocalhost = await send("", new Request("http://localhost/stream/start", init));
      expect(onLocalhost.headers.has("Strict-Transport-Security")).toBe(false);
    }
    const unknown = await send("", new Request("https://api.example/x"));
    expect(unknown.headers.get("Strict-Transport-Security")).toBe("max-age=63072000");
  });
});

describe("the media host", () => {
  const reporting = { worker: "edge", log: () => undefined, telemetry: noTelemetry, random: requestIds };
  const request = async (url: string, method = "GET") => {
    let calls = 0;
    const handler = async () => {
      calls++;
      return ok(new Response("a"));
    };
    return { response: await answerMedia(new Request(url, { method }), reporting, handler), calls: () => calls };
  };

  it.each(["GET", "HEAD", "OPTIONS", "POST"])("refuses %s over plain HTTP before any other check", async (method) => {
    const { response, calls } = await request("http://media.example/G/film/0.ts?seg=1", method);
    expect([response.status, response.headers.get("Location"), calls()]).toEqual([403, null, 0]);
    expect(response.headers.get("Access-Control-Allow-Origin")).toBe("*");
    expect(response.headers.has("Strict-Transport-Security")).toBe(false);
  });

  it("sends Strict-Transport-Security with every response over https, except on the local machine", async () => {
    for (const method of ["GET", "OPTIONS", "POST"]) {
      const { response } = await request("https://media.example/G/film/0.ts", method);
      expect(response.headers.get("Strict-Transport-Security")).toBe("max-age=63072000");
    }
    expect((await request("http://127.0.0.1:8788/G/film/0.ts")).response.status).toBe(200);
    expect((await request("http://localhost:8788/G")).response.headers.has("Strict-Transport-Security")).toBe(false);
  });
});
