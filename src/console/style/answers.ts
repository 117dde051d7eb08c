/** The sign-in, the explainer, the simulator and the page of a code. */
export const answers = `
.door { max-width: 32rem; padding-top: 2rem; }
.door h1, .ask h1 { margin-bottom: 0.5rem; }
.door form, .ask form { display: grid; gap: 1rem; margin-top: 1.25rem; }
.door .primary, .ask .primary { justify-self: start; }
.door details { margin-top: 1.75rem; color: var(--quiet); font-size: 0.8125rem; }
.door summary { cursor: pointer; }
.door pre { margin: 0.5rem 0 0; padding: 0.75rem; overflow-x: auto; border-radius: var(--radius); background: var(--raised); color: var(--ink); font-family: var(--code); }
.explain, .simulate { display: grid; grid-template-columns: minmax(0, 26rem) minmax(0, 1fr); gap: 2rem 3rem; align-items: start; padding-top: 0.5rem; }
.codes { max-width: 52rem; padding-top: 0.5rem; }
.codes > * + * { margin-top: 1rem; }
.causes { padding-left: 1.25rem; list-style: disc; }
.causes li + li { margin-top: 0.5rem; }
.pair { display: grid; grid-template-columns: 1fr 1fr; gap: 1rem; align-items: start; }
.outcome { display: flex; align-items: center; gap: 0.75rem; padding: 0.75rem 1rem; border-radius: var(--radius); background: var(--well-wash); font-size: 1.125rem; font-weight: 600; }
.outcome svg { flex: none; width: 1.25rem; height: 1.25rem; fill: var(--well); }
.outcome.bad { background: var(--bad-wash); }
.outcome.bad svg { fill: var(--bad); }
.answer > * + * { margin-top: 1rem; }
.answer h2 { font-size: 1rem; }
.steps li { display: grid; grid-template-columns: 1.25rem 6.5rem minmax(0, 1fr); gap: 0 0.5rem; align-items: baseline; padding: 0.375rem 0; border-bottom: 1px solid var(--line); font-size: 0.875rem; }
.steps .mark { font-weight: 700; text-align: center; }
.steps .part { color: var(--quiet); }
.steps .said { overflow-wrap: anywhere; }
.steps .holds .mark { color: var(--well); }
.steps .fails { background: var(--bad-wash); }
.steps .fails .mark, .steps .fails .said { color: var(--bad); }
.steps .told .mark { color: var(--quiet); }
@media (max-width: 68rem) { .explain, .simulate { grid-template-columns: minmax(0, 1fr); } }
@media (max-width: 40rem) {
  .door { padding-top: 0.5rem; }
  .door .primary, .ask .primary { justify-self: stretch; }
  .steps li { grid-template-columns: 1.25rem minmax(0, 1fr); }
  .steps .said { grid-column: 2; }
}
`;
