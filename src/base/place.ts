import { isCountry } from "./country.ts";

/** Where a request comes from, as far as the platform tells it. An undefined member is unknown. */
export interface Place {
  /** ISO 3166-1 alpha-2 in upper case. */
  readonly country: string | undefined;
  /** ISO 3166-2: `US-CA`. */
  readonly region?: string | undefined;
  /** The postal code as {@link postalForm} writes it: `SW1A1AA`. Some platforms know only its beginning. */
  readonly postal?: string | undefined;
  /** The number of the network (autonomous system). */
  readonly asn?: number | undefined;
  /** Whether the network hides where its users are: Tor, a VPN, a hosting network. */
  readonly anonymous?: boolean | undefined;
}

/** A place of which nothing is known. */
export const unknownPlace: Place = { country: undefined };

/** What a host tells of a place, before it was checked: the members of Cloudflare's `cf`, or texts of headers. */
export type ToldPlace = { readonly [Member in keyof Place]?: unknown };

/** Cloudflare's country of Tor. */
const tor = "T1";

/**
 * The place that a host tells: each member in its one form, or undefined. A region may come without its country (`CA`,
 * as Cloudflare has it) or with it (`US-CA`); one of another country is unknown. The country `T1` is Tor.
 */
export function readPlace(told: ToldPlace): Place {
  const country = typeof told.country === "string" && isCountry(told.country) ? told.country : undefined;
  return {
    country,
    region: regionOf(told.region, country),
    postal: typeof told.postal === "string" ? postalForm(told.postal) : undefined,
    asn: typeof told.asn === "number" && isAsn(told.asn) ? told.asn : undefined,
    anonymous: told.country === tor ? true : flagOf(told.anonymous),
  };
}

function regionOf(told: unknown, country: string | undefined): string | undefined {
  if (typeof told !== "string" || country === undefined) return undefined;
  const region = told.includes("-") ? told : `${country}-${told}`;
  return isRegion(region) && region.startsWith(`${country}-`) ? region : undefined;
}

/** The number in a header's text: `64500` or `AS64500`. Undefined for any other text. */
export function readAsn(text: string | null): number | undefined {
  const digits = /^(?:AS)?([1-9]\d{0,9})$/.exec(text ?? "")?.[1];
  return digits === undefined ? undefined : Number(digits);
}

function flagOf(told: unknown): boolean | undefined {
  if (told === true || told === "1" || told === "true") return true;
  return told === false || told === "0" || told === "false" ? false : undefined;
}

/** Whether a number is one of an autonomous system (RFC 6793). */
export function isAsn(number: number): boolean {
  return Number.isInteger(number) && number > 0 && number <= 4_294_967_295;
}

/** Whether a text has the form of ISO 3166-2 with a known country: `US-CA`, `DE-BE`, `FR-75`. */
export function isRegion(text: string): boolean {
  return /^[A-Z]{2}-[A-Z0-9]{1,3}$/.test(text) && isCountry(text.slice(0, 2));
}

const postalCode = /^[A-Z0-9]{1,10}$/;

/** A postal code in upper case, without spaces and hyphens; undefined if it is none: `sw1a 1aa` is `SW1A1AA`. */
export function postalForm(text: string): string | undefined {
  if (postalCode.test(text)) return text;
  if (text.length > 16) return undefined;
  const code = text.replace(/[ -]/g, "").toUpperCase();
  return postalCode.test(code) ? code : undefined;
}
