import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { afterEach, describe, expect, it } from "vitest";
import { probeWith } from "../../../cli/doctor/live/probe.ts";

const stops: (() => void)[] = [];
afterEach(() => {
  for (const stop of stops.splice(0)) stop();
});

async function server(answer: (request: IncomingMessage, response: ServerResponse) => void): Promise<string> {
  const made = createServer({ keepAliveTimeout: 0 }, answer);
  await new Promise<void>((resolve) => made.listen(0, "127.0.0.1", resolve));
  stops.push(() => {
    made.close();
    made.closeAllConnections();
  });
  const address = made.address();
  if (address === null || typeof address === "string") throw new Error("the server has no port");
  return `http://127.0.0.1:${address.port}`;
}

describe("what doctor asks of a host", () => {
  it("goes no further than the host, unless it is told to follow: credentials are for nobody else", async () => {
    let asked = 0;
    const other = await server((_, response) => {
      asked++;
      response.end("a film");
    });
    const first = await server((_, response) => response.writeHead(302, { Location: other }).end());
    const probe = probeWith(fetch);
    expect(await probe(first, { headers: { "X-Origin-Secret": "let me in" } })).toMatchObject({ status: 302 });
    expect(asked).toBe(0);
    expect(await probe(first, { follow: true })).toMatchObject({ status: 200, text: "a film" });
  });

  it("is silence where no answer comes, or one that is not through in time", async () => {
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

  it("reads no more than a start of what is long", async () => {
    const long = await server((_, response) => response.end("a".repeat(5_000_000)));
    const answer = await probeWith(fetch)(long);
    expect(answer).toMatchObject({ status: 200 });
    expect(answer === "silent" ? 0 : answer.text.length).toBeLessThan(500_000);
  });
});
