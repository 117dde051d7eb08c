import type { TextHash } from "../base/crypto.ts";
import { answers, base, days, overview, tokens } from "./style.ts";

/**
 * The console's script; every page works without it. It refreshes a visible page, sends forms without leaving the page,
 * and reads a credential from a file. It is plain text, so that `wrangler deploy` needs no build step.
 *
 * One refresh is in progress at a time, so that slow responses are still shown, and none while a form is being sent. If
 * a form gets no response, the page says so. A page that is older than `timeout` says that it is out of date.
 */
const script = `"use strict";
const timeout = 10000;
const root = document.documentElement;
let refreshing = null;
let sending = null;
let pointedAt = 0;

/** Whether the user selects text or points at a button in a region, which must not move then. */
function isInUse(region) {
  const selection = getSelection();
  if (selection !== null && !selection.isCollapsed && (region.contains(selection.anchorNode) || region.contains(selection.focusNode))) return true;
  const pointed = matchMedia("(hover: hover)").matches ? "button:hover" : "button:active";
  return Date.now() - pointedAt < timeout && region.querySelector(pointed) !== null;
}

/** Replaces the live regions with those of a new page, or the whole body if it is another page. */
function show(html, keepsRegionsInUse) {
  const page = new DOMParser().parseFromString(html, "text/html");
  const all = [...document.querySelectorAll("[data-live]")].map((old) => [old, page.getElementById(old.id)]);
  if (all.some(([, fresh]) => fresh === null)) { // a refusal or the sign-in page
    document.body.replaceWith(page.body);
    document.title = page.title;
    return;
  }
  for (const [old, fresh] of all) {
    for (const { id } of old.querySelectorAll("details[open]")) page.getElementById(id)?.setAttribute("open", "");
    if (old.className === fresh.className && old.innerHTML === fresh.innerHTML) continue;
    if (keepsRegionsInUse && isInUse(old)) continue;
    const focused = old.contains(document.activeElement) ? document.activeElement.id : undefined;
    old.className = fresh.className;
    old.replaceChildren(...fresh.childNodes);
    const again = focused === undefined ? null : document.getElementById(focused);
    if (again !== null) focus(again);
    else if (focused !== undefined && keepsRegionsInUse) focus(old);
  }
}

function focus(element) {
  if (element.matches(":not(a, button, input, summary)")) element.tabIndex = -1;
  element.focus({ preventScroll: true });
}

/** Loads a page. The response is dropped if another refresh or a form was started in the meantime. */
async function refresh(url, keepsRegionsInUse) {
  refreshing?.abort();
  const mine = (refreshing = new AbortController());
  const staleTimer = setTimeout(() => (root.dataset.stale = ""), timeout);
  const abortTimer = setTimeout(() => mine.abort(), 6 * timeout);
  try {
    const response = await fetch(url, { cache: "no-store", signal: mine.signal });
    const html = await response.text();
    if (response.status >= 500) throw new Error("retried later");
    if (refreshing !== mine) return;
    show(html, keepsRegionsInUse);
    delete root.dataset.stale;
  } catch {
    if (refreshing === mine) root.dataset.stale = "";
  } finally {
    clearTimeout(staleTimer);
    clearTimeout(abortTimer);
    if (refreshing === mine) refreshing = null;
  }
}

/** Sends a form. Without a response its outcome is unknown, and the page says so. */
async function send(url, fields, unknown) {
  refreshing?.abort();
  refreshing = null;
  const note = document.getElementById("unknown");
  if (note !== null) note.hidden = true;
  try {
    const response = await fetch(url, { method: "POST", body: fields, cache: "no-store", signal: AbortSignal.timeout(2 * timeout) });
    const html = await response.text();
    if (!html.includes('id="main"')) throw new Error("not a response of the console");
    if (response.redirected) history.replaceState(null, "", response.url);
    show(html, false);
    delete root.dataset.stale;
    const done = document.getElementById("done") ?? document.getElementById("main");
    if (document.activeElement === document.body && done !== null) focus(done);
  } catch {
    if (note === null) return;
    note.textContent = unknown;
    note.hidden = false;
    note.tabIndex = -1;
    note.focus();
  }
}

document.addEventListener("submit", async (event) => {
  const form = event.target;
  if (!("swap" in form.dataset)) return;
  event.preventDefault();
  if (form.method !== "post") {
    await sending;
    const target = new URL(location.href);
    for (const name of ["ended", "lifted", "mark"]) target.searchParams.delete(name);
    for (const { name, value } of form.querySelectorAll("[type=search]")) target.searchParams.set(name, value);
    history.replaceState(null, "", target);
    return refresh(target, false);
  }
  const button = form.querySelector("button");
  if (button.getAttribute("aria-disabled") === "true") return;
  button.setAttribute("aria-disabled", "true");
  const fields = new URLSearchParams(new FormData(form));
  const before = sending;
  const mine = (sending = (async () => {
    await before;
    await send(form.action, fields, form.dataset.unknown);
  })());
  await mine;
  if (sending === mine) sending = null;
  button.removeAttribute("aria-disabled");
});

document.addEventListener("pointermove", () => (pointedAt = Date.now()));
document.addEventListener("pointerdown", () => (pointedAt = Date.now()));

const seconds = Number(document.body.dataset.refresh ?? 0);
if (seconds > 0) {
  const refreshIfVisible = () => {
    if (document.hidden || refreshing !== null || sending !== null) return;
    if (document.querySelector("[data-live]") !== null) refresh(location.href, true);
  };
  setInterval(refreshIfVisible, seconds * 1000);
  document.addEventListener("visibilitychange", refreshIfVisible);
}

const file = document.getElementById("file");
file?.closest("[hidden]").removeAttribute("hidden");
file?.addEventListener("change", async () => {
  document.getElementById("credential").value = (await file.files[0].text()).trim();
});
`;

export const scriptPath = "/console/console.js";
export const stylePath = "/console/console.css";

/** The demo page's (`demo/icon.svg`). */
const icon = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="7" fill="#17181a"/><path d="M10 26V10a2 2 0 0 1 2-2h8a2 2 0 0 1 2 2v16M6 26h20" fill="none" stroke="#f4f3ef" stroke-width="2.5" stroke-linecap="round"/><circle cx="18" cy="17.5" r="1.8" fill="#f0b254"/></svg>`;

const files = {
  [scriptPath]: { type: "text/javascript; charset=utf-8", text: script },
  [stylePath]: { type: "text/css; charset=utf-8", text: [tokens, base, overview, days, answers].join("\n") },
  "/console/icon.svg": { type: "image/svg+xml", text: icon },
} as const;

/** The console's own files. They contain no data of anybody; browsers revalidate them by ETag. */
export function staticFile(path: string, ifNoneMatch: string | null, sha256: TextHash): Response | undefined {
  const file = Object.entries(files).find(([name]) => name === path)?.[1];
  if (file === undefined) return undefined;
  const tag = `"${sha256(file.text).slice(0, 22)}"`;
  const headers = { "Content-Type": file.type, "Cache-Control": "public, max-age=0, must-revalidate", ETag: tag };
  const same = ifNoneMatch?.split(",").some((tagInHeader) => tagInHeader.trim().replace(/^W\//, "") === tag) === true;
  return same ? new Response(null, { status: 304, headers }) : new Response(file.text, { headers });
}
