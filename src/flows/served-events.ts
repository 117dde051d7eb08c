import type { MediaKind, TelemetryEvent } from "../telemetry/telemetry.ts";

/** What is told of each file that was served: made once, since it is told with every segment. */
export const servedEvents = {
  served: eventsOf("served"),
  renewed: eventsOf("renewed"),
};

function eventsOf(outcome: "served" | "renewed"): Readonly<Record<MediaKind, TelemetryEvent>> {
  const of = (what: MediaKind) => ({ event: "served", what, outcome }) as const;
  return { playlist: of("playlist"), segment: of("segment"), key: of("key") };
}
