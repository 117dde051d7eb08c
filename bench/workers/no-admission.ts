import type * as admission from "../../src/flows/admit-session.ts";

/** Stands in for `src/flows/admit-session.ts` beside `no-check.ts`: nobody is asked whether a session may go on. */
export const admitSession: typeof admission.admitSession = () => undefined;
