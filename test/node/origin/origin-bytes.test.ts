import { createServer, type Server } from "node:http";
import { afterAll, beforeAll, expect, it } from "vitest";
import { systemClock } from "../../../src/base/time.ts";
import { httpOrigin } from "../../../src/origin/http-origin.ts";
import { httpOriginOf, sampleAsset } from "../../unit/catalog/sample.ts";

let server: Server;
let base: string;
const urls: string[] = [];

beforeAll(async () => {
  server = createServer(({ url = "" }, response) => {
    urls.push(url);
    response.end("bytes");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  base = `http://127.0.0.1:${address !== null && typeof address === "object" ? address.port : 0}/films/42/`;
});
afterAll(() => server.close());

it.each([
  ["a//b.ts", ""],
  ["/ts//0.ts", ""],
  ["//", ""],
  ["a;v=1/0.ts", ""],
  ["a%3Bb%3bc%2Fd%2fe.ts", ""],
  ["50%25%20off/%C3%A9%c3%a9.ts", ""],
  ["hdnts=exp=1~acl=/*~hmac=ab/a%2Bb+c.ts", ""],
  ["a|b[c]!$&'()*+,=:@~.ts", ""],
  ["0.ts", "hdnts=exp=1900000000~acl=/live/*~hmac=0a1b"],
  ["0.ts", "a&b=&&=c=d&e?f/g;h"],
  ["0.ts", "a=%c3%a9%7e%2B+&b={c}|^`[d]%"],
])("Node's fetch sends %s?%s to an origin unchanged", async (path, query) => {
  urls.length = 0;
  const ports = { secretOf: () => undefined, originSecrets: {}, clock: systemClock };
  const origin = httpOrigin({ fetch: (url, init) => fetch(url, init), ...ports });
  const asset = sampleAsset({ origin: httpOriginOf({ url: base }) });
  const result = await origin({ asset, path, query, method: "GET" });
  if (!result.ok) throw new Error(result.refusal.reason);
  expect(await result.value.text()).toBe("bytes");
  expect(urls).toEqual([`/films/42/${path}${query === "" ? "" : `?${query}`}`]);
});
