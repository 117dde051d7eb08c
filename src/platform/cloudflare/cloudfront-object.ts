import { DurableObject } from "cloudflare:workers";
import * as z from "zod";
import { type Seconds, systemClock, systemMillisecondClock, systemTimer } from "../../base/time.ts";
import { type CycleResult, cycleTimes, StoreCycle, storeKeys } from "../../cloudfront/store-cycle.ts";
import { cycleLog, cycleTelemetry, timedLog } from "../../cloudfront/store-writer.ts";
import { type Configuration, readConfiguration } from "../../config/configuration.ts";
import type { Log } from "../../http/problem-response.ts";
import { type AwsStoreParts, openAwsStore } from "../aws/aws-store.ts";
import { isolateTelemetry, type TelemetryBindings } from "./isolate-telemetry.ts";
import { type RevocationLogNamespace, revocationLog } from "./session-stores.ts";
import { settingsOf } from "./worker-shell.ts";

export interface CloudFrontStoreBindings extends TelemetryBindings<unknown> {
  readonly REVOCATION_LOG: RevocationLogNamespace<unknown>;
}

interface StorePorts {
  /** Reaches AWS. */
  readonly fetch: AwsStoreParts["fetch"];
  readonly log: Log;
}

const runtimePorts: StorePorts = { fetch: (url, init) => fetch(url, init), log: (line) => console.log(line) };

/**
 * Writes one KeyValueStore of CloudFront, a cycle per alarm: the object of an ARN is its only writer. The API wakes it, and the
 * alarms continue by themselves, also after a failure and after a restart, until the API's settings have the ARN no more.
 */
export class CloudFrontStore extends DurableObject<CloudFrontStoreBindings> {
  readonly #ports: StorePorts;
  #cycle: StoreCycle | undefined;
  #report: ((result: CycleResult) => void) | undefined;

  constructor(state: DurableObjectState, env: CloudFrontStoreBindings, ports = runtimePorts) {
    super(state, env);
    this.#ports = ports;
  }

  /** Begins the cycles of a store, unless they run already. */
  async keepInStep(arn: string): Promise<void> {
    const { storage } = this.ctx;
    storage.kv.put("arn", arn);
    if ((await storage.getAlarm()) === null) await storage.setAlarm(systemMillisecondClock());
  }

  override async alarm(): Promise<void> {
    const { storage } = this.ctx;
    const arn = z.string().parse(storage.kv.get("arn"));
    // If this object ends in the middle of a cycle, it begins again.
    await storage.setAlarm(systemMillisecondClock() + cycleTimes.longestPause * 1000);
    const next = await this.#run(arn);
    if (next === undefined) await storage.deleteAll();
    else await storage.setAlarm(systemMillisecondClock() + next * 1000);
  }

  /** The pause after a cycle; undefined if the store is not kept in step any more. */
  async #run(arn: string): Promise<Seconds | undefined> {
    const read = readConfiguration(settingsOf(this.env));
    // The API logs the faults.
    if (!read.ok) return cycleTimes.longestPause;
    const { cloudFrontStores, ring } = read.value;
    if (!cloudFrontStores.includes(arn)) return undefined;
    this.#report ??= this.#reportOf(arn);
    this.#cycle ??= await this.#open(arn, read.value);
    if (this.#cycle === undefined) return cycleTimes.longestPause;
    const result = await this.#cycle.run(storeKeys(ring, systemClock()));
    this.#report(result);
    return result.next;
  }

  /** Logs and counts as the API does: its object of metrics has the counts of both. */
  #reportOf(arn: string): (result: CycleResult) => void {
    const { telemetry, reporter } = isolateTelemetry("api", this.env);
    const [logged, counted] = [cycleLog(this.#ports.log, arn), cycleTelemetry(telemetry, arn)];
    return (result) => {
      logged(result);
      counted(result);
      reporter.reportIfDue((work) => this.ctx.waitUntil(work));
    };
  }

  async #open(
    arn: string,
    { mediaUrl, awsCredentials, cloudFrontRenewal: renewal }: Configuration,
  ): Promise<StoreCycle | undefined> {
    if (awsCredentials === undefined) {
      this.#report?.({
        ...{ status: "failed", fault: "store", store: undefined, next: cycleTimes.longestPause },
        detail: "STAGEDOOR_AWS_KEY_ID and STAGEDOOR_AWS_SECRET_KEY have no values",
      });
      return undefined;
    }
    const store = await openAwsStore({ arn, credentials: awsCredentials, fetch: this.#ports.fetch });
    const objects = this.env.REVOCATION_LOG;
    const log = timedLog(
      revocationLog({ objects, cache: undefined, mediaUrl, clock: systemMillisecondClock }),
      systemTimer,
    );
    return new StoreCycle({ log, store, clock: systemClock, renewal });
  }
}

/** The part of a `DurableObjectNamespace<CloudFrontStore>` that is used here. */
export interface CloudFrontStoreNamespace<Id> {
  idFromName(name: string): Id;
  get(id: Id): { keepInStep(arn: string): Promise<void> };
}

/** Wakes the writers of these stores. It never rejects: the next isolate of the API wakes them too. */
export async function wakeStores<Id>(
  objects: CloudFrontStoreNamespace<Id>,
  { cloudFrontStores }: Pick<Configuration, "cloudFrontStores">,
): Promise<void> {
  await Promise.allSettled(cloudFrontStores.map((arn) => objects.get(objects.idFromName(arn)).keepInStep(arn)));
}
