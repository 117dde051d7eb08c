import { type Deadline, startDeadline } from "../../base/deadline.ts";
import { type Refusal, refusal } from "../../base/refusal.ts";
import { ok, type Result } from "../../base/result.ts";
import { seconds, type Timer } from "../../base/seconds.ts";
import type { Entitlement, EntitlementAsked } from "../../policy/entitlement.ts";
import { readEntitlementAnswer } from "../../policy/entitlement-answer.ts";

export interface EntitlementService {
  readonly url: string;
  /** Sent as `Authorization: Bearer`, so that the service knows who asks. */
  readonly secret: string | undefined;
}

/** The part of fetch that is used here. */
export type EntitlementFetch = (
  url: string,
  init: {
    readonly method: "POST";
    readonly headers: Readonly<Record<string, string>>;
    readonly body: string;
    readonly redirect: "manual";
    readonly signal: AbortSignal;
  },
) => Promise<Response>;

export interface EntitlementPorts {
  readonly fetch: EntitlementFetch;
  readonly timer: Timer;
}

/** How long a viewer waits for the answer, its body among it. */
const patience = seconds(2);
/** The longest answer that is read, in bytes. */
const longest = 4096;

/**
 * The operator's own HTTP service. It is sent a POST with `{issuer, subject, asset, address, country}` as JSON, the last two
 * null where they are not known, and answers 200 as {@link readEntitlementAnswer} reads it. Whatever else comes of it, a
 * redirect among it, is `store_unavailable`. Redirects are not followed: they would carry the secret and who watches what to
 * an address that nobody configured.
 */
export function httpEntitlement({ url, secret }: EntitlementService, ports: EntitlementPorts): Entitlement {
  const headers = {
    "Content-Type": "application/json",
    Accept: "application/json",
    ...(secret !== undefined && { Authorization: `Bearer ${secret}` }),
  };
  return async (asked) => {
    const { fetch } = ports; // unbound: workerd's fetch refuses to be called as a method
    const controller = new AbortController();
    const deadline = startDeadline(patience, ports.timer);
    try {
      const { signal } = controller;
      const asking = fetch(url, { method: "POST", headers, body: bodyOf(asked), redirect: "manual", signal });
      const text = await answerText(asking, deadline);
      return text.ok ? readEntitlementAnswer(text.value, sentIn(asked, secret)) : text;
    } catch {
      // What fetch throws may quote the address, which may hold a secret of the operator's.
      return refusal("store_unavailable", "the entitlement service cannot be reached, or broke the connection off");
    } finally {
      deadline.end();
      controller.abort();
    }
  };
}

function bodyOf({ issuer, subject, asset, address, country }: EntitlementAsked): string {
  return JSON.stringify({ issuer, subject, asset, address: address ?? null, country: country ?? null });
}

/** What of a question the log must not say. */
function sentIn({ subject, address }: EntitlementAsked, secret: string | undefined): readonly string[] {
  return [subject, address, secret].filter((part) => part !== undefined);
}

const late = refusal("store_unavailable", `the entitlement service did not answer within ${patience} s`);

async function answerText(asking: Promise<Response>, deadline: Deadline): Promise<Result<string, Refusal>> {
  const response = await deadline.before(asking);
  if (response === "late") return late;
  if (response.status !== 200)
    return refusal("store_unavailable", `the entitlement service answered ${response.status}`);
  const reader = response.body?.getReader();
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: false });
  let text = "";
  let length = 0;
  while (reader !== undefined) {
    const chunk = await deadline.before(reader.read());
    if (chunk === "late") return late;
    if (chunk.done) return ok(text + decoder.decode());
    length += chunk.value.length;
    if (length > longest)
      return refusal("store_unavailable", `the entitlement service answered more than ${longest} bytes`);
    text += decoder.decode(chunk.value, { stream: true });
  }
  return ok(text);
}
