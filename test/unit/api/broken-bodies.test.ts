import { beforeAll, describe, expect, it } from "vitest";
import { operatorScopes } from "../../../src/auth/operator-token.ts";
import type { TelemetryEvent } from "../../../src/metrics/telemetry.ts";
import { nodeSha256 } from "../../../src/platform/node/node-crypto.ts";
import { memoryCatalogEditing, memoryGathered } from "../../support/memory-stores.ts";
import { newOperatorPair, type OperatorPair, operatorToken } from "../auth/operators.ts";
import { newPair, type Pair, token } from "../auth/tokens.ts";
import { consoleStage, site } from "../console/console-stage.ts";
import { now } from "../signing/session.ts";
import { type Api, api, sessionContext } from "./start.ts";

const text = (value: string) => new TextEncoder().encode(value);
const form = "application/x-www-form-urlencoded";

/** A body that sends `part` before the connection breaks. */
function brokenOff(part: Uint8Array): ReadableStream {
  let sent = false;
  return new ReadableStream({
    pull(controller) {
      if (sent) controller.error(new TypeError("Network connection lost."));
      else controller.enqueue(part);
      sent = true;
    },
  });
}

const endless = () => new ReadableStream({ pull: (controller) => controller.enqueue(text("a=b&".repeat(4096))) });

const broken: readonly (readonly [string, () => BodyInit])[] = [
  ["breaks off in mid-body", () => brokenOff(text('{"asset":"fi'))],
  ["breaks off within a character", () => brokenOff(text("é").slice(0, 1))],
  ["breaks off before its first byte", () => new ReadableStream({ start: (one) => one.error(new Error("reset")) })],
  ["never ends", endless],
  ["is not UTF-8", () => new Uint8Array([0x7b, 0x22, 0xff, 0x22, 0x7d])],
  ["is compressed", () => new Uint8Array([0x1f, 0x8b, 0x08, 0, 0, 0, 0, 0, 0, 3])],
];

/** A request as a worker receives it: unlike the constructor, it allows a body with GET. */
function requestWith(url: string, method: string, headers: Record<string, string>, body: BodyInit): Request {
  const init: RequestInit & { duplex: "half" } = { method: "POST", headers, body, duplex: "half" };
  const request = new Request(url, init);
  return method === "POST" ? request : Object.defineProperty(request, "method", { value: method });
}

const codeIn = async (response: Response) => [response.status, Object(JSON.parse(await response.text())).code];

describe("a broken body", () => {
  let shared: Api;
  let viewers: Pair;
  let operators: OperatorPair;
  let credentials: Record<"viewer" | "operator", Record<string, string>>;
  const events: TelemetryEvent[] = [];
  const identityRequests: string[] = [];
  beforeAll(async () => {
    viewers = await newPair("ES256");
    operators = await newOperatorPair();
    const context = { ...(await sessionContext([viewers], undefined, operators)), telemetry: events.push.bind(events) };
    const operatorContext = {
      ...context,
      catalogEditing: memoryCatalogEditing({ text: undefined }, nodeSha256),
      roots: [],
      gathered: memoryGathered(() => now),
      ring: { keys: [] },
      publicKeys: () => undefined,
      originSecrets: {},
      renewal: "off",
    } as const;
    const identity = async (request: Request) => {
      identityRequests.push(request.url);
      return Response.json({});
    };
    shared = await api(context, "/", { operators: operatorContext, identity });
    credentials = {
      viewer: { Authorization: `Bearer ${await token(viewers)}` },
      operator: { Authorization: `Bearer ${await operatorToken(operators, { scope: operatorScopes.join(" ") })}` },
    };
  });

  describe.each(broken)("that %s", (_, body) => {
    it("is 400 body_invalid on every route with a credential", async () => {
      const routes = shared.app.routes.filter(
        ({ method, path }) => !["ALL", "OPTIONS"].includes(method) && /^\/(stream|operator|metrics)/.test(path),
      );
      expect(routes.length).toBeGreaterThan(10);
      for (const { method, path } of routes) {
        const credential = path.startsWith("/stream") ? credentials.viewer : credentials.operator;
        const headers = { ...credential, "Content-Type": "application/json" };
        const at = `https://api.example${path.replace(":id", "film")}`;
        const response = await shared.send(path, requestWith(at, method, headers, body()));
        expect(await codeIn(response), `${method} ${path}`).toEqual([400, "body_invalid"]);
        expect(events.at(-1)).toMatchObject({ event: "refused", code: "body_invalid" });
      }
      expect(events.some((event) => event.event === "refused" && event.code === "internal_error")).toBe(false);
    });

    it("is not read if the credential is missing", async () => {
      const response = await shared.send("", requestWith("https://api.example/stream/start", "POST", {}, body()));
      expect(await codeIn(response)).toEqual([401, "token_missing"]);
    });

    it.each([
      ["/sign-in/email", "application/json"],
      ["/sign-up/email", form],
      ["/change-password", "application/json"],
      ["/update-user", "application/json"],
      ["/sign-out", "application/json"],
      ["/oauth2/token", form],
      ["/oauth2/revoke", form],
    ])("is 400 body_invalid at /api/auth%s, without calling the identity worker", async (path, type) => {
      const url = `https://api.example/api/auth${path}`;
      const response = await shared.send("", requestWith(url, "POST", { "Content-Type": type }, body()));
      expect(await codeIn(response)).toEqual([400, "body_invalid"]);
      expect(identityRequests).toEqual([]);
    });

    it.each([
      "/console/sign-in",
      "/console/explain",
      "/console/simulate",
      `/console/sessions/${"A".repeat(22)}/revoke`,
    ])("is 400 body_invalid in the console's form %s", async (path) => {
      const stage = await consoleStage();
      const headers = { Cookie: await stage.signIn(), Origin: site, "Content-Type": form };
      const response = await stage.appFetch(requestWith(site + path, "POST", headers, body()));
      expect(response.status).toBe(400);
      expect(await response.text()).toContain("body_invalid");
      expect(stage.counted.at(-1)).toMatchObject({ event: "refused", code: "body_invalid" });
    });
  });

  it.each(["", "{", '{"email":', "[object Object]", "email=a"])(
    "is refused at /api/auth if its type is JSON and its text is %j, except for the empty one",
    async (body) => {
      const headers = { "Content-Type": "Application/JSON; charset=utf-8" };
      const response = await shared.send("/api/auth/update-user", { method: "POST", headers, body });
      // An empty body counts as none, as at a sign-out.
      expect(await codeIn(response)).toEqual(body === "" ? [200, undefined] : [400, "body_invalid"]);
      identityRequests.length = 0;
    },
  );
});
