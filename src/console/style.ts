/** The demo page's `demo/style/tokens.css`, plus the colour of success and the colours of refusal codes. */
export const tokens = `
:root {
  color-scheme: light dark;
  --paper: #f7f6f3; --surface: #fff; --raised: #f1f0ec; --line: #e1dfd8; --line-strong: #8b8880;
  --ink: #191a1c; --quiet: #62605a;
  --accent: #9a5a00; --accent-fill: #d98b16; --accent-wash: #fbf1e0;
  --bad: #b3261e; --bad-wash: #fcefed; --well: #1d7044; --well-wash: #eaf4ee;
  --c0: #8b8880; --c1: #0068a8; --c2: #c2570c; --c3: #15806a; --c4: #a83a86; --c5: #8a7a00; --c6: #4b3fb0; --c7: #6e4a2f;
  --text: "Inter", system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", "Open Sans", sans-serif;
  --code: ui-monospace, "SF Mono", "Cascadia Mono", Menlo, Consolas, "Liberation Mono", "DejaVu Sans Mono", monospace;
  --radius: 8px;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #131416; --surface: #1a1b1e; --raised: #222428; --line: #2e3035; --line-strong: #73767d;
    --ink: #eceae4; --quiet: #a2a097;
    --accent: #f0b254; --accent-fill: #f0b254; --accent-wash: #2b2417;
    --bad: #ff9a8f; --bad-wash: #2c1d1c; --well: #7fd0a0; --well-wash: #17261d;
    --c0: #8b8f98; --c1: #4ea8e6; --c2: #f28a3c; --c3: #3ec6a8; --c4: #e583c4; --c5: #d8c93e; --c6: #9d94f5; --c7: #b98e6c;
  }
}
`;

/** The page, its header, and elements of all pages. */
export const base = `
*, *::before, *::after { box-sizing: border-box; }
body {
  margin: 0; background: var(--paper); color: var(--ink);
  font: 15px / 1.5 var(--text); font-variant-numeric: tabular-nums; -webkit-text-size-adjust: 100%;
}
h1, h2, h3, p, dl, dd, ol, ul, figure { margin: 0; padding: 0; }
ol, ul { list-style: none; }
h1 { font-size: 1.375rem; font-weight: 650; letter-spacing: -0.02em; line-height: 1.25; }
h2 { font-size: 1.125rem; font-weight: 650; letter-spacing: -0.01em; }
h3 { font-size: 0.9375rem; font-weight: 600; }
a { color: inherit; text-decoration-color: var(--line-strong); text-underline-offset: 0.2em; }
a:hover { text-decoration-color: currentcolor; }
summary { line-height: 1.5rem; }
code, .code { font-family: var(--code); font-size: 0.8125rem; overflow-wrap: anywhere; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
:root [hidden] { display: none; }
.hidden {
  position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap;
}
.skip { position: absolute; left: -100vw; }
.skip:focus { left: 1rem; top: 0.5rem; padding: 0.25rem 0.75rem; background: var(--surface); }

.top {
  display: flex; flex-wrap: wrap; align-items: center; gap: 0.5rem 2rem;
  max-width: 84rem; margin: 0 auto; padding: 1.5rem 2rem 1.25rem;
}
.brand {
  display: flex; align-items: center; gap: 0.625rem; text-decoration: none;
  font-size: 1.375rem; font-weight: 650; letter-spacing: -0.02em; line-height: 1.2;
}
nav { display: flex; gap: 0.25rem; }
nav a { padding: 0.375rem 0.75rem; border-radius: var(--radius); color: var(--quiet); text-decoration: none; }
nav a:hover { color: var(--ink); }
nav a[aria-current] { background: var(--raised); color: var(--ink); font-weight: 600; }
.who { display: flex; align-items: center; gap: 0.75rem; min-width: 0; margin-left: auto; }
.who .name {
  max-width: 14rem; overflow: hidden; color: var(--quiet); font-size: 0.8125rem; text-overflow: ellipsis; white-space: nowrap;
}
main { max-width: 84rem; margin: 0 auto; padding: 0 2rem 4rem; }

.field { display: grid; gap: 0.25rem; min-width: 0; }
.field > label, .field > .label { color: var(--quiet); font-size: 0.8125rem; }
select, input, textarea {
  width: 100%; height: 2.5rem; padding: 0 0.625rem; border: 1px solid var(--line-strong); border-radius: var(--radius);
  background: var(--surface); color: var(--ink); font: inherit; text-overflow: ellipsis;
}
textarea {
  height: auto; min-height: 7.5rem; padding: 0.5rem 0.625rem; resize: vertical;
  font-family: var(--code); font-size: 0.8125rem; overflow-wrap: anywhere;
}
input[type="file"] { padding: 0.375rem 0.625rem; }
button { font: inherit; color: inherit; cursor: pointer; }
.primary {
  height: 2.5rem; padding: 0 1.375rem; border: 1px solid transparent; border-radius: var(--radius);
  background: var(--ink); color: var(--paper); font-weight: 600;
}
.small {
  min-height: 2.25rem; padding: 0.25rem 0.75rem; border: 1px solid var(--line-strong); border-radius: var(--radius);
  background: var(--surface); font-size: 0.8125rem; white-space: nowrap;
}
.small:not([aria-disabled="true"]):hover { border-color: var(--ink); }
button[aria-disabled="true"] { opacity: 0.4; cursor: default; }
.danger { color: var(--bad); }
.danger:not([aria-disabled="true"]):hover { border-color: var(--bad); background: var(--bad-wash); }

.fine, .quiet, .hint { color: var(--quiet); }
.fine, .hint { font-size: 0.8125rem; }
.empty { max-width: 36rem; color: var(--quiet); }
.note { margin-bottom: 1.25rem; padding: 0.75rem 1rem; border-radius: var(--radius); background: var(--raised); }
.note p + p { margin-top: 0.25rem; }
.note.error { background: var(--bad-wash); }
.note.error strong { color: var(--bad); }
.note.ok { background: var(--well-wash); }
.note.with { display: flex; flex-wrap: wrap; align-items: center; justify-content: space-between; gap: 0.5rem 1rem; }
.note.with > p { flex: 1 1 16rem; }
.note .small { background: var(--surface); }
.spaced { margin-top: 1.25rem; }
.fault { color: var(--bad); font-size: 0.8125rem; }
.fault:empty { display: none; }
i[class^="c"] { flex: none; width: 0.625rem; height: 0.625rem; border-radius: 2px; }
i.c0 { background: var(--c0); } i.c1 { background: var(--c1); } i.c2 { background: var(--c2); }
i.c3 { background: var(--c3); } i.c4 { background: var(--c4); } i.c5 { background: var(--c5); }
i.c6 { background: var(--c6); } i.c7 { background: var(--c7); }
rect.c0 { fill: var(--c0); } rect.c1 { fill: var(--c1); } rect.c2 { fill: var(--c2); }
rect.c3 { fill: var(--c3); } rect.c4 { fill: var(--c4); } rect.c5 { fill: var(--c5); }
rect.c6 { fill: var(--c6); } rect.c7 { fill: var(--c7); }

@media (max-width: 40rem) {
  .top { gap: 0.5rem 1rem; padding: 1rem 1rem 0.875rem; }
  nav { order: 1; flex: 1 0 100%; flex-wrap: wrap; margin-inline: -0.75rem; }
  nav a { padding: 0.5rem 0.625rem; }
  .who { flex: 1 1 0; justify-content: flex-end; }
  .who .name { max-width: none; min-width: 0; }
  main { padding: 0 1rem 3rem; }
  select, input { height: 2.75rem; font-size: 1rem; }
  textarea { font-size: 1rem; }
  .small, .primary { min-height: 2.75rem; }
}
/* Forced colours show no background, but each border, also a transparent one. */
@media (forced-colors: active) {
  .verdict, .outcome, .note { border: 1px solid CanvasText; }
  nav a[aria-current] { text-decoration: underline; }
  i[class^="c"] { forced-color-adjust: none; }
}
`;

/** The overview. */
export const overview = `
.verdict {
  display: grid; grid-template-columns: auto minmax(0, 1fr) auto; gap: 0.25rem 1rem; align-items: center;
  margin-bottom: 1.75rem; padding: 1rem 1.25rem; border-radius: var(--radius); background: var(--well-wash);
}
.verdict svg { width: 1.5rem; height: 1.5rem; fill: var(--well); }
.verdict h1 { font-size: 1.25rem; }
.verdict .why { grid-column: 2; color: var(--quiet); font-size: 0.875rem; }
.verdict.warning { background: var(--accent-wash); }
.verdict.warning svg { fill: var(--accent); }
.verdict.error { background: var(--bad-wash); }
.verdict.error svg { fill: var(--bad); }
.figures { display: flex; flex-wrap: wrap; grid-column: 3; grid-row: 1 / span 2; gap: 0.25rem 1.75rem; }
.figures a { display: flex; min-height: 1.5rem; align-items: baseline; gap: 0.375rem; text-decoration: none; }
.figures b { font-size: 1.5rem; font-weight: 600; letter-spacing: -0.02em; line-height: 1; }
.figures span { color: var(--quiet); font-size: 0.8125rem; }
.figures a:hover span { color: var(--ink); text-decoration: underline; text-underline-offset: 0.2em; }
.verdict.stale, [data-stale] #verdict { display: none; }
[data-stale] .stale { display: grid; }
[data-stale] [data-live] { opacity: 0.6; }
[data-stale] .stale [data-live] { opacity: 1; }
#session-done:not(:empty) { margin-bottom: 0.75rem; }

.overview { display: grid; grid-template-columns: minmax(0, 1fr) minmax(0, 27rem); gap: 2.25rem 3rem; align-items: start; }
.overview > .wide { grid-column: 1 / -1; min-width: 0; }
.overview > section { min-width: 0; }
.overview .verdict { margin-bottom: 0; }
.overview .note { margin-bottom: 0; }
.side { display: grid; gap: 2.25rem; min-width: 0; }
.head { display: flex; flex-wrap: wrap; align-items: center; justify-content: space-between; gap: 0.5rem 1.5rem; margin-bottom: 0.75rem; }
.search { display: flex; flex: 0 1 20rem; gap: 0.5rem; min-width: 0; }
.refusals .search { flex-basis: 11rem; }
.search input { min-width: 0; height: 2.25rem; font-size: 0.8125rem; }

.rows { width: 100%; margin-top: 0.375rem; border-collapse: collapse; font-size: 0.875rem; }
.rows th, .rows td { padding: 0.5rem 0.75rem 0.5rem 0; border-bottom: 1px solid var(--line); text-align: left; vertical-align: middle; font-weight: 400; }
.rows thead th { padding-block: 0 0.375rem; border-color: var(--line-strong); color: var(--quiet); font-size: 0.8125rem; white-space: nowrap; }
.rows .what { display: block; font-weight: 600; overflow-wrap: anywhere; }
.rows .id { color: var(--quiet); font-size: 0.75rem; }
.rows .more { display: block; width: fit-content; padding-block: 0.25rem; color: var(--quiet); font-size: 0.75rem; }
.rows time { white-space: nowrap; }
.rows .country { display: inline-block; min-width: 1.75rem; margin-right: 0.25rem; padding: 0 0.25rem; border: 1px solid var(--line-strong); border-radius: 4px; color: var(--quiet); font-size: 0.6875rem; text-align: center; }
.rows .do { padding-right: 0; text-align: right; }
.state { display: inline-block; padding: 0 0.5rem; border: 1px solid var(--line-strong); border-radius: 4px; font-size: 0.75rem; white-space: nowrap; }
.state.active { border-color: transparent; background: var(--well-wash); color: var(--well); font-weight: 600; }
.state.retired, .state.retiring { color: var(--quiet); }
.due { color: var(--bad); font-weight: 600; }

.plot { display: grid; grid-template-columns: auto minmax(0, 1fr); gap: 0.25rem 0.5rem; }
.plot svg { width: 100%; height: 9rem; overflow: visible; }
.scale { display: flex; flex-direction: column; justify-content: space-between; margin-block: -0.5rem; text-align: right; }
.scale, .hours { color: var(--quiet); font-size: 0.6875rem; line-height: 1rem; }
.hours { display: flex; grid-column: 2; justify-content: space-between; }
.grid { stroke: var(--line); stroke-width: 1; vector-effect: non-scaling-stroke; }
.reach { fill: transparent; }
g:hover > .reach { fill: var(--raised); }
.legend { display: flex; flex-wrap: wrap; gap: 0.125rem 1.25rem; margin-top: 0.75rem; }
.legend li { display: flex; align-items: center; gap: 0.5rem; font-size: 0.8125rem; }
.legend b { font-weight: 600; }
.recent { margin-top: 1rem; border-top: 1px solid var(--line-strong); }
.recent li { padding: 0.5rem 0; border-bottom: 1px solid var(--line); font-size: 0.875rem; }
.recent .first { display: flex; align-items: center; gap: 0.5rem; }
.recent time { margin-left: auto; color: var(--quiet); font-size: 0.8125rem; white-space: nowrap; }
.recent .reason { overflow-wrap: anywhere; }
.recent code { font-size: 0.75rem; }
.recent a, .legend a { display: inline-block; min-height: 1.5rem; line-height: 1.5rem; }

@media (max-width: 68rem) {
  .overview { grid-template-columns: minmax(0, 1fr); }
  .side { display: contents; }
  .overview > .refusals { order: 1; }
  .keys { order: 2; min-width: 0; }
}
@media (max-width: 40rem) {
  .overview { gap: 1.75rem; }
  .verdict { grid-template-columns: auto minmax(0, 1fr); padding: 0.875rem 1rem; }
  .figures { grid-column: 2; grid-row: auto; margin-top: 0.5rem; }
  .figures a { min-height: 2.25rem; align-items: center; }
  .figures b { font-size: 1.25rem; }
  .search, .refusals .search { flex: 1 0 100%; }
  .search input { height: 2.75rem; font-size: 1rem; }
  .rows thead { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
  .rows, .rows tbody { display: block; }
  .rows tbody { border-top: 1px solid var(--line-strong); }
  .rows tr { display: grid; grid-template-columns: minmax(0, 1fr) auto; gap: 0.125rem 1rem; align-items: center; padding: 0.625rem 0; border-bottom: 1px solid var(--line); }
  .rows tbody th, .rows td { display: block; padding: 0; border: 0; }
  .rows td:empty { display: none; }
  .rows td[data-of]:not([data-of="Place"])::before { content: attr(data-of) " "; color: var(--quiet); }
  .rows td[data-of] { font-size: 0.8125rem; }
  .rows .do { grid-column: 2; grid-row: 1; }
}
`;

/** The last 24 hours. */
export const days = `
.history .verdict { margin-top: 0.5rem; }
.days { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 24rem), 1fr)); gap: 2.25rem 3rem; margin-bottom: 2.25rem; }
.day { min-width: 0; }
.day figcaption { display: flex; flex-wrap: wrap; align-items: baseline; justify-content: space-between; gap: 0 1rem; margin-bottom: 0.5rem; }
.day svg { display: block; width: 100%; height: 6rem; }
.day .before { fill: var(--line); }
.day .mark { stroke: var(--bad); stroke-width: 1.5; stroke-dasharray: 4 3; vector-effect: non-scaling-stroke; }
@media (forced-colors: active) {
  .day .before { fill: GrayText; } .day rect.c1 { fill: CanvasText; } .day .grid { stroke: CanvasText; } .day .mark { stroke: Highlight; }
}
`;

/** Sign-in, Explain, Simulate and the page of a refusal code. */
export const answers = `
.sign-in { max-width: 32rem; padding-top: 2rem; }
.sign-in h1, .ask h1 { margin-bottom: 0.5rem; }
.sign-in form, .ask form { display: grid; gap: 1rem; margin-top: 1.25rem; }
.sign-in .primary, .ask .primary { justify-self: start; }
.sign-in details { margin-top: 1.75rem; color: var(--quiet); font-size: 0.8125rem; }
.sign-in summary { cursor: pointer; }
.sign-in pre { margin: 0.5rem 0 0; padding: 0.75rem; overflow-x: auto; border-radius: var(--radius); background: var(--raised); color: var(--ink); font-family: var(--code); }
.explain, .simulate, .viewer, .revocations { display: grid; grid-template-columns: minmax(0, 26rem) minmax(0, 1fr); gap: 2rem 3rem; align-items: start; padding-top: 0.5rem; }
.codes { max-width: 52rem; padding-top: 0.5rem; }
.tabs { flex-wrap: wrap; margin: 0.75rem 0; }
.groups .code, .tab { display: inline-block; min-height: 1.5rem; line-height: 1.5rem; overflow-wrap: anywhere; }
.codes > * + * { margin-top: 1rem; }
.codes p > a { display: inline-block; line-height: 1.5rem; }
.found li, .consequences > div { display: grid; grid-template-columns: minmax(0, 1fr) auto; gap: 0 1rem; align-items: center; padding: 0.5rem 0; border-bottom: 1px solid var(--line); }
.found .fine { grid-column: 1; overflow-wrap: anywhere; }
.found form { grid-column: 2; grid-row: 1 / span 2; }
.found .running { color: var(--well); }
.found .revoked, .found .ended { color: var(--bad); }
.found code { font-size: 0.75rem; overflow-wrap: anywhere; }
.causes { padding-left: 1.25rem; list-style: disc; }
.causes li + li { margin-top: 0.5rem; }
.pair { display: grid; grid-template-columns: 1fr 1fr; gap: 1rem; align-items: start; }
.outcome { display: flex; align-items: center; gap: 0.75rem; padding: 0.75rem 1rem; border-radius: var(--radius); background: var(--well-wash); font-size: 1.125rem; font-weight: 600; }
.outcome svg { flex: none; width: 1.25rem; height: 1.25rem; fill: var(--well); }
.outcome.error { background: var(--bad-wash); }
.outcome.error svg { fill: var(--bad); }
.answer > * + * { margin-top: 1rem; }
.answer h2 { font-size: 1rem; }
.answer section > * + * { margin-top: 0.75rem; }
.answer .found { margin-top: 0.25rem; }
.steps li { display: grid; grid-template-columns: 1.25rem 6.5rem minmax(0, 1fr); gap: 0 0.5rem; align-items: baseline; padding: 0.375rem 0; border-bottom: 1px solid var(--line); font-size: 0.875rem; }
.steps .mark { font-weight: 700; text-align: center; }
.steps .part { color: var(--quiet); }
.steps .text { overflow-wrap: anywhere; }
.steps .pass .mark { color: var(--well); }
.steps .fail { background: var(--bad-wash); }
.steps .fail .mark, .steps .fail .text { color: var(--bad); }
.steps .info .mark { color: var(--quiet); }
@media (max-width: 68rem) { .explain, .simulate, .viewer, .revocations { grid-template-columns: minmax(0, 1fr); } }
@media (max-width: 40rem) {
  .sign-in { padding-top: 0.5rem; }
  .sign-in .primary, .ask .primary { justify-self: stretch; }
  .steps li { grid-template-columns: 1.25rem minmax(0, 1fr); }
  .steps .text { grid-column: 2; }
}
`;
