import type { TextHash } from "../base/crypto.ts";
import { answers, base, overview, tokens } from "./style.ts";

/**
 * The console's script; every page works without it. It fetches a page that shows what is now anew while somebody looks at it,
 * sends forms without leaving the page, and reads a credential's file into its field. Plain text, so that no build step has to
 * come before `wrangler deploy`.
 *
 * One look is under way at a time, so that slow answers still come to be shown; none while a form is, whose answer always counts,
 * and where none came, the page says so. A page that is older than `patience` says that.
 */
const script = `"use strict";
const patience = 10000;
const root = document.documentElement;
let looking = null;
let sending = null;
let pointedAt = 0;

/** Whether somebody is at a part of the page just now: what he marks or points at must not move. */
function isTouched(region) {
  const marked = getSelection();
  if (marked !== null && !marked.isCollapsed && (region.contains(marked.anchorNode) || region.contains(marked.focusNode))) return true;
  const points = matchMedia("(hover: hover)").matches ? "button:hover" : "button:active";
  return Date.now() - pointedAt < patience && region.querySelector(points) !== null;
}

/** Puts what another page says in the place of what this one does; all of it, where it is another page. */
function show(html, spares) {
  const page = new DOMParser().parseFromString(html, "text/html");
  const all = [...document.querySelectorAll("[data-live]")].map((old) => [old, page.getElementById(old.id)]);
  if (all.some(([, fresh]) => fresh === null)) { // a refusal, or the sign-in
    document.body.replaceWith(page.body);
    document.title = page.title;
    return;
  }
  for (const [old, fresh] of all) {
    for (const { id } of old.querySelectorAll("details[open]")) page.getElementById(id)?.setAttribute("open", "");
    if (old.className === fresh.className && old.innerHTML === fresh.innerHTML) continue;
    if (spares && isTouched(old)) continue;
    const focused = old.contains(document.activeElement) ? document.activeElement.id : undefined;
    old.className = fresh.className;
    old.replaceChildren(...fresh.childNodes);
    const again = focused === undefined ? null : document.getElementById(focused);
    if (again !== null) focus(again);
    else if (focused !== undefined && spares) focus(old);
  }
}

function focus(element) {
  if (element.matches(":not(a, button, input, summary)")) element.tabIndex = -1;
  element.focus({ preventScroll: true });
}

/** Looks at a page. What another look, or a form, has come in front of is not shown. */
async function look(url, spares) {
  looking?.abort();
  const mine = (looking = new AbortController());
  const late = setTimeout(() => (root.dataset.stale = ""), patience);
  const end = setTimeout(() => mine.abort(), 6 * patience);
  try {
    const answer = await fetch(url, { cache: "no-store", signal: mine.signal });
    const html = await answer.text();
    if (answer.status >= 500) throw new Error("asked again later");
    if (looking !== mine) return;
    show(html, spares);
    delete root.dataset.stale;
  } catch {
    if (looking === mine) root.dataset.stale = "";
  } finally {
    clearTimeout(late);
    clearTimeout(end);
    if (looking === mine) looking = null;
  }
}

/** Sends a form. No answer is no refusal: what became of it is not known, and the page says so. */
async function send(url, fields, unknown) {
  looking?.abort();
  looking = null;
  const told = document.getElementById("unknown");
  if (told !== null) told.hidden = true;
  try {
    const answer = await fetch(url, { method: "POST", body: fields, cache: "no-store", signal: AbortSignal.timeout(2 * patience) });
    const html = await answer.text();
    if (!html.includes('id="main"')) throw new Error("not an answer of the console's");
    if (answer.redirected) history.replaceState(null, "", answer.url);
    show(html, false);
    delete root.dataset.stale;
    const done = document.getElementById("done") ?? document.getElementById("main");
    if (document.activeElement === document.body && done !== null) focus(done);
  } catch {
    if (told === null) return;
    told.textContent = unknown;
    told.hidden = false;
    told.tabIndex = -1;
    told.focus();
  }
}

document.addEventListener("submit", async (event) => {
  const form = event.target;
  if (!("swap" in form.dataset)) return;
  event.preventDefault();
  if (form.method !== "post") {
    await sending;
    const asked = new URL(location.href);
    for (const name of ["ended", "lifted", "mark"]) asked.searchParams.delete(name);
    for (const { name, value } of form.querySelectorAll("[type=search]")) asked.searchParams.set(name, value);
    history.replaceState(null, "", asked);
    return look(asked, false);
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
  const refresh = () => {
    if (document.hidden || looking !== null || sending !== null) return;
    if (document.querySelector("[data-live]") !== null) look(location.href, true);
  };
  setInterval(refresh, seconds * 1000);
  document.addEventListener("visibilitychange", refresh);
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
  [stylePath]: { type: "text/css; charset=utf-8", text: [tokens, base, overview, answers].join("\n") },
  "/console/icon.svg": { type: "image/svg+xml", text: icon },
} as const;

/** The console's own files: they hold nothing of anybody, and a browser asks whether they have changed by their ETag. */
export function fileAt(path: string, ifNoneMatch: string | null, sha256: TextHash): Response | undefined {
  const file = Object.entries(files).find(([name]) => name === path)?.[1];
  if (file === undefined) return undefined;
  const tag = `"${sha256(file.text).slice(0, 22)}"`;
  const headers = { "Content-Type": file.type, "Cache-Control": "public, max-age=0, must-revalidate", ETag: tag };
  const same = ifNoneMatch?.split(",").some((known) => known.trim().replace(/^W\//, "") === tag) === true;
  return same ? new Response(null, { status: 304, headers }) : new Response(file.text, { headers });
}
