/** Keeps a number and its unit on one line. */
const space = "\u00a0";

/** The time until then as `5 h 59 min`, `4:58` or `42 s`, or `expired`. Both times are in milliseconds. */
export function timeLeft(until: number, now: number): string {
  const seconds = Math.ceil((until - now) / 1000);
  if (seconds <= 0) return "expired";
  if (seconds < 60) return `${seconds}${space}s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
  const minutes = Math.floor((seconds % 3600) / 60);
  return [Math.floor(seconds / 3600), "h", ...(minutes === 0 ? [] : [minutes, "min"])].join(space);
}

/** The time of day on the viewer's clock, to the second. */
export function timeOfDay(time: number): string {
  return new Date(time).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", second: "2-digit" });
}

/** The first and last characters of a secret, too few to be one. */
export function shortened(secret: string): string {
  return secret.length <= 12 ? "…" : `${secret.slice(0, 6)}…${secret.slice(-4)}`;
}
