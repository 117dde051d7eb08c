import { agreementCheck } from "./checks/agreement.ts";
import { bindingsCheck } from "./checks/bindings.ts";
import { catalogCheck } from "./checks/catalog.ts";
import { configurationCheck } from "./checks/configuration.ts";
import { exposureCheck } from "./checks/exposure.ts";
import { keysCheck } from "./checks/keys.ts";
import { settingsCheck } from "./checks/settings.ts";
import type { Facts } from "./facts.ts";
import type { Check } from "./finding.ts";
import { cloudFrontCheck } from "./live/cloudfront.ts";
import { corsCheck } from "./live/cors.ts";
import { clocksCheck, hostsCheck, plainHttpCheck } from "./live/hosts.ts";
import { liveKeysCheck } from "./live/keys.ts";
import type { Live } from "./live/live.ts";
import { mediaCheck } from "./live/media.ts";
import { originsCheck } from "./live/origins.ts";
import { publicBucketsCheck } from "./live/public-buckets.ts";
import { streamCheck } from "./live/stream.ts";

/** What is looked at before a deployment, in the order of the report: nothing is asked of the network. */
export const offlineChecks: readonly Check<Facts>[] = [
  configurationCheck,
  agreementCheck,
  settingsCheck,
  bindingsCheck,
  exposureCheck,
  keysCheck,
  catalogCheck,
];

/** What is looked at after one. */
export const liveChecks: readonly Check<Live>[] = [
  hostsCheck,
  clocksCheck,
  plainHttpCheck,
  liveKeysCheck,
  mediaCheck,
  originsCheck,
  publicBucketsCheck,
  cloudFrontCheck,
  corsCheck,
  streamCheck,
];
