import type { StreamsOf } from "../../sessions/lease.ts";
import { endLoginAt, type LeaseDesk } from "../../sessions/lease-desk.ts";

/** The part of a DurableObjectNamespace of StreamsObject that is used here. */
export interface StreamsNamespace<Id> {
  idFromName(name: string): Id;
  get(id: Id): LeaseDesk;
}

/** The streams of all subjects: one StreamsObject for each name. */
export function streamsOf<Id>(namespace: StreamsNamespace<Id>): StreamsOf {
  return (subject, older = []) => {
    const object = () => namespace.get(namespace.idFromName(subject));
    return {
      claim: async (claim) => object().claim(claim, subject, older),
      take: async (policy, now) => object().take(policy, now, subject, older),
      touch: async (touch) => object().touch(touch),
      end: async (ending) => object().end(ending),
      endLogin: async (ending) =>
        endLoginAt(
          [subject, ...older].map((name) => namespace.get(namespace.idFromName(name))),
          ending,
        ),
      show: async (sessionId, now) => object().show(sessionId, now),
      running: async (now) => object().running(now, subject, older),
    };
  };
}
