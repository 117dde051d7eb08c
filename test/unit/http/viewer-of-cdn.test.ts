import { describe, expect, it } from "vitest";
import { readConfiguration } from "../../../src/config/configuration.ts";
import { clientOf, placeOf } from "../../../src/http/request.ts";
import { nodeSha256 } from "../../../src/platform/node/node-crypto.ts";

const [old, fresh] = ["o".repeat(32), "n".repeat(32)];

function viewer(headers: Record<string, string>, secrets: readonly string[] = [old, fresh]) {
  const request = new Request("https://media.example/", {
    headers: { "CF-Connecting-IP": "130.176.0.1", "Stagedoor-Viewer": "192.0.2.7 DE", ...headers },
  });
  return [clientOf(request, nodeSha256, false, secrets).address, placeOf(request, false, secrets).country];
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

describe("the place of the viewer that a CDN names", () => {
  const place = (headers: Record<string, string>) => {
    const all = { "Stagedoor-Viewer": "192.0.2.7 US", ...headers };
    const request = new Request("https://media.example/", { headers: all });
    Object.defineProperty(request, "cf", { value: { country: "IE", asn: 16509, regionCode: "L" } });
    return placeOf(request, false, [old]);
  };
  const told = {
    "CloudFront-Viewer-Country-Region": "CA",
    "CloudFront-Viewer-Postal-Code": "90210",
    "CloudFront-Viewer-ASN": "64500",
  };

  it("is that of CloudFront's headers with a secret, and the CDN's own counts for nothing", () => {
    const named = { country: "US", region: "US-CA", postal: "90210", asn: 64500, anonymous: undefined };
    expect(place({ ...told, "Stagedoor-Edge-Secret": old })).toEqual(named);
    expect(place({ "Stagedoor-Edge-Secret": old })).toMatchObject({ country: "US", region: undefined, asn: undefined });
  });

  it("is not that of the headers without a secret", () => {
    expect(place(told)).toMatchObject({ country: "IE", region: "IE-L", postal: undefined, asn: 16509 });
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
