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
/** A body that promises more than comes. */
const cut = "Content-Length: 1000";
const chunked = "Transfer-Encoding: chunked";

let rays = 0;
/** The uploads that were broken off. The runtime may cancel such a request before it leaves a line in the log. */
const broken: string[] = [];

/** A name for the next request, which its line in the log repeats. */
function nextRay(): string {
  return (++rays).toString(16).padStart(16, "0");
}

/** Sends the head of a request and a part of its body, and breaks the connection: at once, or when the answer begins. */
function breakOff(
  url: string,
  line: string,
  headers: readonly string[],
  part: string,
  when: "at once" | "answered" = "at once",
): Promise<void> {
  const { hostname, port, host } = new URL(url);
  const head = [`${line} HTTP/1.1`, `Host: ${host}`, ...headers].join("\r\n");
  return new Promise((resolve) => {
    const socket = connect(Number(port), hostname, () => {
      // The worker is asked once the head is there; the last byte of the body never comes.
      socket.write(`${head}\r\n\r\n${part}`, () => {
        if (when === "at once") socket.resetAndDestroy();
      });
    });
    socket.on("data", () => socket.resetAndDestroy());
    socket.on("error", () => undefined);
    socket.on("close", () => resolve());
  });
}

/** The lines of the log that a request left. */
const linesOf = (ray: string) => log.filter((line) => line.includes(ray)).map((line) => Object(JSON.parse(line)));

const expectRefused = (ray: string, code: string) =>
  vi.waitFor(() => expect(linesOf(ray)).toMatchObject([{ event: "refused", code }]), { timeout: 30_000 });

describe("an upload that breaks off", () => {
  it.each([
    ["a start", "POST /stream/start", () => [viewer, json, cut], '{"asset":"vod'],
    ["a start in chunks", "POST /stream/start", () => [viewer, json, chunked], '8\r\n{"asset"\r\n'],
    ["a look at a session", `GET /stream/${"A".repeat(22)}`, () => [viewer, cut], "{"],
    ["a revocation", "POST /operator/revocations", () => [operator, json, cut], '{"asset":"vod'],
    ["an asset", "PUT /operator/assets/vod-ts", () => [operator, json, cut], "{"],
    ["a sign-in", "POST /api/auth/sign-in/email", () => [json, cut], '{"email":"a@'],
    ["a sign-out", "POST /api/auth/sign-out", () => [json, cut], "{"],
    ["a refresh", "POST /api/auth/oauth2/token", () => [form, cut], "grant_type=refresh"],
    ["a form of the console", "POST /console/sign-in", () => [form, cut, `Origin: ${apiUrl}`], "credential=e"],
  ])("is the client's own: %s", async (_, line, headers, part) => {
    const ray = nextRay();
    await breakOff(apiUrl, line, [`CF-Ray: ${ray}`, ...headers()], part);
    broken.push(ray);
    expect((await fetch(`${apiUrl}/health`)).status).toBe(200);
  });

  it("is refused as body_invalid wherever the runtime let the worker finish, and never anything else", async () => {
    const codes = () => broken.flatMap((ray) => linesOf(ray).map(({ event, code }) => `${event} ${code}`));
    await vi.waitFor(() => expect(codes()).toContain("refused body_invalid"), { timeout: 60_000 });
    expect(new Set(codes())).toEqual(new Set(["refused body_invalid"]));
  });

  it("is not asked for at the media host: the playlist is made, and no worker fails", async () => {
    const { manifestUrl } = await startStream(cluster.addresses, "vod-ts");
    const target = manifestUrl.slice(mediaUrl.length);
    const [whole, unsigned] = [nextRay(), nextRay()];
    await breakOff(mediaUrl, `GET ${target}`, [`CF-Ray: ${whole}`, cut], "{");
    await breakOff(mediaUrl, "GET /vod-ts/180p/0.ts", [`CF-Ray: ${unsigned}`, cut], "{", "answered");
    await expectRefused(unsigned, "signature_missing");
    expect((await fetch(manifestUrl)).status).toBe(200);
    expect(linesOf(whole)).toEqual([]);
  });
});

describe("chunks that are none", () => {
  it("are 400 body_invalid, and the connection ends", async () => {
    const { hostname, port, host } = new URL(apiUrl);
    const head = ["POST /stream/start HTTP/1.1", `Host: ${host}`, viewer, json, chunked].join("\r\n");
    const answer = await new Promise<string>((resolve) => {
      let text = "";
      const socket = connect(Number(port), hostname, () => socket.write(`${head}\r\n\r\n4\r\n{"as\r\nzz\r\n`));
      socket.on("data", (bytes) => {
        text += bytes;
        if (text.includes("body_invalid")) socket.destroy();
      });
      socket.on("close", () => resolve(text));
    });
    expect(answer).toMatch(/^HTTP\/1.1 400 /);
    expect(answer).toContain('"code":"body_invalid"');
  });
});

it("leaves no failure of ours in the log", () => {
  expect(log.filter((line) => /"event":"error"|internal_error|store_unavailable/.test(line))).toEqual([]);
});
