import { styleText } from "node:util";

/** A text in a colour where standard output is a terminal that wants one (it may say NO_COLOR), plain elsewhere. */
export function coloured(colour: "green" | "red" | "gray", text: string): string {
  return styleText(colour, text, { stream: process.stdout });
}
