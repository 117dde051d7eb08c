import { makeRoom } from "../base/bounded-map.ts";
import { NamedTurns } from "../base/concurrency.ts";
import type { Clock } from "../base/time.ts";
import type { StreamsOf } from "./lease.ts";
import { LeaseDocument, type LeaseDocuments } from "./lease-document.ts";
import { type LeaseRouter, leaseRouter, streamsFrom } from "./lease-router.ts";
import type { LeaseTimes, NetworkSecrets } from "./lease-rules.ts";
import { LeaseStore } from "./lease-store.ts";
import { type ClaimBudget, claimBudget } from "./lease-throttle.ts";

export interface DocumentStreamsParts {
  readonly documents: LeaseDocuments;
  readonly times: LeaseTimes;
  readonly secrets: NetworkSecrets;
  readonly clock: Clock;
}

/** Maximum number of attempts: another process has to win each of the lost ones. */
const mostAttempts = 20;

/** Maximum number of subjects whose budget of claims is remembered. */
const mostBudgets = 10_000;

/**
 * The streams of all subjects in a store that compares and replaces one document per subject. Each question reads the
 * document, decides by the rules of {@link LeaseStore}, and writes the document unless it changed in the meantime; then
 * it decides again. So the rules are the same as in a Durable Object, whatever number of processes share the store.
 *
 * Questions of one process about one subject wait for each other: a storm of starts would otherwise compare and lose.
 * Those about another name of a subject do not wait, because two names may ask each other.
 */
export function documentStreams(parts: DocumentStreamsParts): StreamsOf {
  const turns = new NamedTurns();
  const budgets = new Map<string, ClaimBudget>();

  const budgetOf = (name: string): ClaimBudget => {
    const budget = budgets.get(name) ?? claimBudget();
    if (!budgets.has(name)) makeRoom(budgets, mostBudgets);
    budgets.set(name, budget);
    return budget;
  };

  const open = async (name: string) => {
    const stored = await parts.documents.read(name);
    const document = new LeaseDocument(stored?.text);
    const store = new LeaseStore(document, parts.times, parts.secrets, budgetOf(name));
    return { version: stored?.version, document, store };
  };

  /**
   * Two names that took over from each other at once would forward in a circle. The name that sorts first keeps the
   * streams: both have all rows.
   */
  const breakCircle = async (name: string, store: LeaseStore) => {
    const successor = store.successor();
    if (successor === undefined || name > successor) return;
    if ((await open(successor)).store.successor() === name) store.stay();
  };

  const ask = async <Answer>(name: string, question: (router: LeaseRouter) => Promise<Answer>): Promise<Answer> => {
    for (let attempt = 0; attempt < mostAttempts; attempt++) {
      const { version, document, store } = await open(name);
      await breakCircle(name, store);
      const answer = await question(leaseRouter(store, nestedRouter));
      if (!document.changed) return answer;
      const removeAt = store.lastRemoval ?? parts.clock();
      const { text, durable } = document;
      if (await parts.documents.replace(name, version, { text, removeAt, durable })) return answer;
    }
    throw new Error("the store's document of a subject changed at every attempt to replace it");
  };

  const routerBy = (run: <Answer>(name: string, work: () => Promise<Answer>) => Promise<Answer>) => {
    return (name: string): LeaseRouter => {
      const asked = <Answer>(question: (router: LeaseRouter) => Promise<Answer>) =>
        run(name, () => ask(name, question));
      return {
        claim: (...words) => asked((router) => router.claim(...words)),
        take: (...words) => asked((router) => router.take(...words)),
        touch: (...words) => asked((router) => router.touch(...words)),
        end: (...words) => asked((router) => router.end(...words)),
        endLogin: (...words) => asked((router) => router.endLogin(...words)),
        isSignedOut: (...words) => asked((router) => router.isSignedOut(...words)),
        show: (...words) => asked((router) => router.show(...words)),
        running: (...words) => asked((router) => router.running(...words)),
        handOver: (...words) => asked((router) => router.handOver(...words)),
      };
    };
  };

  const nestedRouter = routerBy((_, work) => work());
  return streamsFrom(routerBy((name, work) => turns.run(name, work)));
}
