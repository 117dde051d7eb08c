/** The overview. */
export const overview = `
.verdict {
  display: grid; grid-template-columns: auto minmax(0, 1fr) auto; gap: 0.25rem 1rem; align-items: center;
  margin-bottom: 1.75rem; padding: 1rem 1.25rem; border-radius: var(--radius); background: var(--well-wash);
}
.verdict svg { width: 1.5rem; height: 1.5rem; fill: var(--well); }
.verdict h1 { font-size: 1.25rem; }
.verdict .why { grid-column: 2; color: var(--quiet); font-size: 0.875rem; }
.verdict.look { background: var(--accent-wash); }
.verdict.look svg { fill: var(--accent); }
.verdict.bad { background: var(--bad-wash); }
.verdict.bad svg { fill: var(--bad); }
.figures { display: flex; grid-column: 3; grid-row: 1 / span 2; gap: 1.75rem; }
.figures a { display: flex; align-items: baseline; gap: 0.375rem; text-decoration: none; }
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
.rows .more { display: block; color: var(--quiet); font-size: 0.75rem; }
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
  .rows td[data-of]:not([data-of="Place"])::before { content: attr(data-of) " "; color: var(--quiet); }
  .rows td[data-of] { font-size: 0.8125rem; }
  .rows .do { grid-column: 2; grid-row: 1; }
}
`;
