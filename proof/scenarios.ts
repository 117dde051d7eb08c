import type { Scenario } from "./scenario.ts";
import { cloudFront, renewed } from "./scenarios/helper.ts";
import { live, lowLatency } from "./scenarios/live.ts";
import { revoked, rotated, takeover } from "./scenarios/session.ts";
import { aes, pause, playThrough, seek, tracks, variants } from "./scenarios/vod.ts";

/** Every scenario, in the order of the table. */
export const scenarios: readonly Scenario[] = [
  playThrough,
  pause,
  seek,
  variants,
  aes,
  tracks,
  live,
  lowLatency,
  cloudFront,
  renewed,
  revoked,
  takeover,
  rotated,
];
