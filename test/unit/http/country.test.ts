import { expect, it } from "vitest";
import { placeOf } from "../../../src/http/request.ts";

/** A request with or without the `cf` object that Cloudflare adds. */
function requestFrom(header: string | undefined, cf?: object): Request {
  const headers = new Headers(header === undefined ? {} : { "CF-IPCountry": header });
  const request = new Request("https://api.example/stream/start", { headers });
  if (cf !== undefined) Object.defineProperty(request, "cf", { value: cf });
  return request;
}

it("reads the country from Cloudflare, never from the client", () => {
  expect(placeOf(requestFrom("US", { country: "DE" }), false).country).toBe("DE");
  expect(placeOf(requestFrom("US", { country: "DE" }), true).country).toBe("DE");
  expect(placeOf(requestFrom("US", {}), false).country).toBeUndefined();
  expect(placeOf(requestFrom("US"), false).country).toBeUndefined();
});

it("reads the country from the client's header in development", () => {
  expect(placeOf(requestFrom("US"), true).country).toBe("US");
  expect(placeOf(requestFrom(undefined), true).country).toBeUndefined();
});

it.each(["XX", "T1", "", "de", "DE, US", "UK", 49, null, { code: "DE" }])(
  "does not accept %j as a country",
  (country) => {
    expect(placeOf(requestFrom(undefined, { country }), false).country).toBeUndefined();
  },
);

it("reads region, postal code and network from Cloudflare, and that it names no anonymous network except Tor", () => {
  const cf = { country: "US", regionCode: "CA", postalCode: "90210", asn: 64500 };
  const place = { country: "US", region: "US-CA", postal: "90210", asn: 64500, anonymous: false };
  expect(placeOf(requestFrom(undefined, cf), false)).toEqual(place);
  expect(placeOf(requestFrom(undefined, { country: "T1" }), false)).toMatchObject({ anonymous: true });
  expect(placeOf(requestFrom(undefined), false).anonymous).toBeUndefined();
});

it("knows no more of a network than a Node process tells", () => {
  expect(placeOf(requestFrom(undefined, { country: "US", anonymous: undefined }), false).anonymous).toBeUndefined();
  expect(placeOf(requestFrom(undefined, { country: "US", anonymous: "1" }), false).anonymous).toBe(true);
});
