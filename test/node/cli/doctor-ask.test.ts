import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { afterEach, describe, expect, it } from "vitest";
import { probeWith } from "../../../cli/doctor/live/probe.ts";

const stops: (() => void)[] = [];
afterEach(() => {
  for (const stop of stops.splice(0)) stop();
});

async function server(respond: (request: IncomingMessage, response: ServerResponse) => void): Promise<string> {
  const http = createServer({ keepAliveTimeout: 0 }, respond);
  await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
  stops.push(() => {
    http.close();
    http.closeAllConnections();
  });
  const address = http.address();
  if (address === null || typeof address === "string") throw new Error("the server has no port");
  return `http://127.0.0.1:${address.port}`;
}

describe("a request of doctor", () => {
  it("follows a redirect only on demand, so credentials never reach another host", async () => {
    let requests = 0;
    const other = await server((_, response) => {
      requests++;
      response.end("a film");
    });
    const first = await server((_, response) => response.writeHead(302, { Location: other }).end());
    const probe = probeWith(fetch);
    expect(await probe(first, { headers: { "X-Origin-Secret": "let me in" } })).toMatchObject({ status: 302 });
    expect(requests).toBe(0);
    expect(await probe(first, { follow: true })).toMatchObject({ status: 200, text: "a film" });
  });

  it("counts as silent without a complete response in time", async () => {
    const mute = await server(() => undefined);
    const stuck = await server((_, response) => {
      response.writeHead(200);
      response.write("a");
    });
    const probe = probeWith(fetch, 200);
    expect(await Promise.all([mute, stuck, "http://127.0.0.1:9"].map((url) => probe(url)))).toEqual(
      Array(3).fill("silent"),
    );
  });

  it("reads only the beginning of a long response", async () => {
    const long = await server((_, response) => response.end("a".repeat(5_000_000)));
    const response = await probeWith(fetch)(long);
    expect(response).toMatchObject({ status: 200 });
    expect(response === "silent" ? 0 : response.text.length).toBeLessThan(500_000);
  });
});
