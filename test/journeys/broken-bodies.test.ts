import { connect } from "node:net";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { operatorOf } from "../cluster/operator.ts";
import { startStream, tokenFor } from "../cluster/start-stream.ts";
import { startTestCluster } from "../cluster/test-cluster.ts";

const log: string[] = [];
let cluster: Awaited<ReturnType<typeof startTestCluster>>;
let apiUrl: string;
let mediaUrl: string;
let viewer: string;
let operator: string;

beforeAll(async () => {
  cluster = await startTestCluster({}, log);
  ({ apiUrl, mediaUrl } = cluster.addresses);
  viewer = `Authorization: Bearer ${await tokenFor(cluster.addresses)}`;
  operator = `Authorization: Bearer ${(await operatorOf(cluster.addresses, "ann")).token}`;
});
afterAll(() => cluster.stop());

const json = "Content-Type: application/json";
const form = "Content-Type: application/x-www-form-urlencoded";
/** A body that is shorter than its declared length. */
const cut = "Content-Length: 1000";
const chunked = "Transfer-Encoding: chunked";

let rays = 0;
/** The uploads that broke off. The runtime may cancel such a request before it writes a line to the log. */
const broken: string[] = [];

/** A ray id for the next request. Its line in the log repeats it. */
function nextRay(): string {
  return (++rays).toString(16).padStart(16, "0");
}

/**
 * Sends the head of a request and part of its body, then resets the connection: at once, or when the response begins.
 */
function breakOff(
  url: string,
  line: string,
  headers: readonly string[],
  part: string,
  when: "at once" | "on response" = "at once",
): Promise<void> {
  const { hostname, port, host } = new URL(url);
  const head = [`${line} HTTP/1.1`, `Host: ${host}`, ...headers].join("\r\n");
  return new Promise((resolve) => {
    const socket = connect(Number(port), hostname, () => {
      // The worker starts once the head is there. The last byte of the body never comes.
      socket.write(`${head}\r\n\r\n${part}`, () => {
        if (when === "at once") socket.resetAndDestroy();
      });
    });
    socket.on("data", () => socket.resetAndDestroy());
    socket.on("error", () => undefined);
    socket.on("close", () => resolve());
  });
}

/** Sends a start whose second chunk has no length, and returns the response. */
function sendInvalidChunk(headers: readonly string[] = []): Promise<string> {
  const { hostname, port, host } = new URL(apiUrl);
  const head = ["POST /stream/start HTTP/1.1", `Host: ${host}`, viewer, json, chunked, ...headers].join("\r\n");
  return new Promise((resolve) => {
    let text = "";
    const socket = connect(Number(port), hostname, () => socket.write(`${head}\r\n\r\n4\r\n{"as\r\nzz\r\n`));
    socket.on("data", (bytes) => {
      text += bytes;
      if (text.includes("body_invalid")) socket.destroy();
    });
    socket.on("close", () => resolve(text));
  });
}

/** The lines that a request left in the log. */
const linesOf = (ray: string) => log.filter((line) => line.includes(ray)).map((line) => Object(JSON.parse(line)));

const expectRefused = (ray: string, code: string) =>
  vi.waitFor(() => expect(linesOf(ray)).toMatchObject([{ event: "refused", code }]), { timeout: 30_000 });

describe("an upload that breaks off", () => {
  it.each([
    ["a start", "POST /stream/start", () => [viewer, json, cut], '{"asset":"vod'],
    ["a start in chunks", "POST /stream/start", () => [viewer, json, chunked], '8\r\n{"asset"\r\n'],
    ["reading a session", `GET /stream/${"A".repeat(22)}`, () => [viewer, cut], "{"],
    ["a revocation", "POST /operator/revocations", () => [operator, json, cut], '{"asset":"vod'],
    ["an asset", "PUT /operator/assets/vod-ts", () => [operator, json, cut], "{"],
    ["a sign-in", "POST /api/auth/sign-in/email", () => [json, cut], '{"email":"a@'],
    ["a sign-out", "POST /api/auth/sign-out", () => [json, cut], "{"],
    ["a refresh", "POST /api/auth/oauth2/token", () => [form, cut], "grant_type=refresh"],
    ["a form of the console", "POST /console/sign-in", () => [form, cut, `Origin: ${apiUrl}`], "credential=e"],
  ])("does not break the API: %s", async (_, line, headers, part) => {
    const ray = nextRay();
    await breakOff(apiUrl, line, [`CF-Ray: ${ray}`, ...headers()], part);
    broken.push(ray);
    expect((await fetch(`${apiUrl}/health`)).status).toBe(200);
  });

  it("is refused as body_invalid, and as nothing else, if the runtime lets the worker finish", async () => {
    const last = nextRay();
    await sendInvalidChunk([`CF-Ray: ${last}`]);
    await expectRefused(last, "body_invalid");
    const codes = broken.flatMap((ray) => linesOf(ray).map(({ event, code }) => `${event} ${code}`));
    expect(codes.filter((code) => code !== "refused body_invalid")).toEqual([]);
  });

  it("is not read by the media host, which still sends the playlist", async () => {
    const { manifestUrl } = await startStream(cluster.addresses, "vod-ts");
    const target = manifestUrl.slice(mediaUrl.length);
    const [signed, unsigned] = [nextRay(), nextRay()];
    await breakOff(mediaUrl, `GET ${target}`, [`CF-Ray: ${signed}`, cut], "{");
    await breakOff(mediaUrl, "GET /vod-ts/180p/0.ts", [`CF-Ray: ${unsigned}`, cut], "{", "on response");
    await expectRefused(unsigned, "signature_missing");
    expect((await fetch(manifestUrl)).status).toBe(200);
    expect(linesOf(signed)).toEqual([]);
  });
});

describe("a body with invalid chunks", () => {
  it("is refused as 400 body_invalid, and the connection ends", async () => {
    const response = await sendInvalidChunk();
    expect(response).toMatch(/^HTTP\/1.1 400 /);
    expect(response).toContain('"code":"body_invalid"');
  });
});

it("a broken body leaves no failure of the service in the log", () => {
  expect(log.filter((line) => /"event":"error"|internal_error|store_unavailable/.test(line))).toEqual([]);
});
