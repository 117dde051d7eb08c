import type { Configuration } from "./configuration.ts";

/**
 * The faults in who vouches for viewers at the API: the identity worker, where it is bound, the issuers that are named, or
 * both; but somebody, and each once. That can be told only where the bindings are known.
 */
export function trustFaults(
  { issuers, apiUrl }: Pick<Configuration, "issuers" | "apiUrl">,
  hasIdentity: boolean,
): readonly string[] {
  if (!hasIdentity)
    return issuers.length > 0
      ? []
      : ["STAGEDOOR_ISSUERS: name the issuers of bearer tokens, or bind the identity worker"];
  if (apiUrl === undefined)
    return ["STAGEDOOR_API_URL: the identity worker is bound, and its issuer is the API's address; say what it is"];
  return issuers.some(({ issuer }) => issuer === apiUrl)
    ? ["STAGEDOOR_ISSUERS: the API's own address is the identity worker's issuer; take it out of the list"]
    : [];
}
