/** The page's whole style. Its colours are those of the demo page (`web/style/tokens.css`). */
export const style = `
:root {
  color-scheme: light dark;
  --paper: #f7f6f3; --surface: #fff; --raised: #f1f0ec; --line: #e1dfd8; --ink: #191a1c; --quiet: #62605a;
  --accent: #9a5a00; --bad: #b3261e;
  --text: "Inter", system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", "Open Sans", sans-serif;
  --code: ui-monospace, "SF Mono", "Cascadia Mono", Menlo, Consolas, "Liberation Mono", "DejaVu Sans Mono", monospace;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #131416; --surface: #1a1b1e; --raised: #222428; --line: #2e3035; --ink: #eceae4; --quiet: #a2a097;
    --accent: #f0b254; --bad: #ff9a8f;
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.55 var(--text); overflow-wrap: anywhere; }
main, header { max-width: 58rem; margin: 0 auto; padding: 0 1.25rem; }
header { padding-top: 2.5rem; }
summary > span:only-child { flex: 1; }
main { padding-bottom: 4rem; }
h1 { margin: 0; font-size: 1.9rem; letter-spacing: -0.02em; line-height: 1.2; }
h2 { margin: 2.75rem 0 0.25rem; font-size: 1.25rem; }
h3 { margin: 1.5rem 0 0.4rem; font-size: 0.8rem; color: var(--quiet); text-transform: uppercase; letter-spacing: 0.06em; }
p { margin: 0.5rem 0; max-width: 44rem; }
h2 + p, .quiet { color: var(--quiet); }
a { color: var(--accent); text-underline-offset: 0.18em; }
code, pre { font: 0.86em/1.5 var(--code); }
pre { margin: 0.4rem 0; padding: 0.75rem 0.9rem; background: var(--raised); border-radius: 6px; overflow-x: auto; }
details { margin: 0.6rem 0; background: var(--surface); border: 1px solid var(--line); border-radius: 8px; }
summary { display: flex; flex-wrap: wrap; gap: 0.15rem 0.75rem; align-items: baseline; padding: 0.7rem 0.9rem; cursor: pointer; list-style: none; }
summary::-webkit-details-marker { display: none; }
summary:focus-visible, a:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; border-radius: 4px; }
summary .path { font: 600 0.95rem var(--code); }
summary .what { color: var(--quiet); flex: 1 1 12rem; }
summary::after { content: "+"; color: var(--quiet); font: 1rem var(--code); }
details[open] > summary::after { content: "\\2212"; }
details[open] > summary { border-bottom: 1px solid var(--line); }
.method { flex: 0 0 4.2rem; font: 600 0.8rem var(--code); color: var(--accent); }
.DELETE { color: var(--bad); }
.inside { padding: 0.4rem 0.9rem 1.1rem; }
ul.fields { margin: 0; padding: 0; list-style: none; }
ul.fields ul.fields { margin: 0.35rem 0 0 0.25rem; padding-left: 0.8rem; border-left: 1px solid var(--line); }
ul.fields > li { padding: 0.4rem 0; border-top: 1px solid var(--line); }
ul.fields > li:first-child { border-top: 0; }
.name { font-weight: 600; }
.type { color: var(--quiet); font-size: 0.85rem; }
.tells { display: block; }
.every summary { font-weight: 600; }
@media (max-width: 30rem) { .method { flex-basis: 100%; } }
dl { margin: 0.5rem 0; }
dl > div { padding: 0.7rem 0; border-top: 1px solid var(--line); }
dl > div:target { background: var(--raised); margin: 0 -0.75rem; padding: 0.7rem 0.75rem; border-radius: 6px; }
dt { display: flex; flex-wrap: wrap; gap: 0 0.75rem; align-items: baseline; }
dt code { font-weight: 600; }
dd { margin: 0.15rem 0 0; color: var(--quiet); max-width: 44rem; }
dl.codes > div { display: flex; flex-wrap: wrap; gap: 0 0.75rem; align-items: baseline; padding: 0.35rem 0; }
dl.codes dd { margin: 0; flex: 1 1 16rem; }
dl.codes dt { flex: 0 1 19rem; }
.status { font: 0.85rem var(--code); color: var(--bad); }
`;
