import { describe, expect, it } from "vitest";
import { readConfiguration } from "../../../src/config/configuration.ts";
import { clientOf, countryOf } from "../../../src/http/request.ts";
import { nodeSha256 } from "../../../src/platform/node/node-crypto.ts";

const [old, fresh] = ["o".repeat(32), "n".repeat(32)];

function viewer(headers: Record<string, string>, secrets: readonly string[] = [old, fresh]) {
  const request = new Request("https://media.example/", {
    headers: { "CF-Connecting-IP": "130.176.0.1", "Stagedoor-Viewer": "192.0.2.7 DE", ...headers },
  });
  return [clientOf(request, nodeSha256, false, secrets).address, countryOf(request, false, secrets)];
}

describe("the viewer that a CDN names in Stagedoor-Viewer", () => {
  it.each([old, fresh])("is the client with any of the deployment's secrets", (secret) => {
    expect(viewer({ "Stagedoor-Edge-Secret": secret })).toEqual(["192.0.2.7", "DE"]);
  });

  it.each([
    ["no secret", {}, [old]],
    ["another secret", { "Stagedoor-Edge-Secret": "x".repeat(32) }, [old]],
    ["the beginning of a secret", { "Stagedoor-Edge-Secret": old.slice(1) }, [old]],
    ["a secret twice", { "Stagedoor-Edge-Secret": old + old }, [old]],
    ["an empty secret", { "Stagedoor-Edge-Secret": "" }, []],
    ["a secret that was removed", { "Stagedoor-Edge-Secret": old }, [fresh]],
  ])("is not the client with %s", (_, headers, secrets) => {
    expect(viewer(headers, secrets)).toEqual(["130.176.0.1", undefined]);
  });

  it.each([
    ["192.0.2.7", "192.0.2.7", undefined],
    ["192.0.2.7 ", "192.0.2.7", undefined],
    ["2001:db8::7 DE", "2001:db8::7", "DE"],
    ["192.0.2.7 Germany", "192.0.2.7", undefined],
    ["", undefined, undefined],
  ])("has the country only if it is one, and is unknown if it is missing: %s", (value, address, country) => {
    expect(viewer({ "Stagedoor-Edge-Secret": old, "Stagedoor-Viewer": value })).toEqual([address, country]);
  });
});

describe("STAGEDOOR_EDGE_SECRETS", () => {
  const secretsOf = (text: string) => {
    const read = readConfiguration({ STAGEDOOR_EDGE_SECRETS: text });
    return read.ok ? [] : read.refusal.filter((fault) => fault.startsWith("STAGEDOOR_EDGE_SECRETS"));
  };

  it("has one to four secrets of 32 characters at least, with commas between them", () => {
    expect(secretsOf(`${old},${fresh}`)).toEqual([]);
    expect(secretsOf(`${old}, ${fresh}`)).toEqual([]);
    for (const wrong of ["short", `${old},`, Array(5).fill(old).join(","), `${old.slice(2)} x`])
      expect(secretsOf(wrong)).toHaveLength(1);
    expect(secretsOf("short")[0]).not.toContain("short");
  });
});
