import { element } from "./element.ts";
import { timeLeft } from "./time-text.ts";

interface Running {
  readonly time: HTMLElement;
  readonly level: HTMLElement | undefined;
  readonly from: number;
  readonly until: number;
}

const running = new Set<Running>();
setInterval(() => {
  for (const countdown of running) show(countdown);
}, 250);

/** Counts down to `until` (milliseconds) in words, with a bar that shrinks from `from` on. */
export function countdownWithBar(from: number, until: number): HTMLElement {
  const level = element("span", "level");
  const bar = element("span", "bar", level);
  bar.ariaHidden = "true";
  const time = element("span", "time");
  begin({ time, level, from, until });
  return element("span", "countdown", bar, time);
}

/** Counts down in words inside `time`, instead of a countdown that is there already. */
export function countdownIn(time: HTMLElement, until: number): void {
  for (const countdown of running) if (countdown.time === time) running.delete(countdown);
  begin({ time, level: undefined, from: Date.now(), until });
}

/** Stops every countdown below `root`. */
export function endCountdowns(root: HTMLElement): void {
  for (const countdown of running) if (root.contains(countdown.time)) running.delete(countdown);
}

function begin(countdown: Running): void {
  running.add(countdown);
  show(countdown);
}

function show(countdown: Running): void {
  const { time, level, from, until } = countdown;
  const now = Date.now();
  const text = timeLeft(until, now);
  if (time.textContent !== text) time.textContent = text;
  const left = Math.max(0, Math.min(1, (until - now) / Math.max(1, until - from)));
  if (level !== undefined) level.style.transform = `scaleX(${left.toFixed(3)})`;
  if (now < until) return;
  time.classList.add("over");
  running.delete(countdown);
}
