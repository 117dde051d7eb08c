import { expect, it } from "vitest";
import { countryOf } from "../../../src/http/request.ts";

/** A request as Cloudflare hands it to a worker, or as it comes from nobody in front. */
function request(header: string | undefined, cf?: object): Request {
  const headers = new Headers(header === undefined ? {} : { "CF-IPCountry": header });
  const made = new Request("https://api.example/stream/start", { headers });
  if (cf !== undefined) Object.defineProperty(made, "cf", { value: cf });
  return made;
}

it("the country is what Cloudflare says beside the request, and never what the client sends", () => {
  expect(countryOf(request("US", { country: "DE" }), false)).toBe("DE");
  expect(countryOf(request("US", { country: "DE" }), true)).toBe("DE");
  expect(countryOf(request("US", {}), false)).toBeUndefined();
  expect(countryOf(request("US"), false)).toBeUndefined();
});

it("in development it is what the client sends", () => {
  expect(countryOf(request("US"), true)).toBe("US");
  expect(countryOf(request(undefined), true)).toBeUndefined();
});

it.each(["XX", "T1", "", "de", "DE, US", "UK", 49, null, { code: "DE" }])("%j is no country", (country) => {
  expect(countryOf(request(undefined, { country }), false)).toBeUndefined();
});
