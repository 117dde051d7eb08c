import type { Telemetry, TelemetryEvent } from "../../telemetry/telemetry.ts";

/** Telemetry in memory, for tests: everything that was told, in its order. */
export function memoryTelemetry(): { readonly telemetry: Telemetry; readonly events: readonly TelemetryEvent[] } {
  const events: TelemetryEvent[] = [];
  return { telemetry: (event) => void events.push(event), events };
}
