import { type MediaPurpose, mediaPurposes, parameterOf } from "../../../src/base/media-purpose.ts";
import type { SessionKeys } from "../../../src/signing/session-keys.ts";
import type { SignedSample } from "./contract.ts";
import { grantOf, in5Minutes, keyOf, signedTarget } from "./session.ts";

export interface MediaScheme {
  readonly purpose: MediaPurpose;
  readonly binding: string;
  /** The asset. */
  readonly id: string;
  readonly query: string;
}

/** Each purpose, with signatures that are shared and that are bound to the session. */
export const schemes: readonly MediaScheme[] = mediaPurposes.flatMap((purpose) => [
  { purpose, binding: "shared", id: "film", query: "v=2&part=b" },
  { purpose, binding: "session-bound", id: "premiere", query: "" },
]);

export const isAlwaysBound = (purpose: MediaPurpose) => purpose === "playlist" || purpose === "file";
export const useOf = (purpose: MediaPurpose) => (purpose === "file" ? ({ use: "files" } as const) : {});

/** A URL of a scheme for the contract. */
export function mediaSample({ purpose, binding, id, query }: MediaScheme, keys: SessionKeys): SignedSample {
  const key = keyOf(keys, "2026-a");
  const path = `/${id}/360p/0.${purpose === "file" ? "jpg" : "ts"}`;
  const bound = isAlwaysBound(purpose) || binding === "session-bound";
  const target = (grant: string, by = key, as: MediaPurpose = purpose) =>
    signedTarget(by, { purpose: as, grant, signedGrant: bound ? grant : "", path, query });
  const grant = grantOf(key, { prefix: `/${id}/`, ...useOf(purpose) });
  const signed = target(grant);
  const signature = signed.slice(-22);
  const others = mediaPurposes.filter((other) => other !== purpose);
  const renamed = (url: string, from: MediaPurpose, to: MediaPurpose) =>
    url.replace(`${parameterOf[from]}=`, `${parameterOf[to]}=`);
  return {
    parts: [
      { name: "slash", text: "/" },
      { name: "grant", text: grant },
      { name: "path", text: path },
      { name: "mark", text: "?" },
      { name: "query", text: query === "" ? "" : `${query}&` },
      { name: "parameter", text: `${parameterOf[purpose]}=` },
      { name: "expiry", text: String(in5Minutes) },
      { name: "dot", text: "." },
      { name: "signature", text: signature },
    ].filter(({ text }) => text !== ""),
    otherPurposes: others.flatMap((other) => [
      renamed(signed, purpose, other),
      renamed(target(grant, key, other), other, purpose),
    ]),
    otherKeys: ["2026-b", "2025-z", "2027-a"].flatMap((kid) => {
      const other = keyOf(keys, kid);
      const otherGrant = grantOf(other, { prefix: `/${id}/`, ...useOf(purpose) });
      return [target(grant, other), signed.replace(grant, otherGrant)];
    }),
  };
}
