import type { ApiResult } from "../api-result.ts";
import { claimsOf, describeToken } from "../bearer-token.ts";
import { type Credential, type Presented, presentedBearer } from "../credential.ts";
import type { Watch } from "../watched-request.ts";
import { fetchAccessToken } from "./identity-client.ts";

/**
 * How long before its expiry a token is refreshed, so that it is still valid on arrival: milliseconds, or a tenth of
 * its lifetime.
 */
const longestMargin = 30_000;

interface CachedToken {
  readonly token: string;
  /** In milliseconds by this browser's clock, while the token's own times are by the server's. */
  readonly staleAt: number;
}

/**
 * The signed-in viewer's access token. It is kept only in this object, fetched when needed, and refreshed before it
 * expires.
 */
export class AccessToken implements Credential {
  readonly ofAccount = true;
  readonly #watch: Watch;
  readonly #onChange: () => void;
  #cached: CachedToken | undefined;
  #hadOne = false;
  #pending: Promise<ApiResult<string>> | undefined;

  /** `onChange` is called when the token was replaced or dropped. */
  constructor(watch: Watch, onChange: () => void) {
    this.#watch = watch;
    this.#onChange = onChange;
  }

  readonly present = async (): Promise<ApiResult<Presented>> => {
    const cached = this.#cached;
    if (cached !== undefined && Date.now() < cached.staleAt)
      return { kind: "done", status: 200, value: presentedBearer(cached.token) };
    const result = await this.#fetchShared();
    return result.kind === "done" ? { ...result, value: presentedBearer(result.value) } : result;
  };

  readonly discard = (): boolean => {
    this.#cached = undefined;
    return true;
  };

  /** Removes the token and any pending request, at sign-out and when another account signs in. */
  clear(): void {
    this.#cached = undefined;
    this.#hadOne = false;
    this.#pending = undefined;
    this.#onChange();
  }

  /** A description of the token. */
  describe(): string {
    return this.#cached === undefined
      ? "An access token, fetched when needed and kept only in this page's memory."
      : describeToken(this.#cached.token);
  }

  /** Callers share the pending request. */
  #fetchShared(): Promise<ApiResult<string>> {
    if (this.#pending !== undefined) return this.#pending;
    const requestedAt = Date.now();
    const note = this.#hadOne ? "access token refreshed" : undefined;
    const pending = fetchAccessToken(this.#watch, note).then((result) => {
      if (this.#pending !== pending) return result;
      this.#pending = undefined;
      if (result.kind === "done") this.#store(result.value, requestedAt);
      return result;
    });
    this.#pending = pending;
    return pending;
  }

  #store(token: string, requestedAt: number): void {
    const lifetime = lifetimeOf(token);
    this.#cached = { token, staleAt: requestedAt + lifetime - Math.min(longestMargin, lifetime / 10) };
    this.#hadOne = true;
    this.#onChange();
  }
}

/** Milliseconds from a token's issue to its expiry, or 0 if it does not have both times. */
function lifetimeOf(token: string): number {
  const { iat, exp } = claimsOf(token) ?? {};
  return typeof iat === "number" && typeof exp === "number" ? (exp - iat) * 1000 : 0;
}
