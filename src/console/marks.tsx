/** How something stands, by form as well as by colour. */
export type Level = "well" | "look" | "bad";

const forms: Readonly<Record<Level, string>> = {
  well: "M12 2a10 10 0 1 0 0 20 10 10 0 0 0 0-20Zm-1.6 14.6-4.2-4.2 1.6-1.6 2.6 2.6 5.8-5.8 1.6 1.6Z",
  look: "M12 2 1.5 21h21ZM11 9h2v6h-2Zm0 7.5h2v2h-2Z",
  bad: "M3 3h18v18H3Zm8 3.5h2v7.5h-2Zm0 9h2v2h-2Z",
};

export function Mark({ level }: { readonly level: Level }) {
  return (
    <svg viewBox="0 0 24 24" aria-hidden="true" focusable="false">
      <path fill-rule="evenodd" d={forms[level]} />
    </svg>
  );
}
