import type { Answer } from "../answer.ts";
import { claimsOf, describeToken } from "../bearer-token.ts";
import { type Credential, type Presented, presentedBearer } from "../credential.ts";
import type { Watch } from "../watched-request.ts";
import { fetchAccessToken } from "./identity.ts";

/** How long before its expiry a token is refreshed, so that it is valid on arrival: milliseconds, or a tenth of its life. */
const longestMargin = 30_000;

interface Held {
  readonly token: string;
  /** By this browser's clock, in milliseconds: a token's own times are those of the server's. */
  readonly staleAt: number;
}

/** The signed-in viewer's access token: kept only in this object, fetched when needed, and again before it expires. */
export class AccessToken implements Credential {
  readonly ofAccount = true;
  readonly #watch: Watch;
  readonly #onChange: () => void;
  #held: Held | undefined;
  #hadOne = false;
  #coming: Promise<Answer<string>> | undefined;

  /** `onChange` is told when there is another one, or none any more. */
  constructor(watch: Watch, onChange: () => void) {
    this.#watch = watch;
    this.#onChange = onChange;
  }

  readonly present = async (): Promise<Answer<Presented>> => {
    const held = this.#held;
    if (held !== undefined && Date.now() < held.staleAt)
      return { is: "done", status: 200, value: presentedBearer(held.token) };
    const answer = await this.#fetched();
    return answer.is === "done" ? { ...answer, value: presentedBearer(answer.value) } : answer;
  };

  readonly ended = (): boolean => {
    this.#held = undefined;
    return true;
  };

  /** Forgets the token and any request in progress: at sign-out, and when another account signs in. */
  drop(): void {
    this.#held = undefined;
    this.#hadOne = false;
    this.#coming = undefined;
    this.#onChange();
  }

  /** What it says of itself, in words. */
  describe(): string {
    return this.#held === undefined
      ? "An access token, fetched when it is needed and kept in this page's memory alone."
      : describeToken(this.#held.token);
  }

  /** Callers share the request in progress. */
  #fetched(): Promise<Answer<string>> {
    if (this.#coming !== undefined) return this.#coming;
    const asked = Date.now();
    const note = this.#hadOne ? "access token refreshed" : undefined;
    const coming = fetchAccessToken(this.#watch, note).then((answer) => {
      if (this.#coming !== coming) return answer;
      this.#coming = undefined;
      if (answer.is === "done") this.#hold(answer.value, asked);
      return answer;
    });
    this.#coming = coming;
    return coming;
  }

  #hold(token: string, asked: number): void {
    const life = lifeOf(token);
    this.#held = { token, staleAt: asked + life - Math.min(longestMargin, life / 10) };
    this.#hadOne = true;
    this.#onChange();
  }
}

/** Milliseconds from a token's issue to its end; none where it does not say. */
function lifeOf(token: string): number {
  const { iat, exp } = claimsOf(token) ?? {};
  return typeof iat === "number" && typeof exp === "number" ? (exp - iat) * 1000 : 0;
}
