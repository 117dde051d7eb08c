/** The page, its head, and what all pages are made of. */
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
  height: 2.5rem; padding: 0 1.375rem; border: 0; border-radius: var(--radius);
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
.note.bad { background: var(--bad-wash); }
.note.bad strong { color: var(--bad); }
.note.well { background: var(--well-wash); }
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
  nav { order: 1; flex: 1 0 100%; }
  nav a { padding-block: 0.5rem; }
  .who { flex: 1 1 0; justify-content: flex-end; }
  .who .name { max-width: none; min-width: 0; }
  main { padding: 0 1rem 3rem; }
  select, input { height: 2.75rem; font-size: 1rem; }
  textarea { font-size: 1rem; }
  .small, .primary { min-height: 2.75rem; }
}
`;
