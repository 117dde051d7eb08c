/**
 * The console's script; every page works without it. It fetches a page that shows what is now anew while somebody looks at it,
 * sends forms without leaving the page, and reads a credential's file into its field. Plain text, so that no build step has to
 * come before `wrangler deploy`.
 */
export const script = `"use strict";
let turn = 0;

/** Puts what another page says in the place of what this one does; all of it, where it is another page. */
function show(html) {
  const page = new DOMParser().parseFromString(html, "text/html");
  for (const old of document.querySelectorAll("[data-live]")) {
    const fresh = page.getElementById(old.id);
    if (fresh === null) return document.body.replaceWith(page.body); // a refusal, or the sign-in
    if (old.className === fresh.className && old.innerHTML === fresh.innerHTML) continue;
    const focused = old.contains(document.activeElement) ? document.activeElement.id : "";
    old.className = fresh.className;
    old.replaceChildren(...fresh.childNodes);
    if (focused !== "") document.getElementById(focused)?.focus();
  }
}

/** What was asked for last is shown, whichever answer comes last. */
async function load(url, init) {
  const mine = ++turn;
  try {
    const answer = await fetch(url, { cache: "no-store", signal: AbortSignal.timeout(15000), ...init });
    const html = await answer.text();
    if (init === undefined && answer.status >= 500) throw new Error("asked again later");
    if (mine !== turn) return;
    if (answer.redirected) history.replaceState(null, "", answer.url);
    show(html);
    delete document.documentElement.dataset.stale;
  } catch {
    document.documentElement.dataset.stale = "";
  }
}

document.addEventListener("submit", async (event) => {
  const form = event.target;
  if (!("swap" in form.dataset)) return;
  event.preventDefault();
  const fields = new URLSearchParams(new FormData(form));
  const button = form.querySelector("button");
  if (form.method === "post") {
    button.disabled = true;
    await load(form.action, { method: "POST", body: fields });
    button.disabled = false;
  } else {
    history.replaceState(null, "", form.getAttribute("action") + "?" + fields);
    await load(location.href);
  }
});

const seconds = Number(document.body.dataset.refresh ?? 0);
if (seconds > 0) {
  const refresh = () => {
    if (!document.hidden && document.querySelector("[data-live]") !== null) load(location.href);
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
