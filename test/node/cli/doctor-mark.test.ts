import { expect, it } from "vitest";
import { markedProbe, probeWith } from "../../../cli/doctor/live/probe.ts";
import { oneShotHmac } from "../../../src/platform/node/node-crypto.ts";
import { markedBy, probeHeader } from "../../../src/signing/probe-mark.ts";
import { prepareSessionKeys } from "../../../src/signing/session-keys.ts";
import { apiUrl, mediaUrl, now, ringKeys } from "./doctor-stage.ts";

const keys = await prepareSessionKeys({ keys: ringKeys }, oneShotHmac);

/** The headers that a URL's host gets. */
async function sent(url: string, ring: Parameters<typeof markedProbe>[1]["ring"] = { keys: ringKeys }) {
  const requests: Request[] = [];
  const send: typeof fetch = async (input, init) => {
    requests.push(new Request(input, init));
    return new Response();
  };
  const probe = markedProbe(probeWith(send), { apiUrl: `${apiUrl}/v1`, mediaUrl, ring, clock: () => now });
  await probe(url, { headers: { Origin: "https://www.films.test" } });
  const [request] = requests;
  if (request === undefined) throw new Error("nothing was sent");
  return request;
}

it("doctor marks its requests to the API and the media host, each for that host", async () => {
  const [toApi, toMedia] = [await sent(`${apiUrl}/health`), await sent(`${mediaUrl}/film/index.m3u8`)];
  expect(markedBy(toApi, "api", keys, now)).toBe(ringKeys[0]?.kid);
  expect(markedBy(toMedia, "media", keys, now)).toBe(ringKeys[0]?.kid);
  expect(markedBy(toApi, "media", keys, now)).toBeUndefined();
  expect(toMedia.headers.get("Origin")).toBe("https://www.films.test");
});

it("doctor sends no mark to an origin, a distribution or a bucket, and none without a ring", async () => {
  for (const url of ["https://origin.films.test/a.ts", `${mediaUrl}.evil.test/`, "https://d1.cloudfront.test/"])
    expect((await sent(url)).headers.has(probeHeader)).toBe(false);
  expect((await sent(`${mediaUrl}/film/index.m3u8`, { keys: [] })).headers.has(probeHeader)).toBe(false);
});
