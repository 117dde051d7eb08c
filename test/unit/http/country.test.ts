import { expect, it } from "vitest";
import { countryOf } from "../../../src/http/request.ts";

/** A request with or without the `cf` object that Cloudflare adds. */
function requestFrom(header: string | undefined, cf?: object): Request {
  const headers = new Headers(header === undefined ? {} : { "CF-IPCountry": header });
  const request = new Request("https://api.example/stream/start", { headers });
  if (cf !== undefined) Object.defineProperty(request, "cf", { value: cf });
  return request;
}

it("reads the country from Cloudflare, never from the client", () => {
  expect(countryOf(requestFrom("US", { country: "DE" }), false)).toBe("DE");
  expect(countryOf(requestFrom("US", { country: "DE" }), true)).toBe("DE");
  expect(countryOf(requestFrom("US", {}), false)).toBeUndefined();
  expect(countryOf(requestFrom("US"), false)).toBeUndefined();
});

it("reads the country from the client's header in development", () => {
  expect(countryOf(requestFrom("US"), true)).toBe("US");
  expect(countryOf(requestFrom(undefined), true)).toBeUndefined();
});

it.each(["XX", "T1", "", "de", "DE, US", "UK", 49, null, { code: "DE" }])(
  "does not accept %j as a country",
  (country) => {
    expect(countryOf(requestFrom(undefined, { country }), false)).toBeUndefined();
  },
);
