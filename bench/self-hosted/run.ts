import { parseArgs } from "node:util";
import { edgeFigures } from "./edge-figures.ts";
import { storeFigures } from "./stores.ts";

const usage = `npm run bench:self-hosted [-- --json]

Measures the self-hosted service on this machine, with servers of its own: redis-server has to be installed, and the rows of
nginx need nginx with njs. Compares each
figure with its target. Takes about two minutes. --json prints the figures as one object.`;

const { values } = parseArgs({ options: { json: { type: "boolean" }, help: { type: "boolean" } } });
if (values.help === true) console.log(usage);
else {
  const progress = (step: string) => console.error(`… ${step}`);
  const figures = [...(await edgeFigures(progress)), ...(await storeFigures(progress))];
  if (values.json === true) console.log(JSON.stringify(figures));
  else for (const figure of figures) console.log(lineOf(figure));
}

function lineOf({ name, value, target, isMet }: Awaited<ReturnType<typeof storeFigures>>[number]): string {
  return `${isMet ? "met   " : "missed"}  ${value.toFixed(2).padStart(8)}  ${target.padEnd(7)}  ${name}`;
}
