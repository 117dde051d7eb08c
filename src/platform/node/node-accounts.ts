import { randomUUID } from "node:crypto";
import { NamedTurns } from "../../base/concurrency.ts";
import {
  type MillisecondClock,
  type Seconds,
  seconds,
  systemMillisecondClock,
  systemTimer,
  type Timer,
} from "../../base/time.ts";
import type { IdentityConfiguration } from "../../config/identity-configuration.ts";
import {
  type AccountDatabase,
  type AccountPorts,
  type AccountService,
  accountService,
} from "../../service/account-service.ts";

/** A change of the tables of accounts, in the order of their names. */
export interface AccountMigration {
  readonly name: string;
  readonly sql: string;
}

/** The stores of accounts. */
export interface AccountStores {
  readonly database: AccountDatabase;
  readonly locks: SharedLocks;
  readonly close: () => Promise<void>;
}

/** Locks that all processes of a service share. Each method rejects if the store fails. */
export interface SharedLocks {
  /** Takes the lock for `life` at most, unless another holder has it; false if one has it. */
  claim(name: string, holder: string, life: Seconds): Promise<boolean>;
  /** Gives the lock back, if `holder` still has it. */
  release(name: string, holder: string): Promise<void>;
}

/** The accounts of a Node host, which gives their service its ports. */
export interface NodeAccounts {
  readonly service: (ports: Omit<AccountPorts, "database" | "takeTurn">) => AccountService;
  readonly close: () => Promise<void>;
}

/** The identity service in this process. */
export function nodeAccounts(settings: IdentityConfiguration, { database, locks, close }: AccountStores): NodeAccounts {
  const inTurn = turnsAmongProcesses({ locks, clock: systemMillisecondClock, timer: systemTimer });
  return {
    service: (ports) => {
      const accounts: AccountService = accountService(settings, {
        ...ports,
        database,
        takeTurn: (turn, request) => inTurn(turn.family, () => accounts.answerInTurn(request, turn)),
      });
      return accounts;
    },
    close,
  };
}

interface TurnParts {
  readonly locks: SharedLocks;
  readonly clock: MillisecondClock;
  readonly timer: Timer;
}

/** How often a process asks for a lock that another one has. */
const pollInterval = seconds(0.02);

/** How long a lock lasts if its process ends before it gives it back: longer than any answer takes. */
const longestTurn = seconds(15);

/** How long a request waits. Its client's timeout is usually 30 seconds. */
const longestWait = seconds(20);

/**
 * Runs pieces of work of one name one after another, among all processes that share the locks. In this process they keep
 * the order of arrival. Rejects if the work, or the wait for it, fails.
 */
export function turnsAmongProcesses({ locks, clock, timer }: TurnParts) {
  const turns = new NamedTurns();
  const pause = (time: Seconds) => new Promise<void>((resolve) => timer(time, resolve));
  return <Value>(name: string, work: () => Promise<Value>): Promise<Value> =>
    turns.run(name, async () => {
      const holder = randomUUID();
      const latest = clock() + longestWait * 1000;
      while (!(await locks.claim(name, holder, longestTurn))) {
        if (clock() > latest) throw new Error("another process did not finish its turn");
        await pause(pollInterval);
      }
      try {
        return await work();
      } finally {
        // A lock that cannot be given back expires by itself.
        await locks.release(name, holder).catch(() => undefined);
      }
    });
}
