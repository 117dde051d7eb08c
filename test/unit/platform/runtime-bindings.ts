/** The bindings of the worker that the tests run in, or undefined in Node, which has no such module. */
export async function runtimeBindings(): Promise<object | undefined> {
  // The name is in a variable so that bundlers do not resolve it, which would fail in Node.
  const name = "cloudflare:workers";
  try {
    const module: unknown = await import(/* @vite-ignore */ name);
    const env: unknown = typeof module === "object" && module !== null ? Reflect.get(module, "env") : undefined;
    return typeof env === "object" && env !== null ? env : undefined;
  } catch {
    return undefined;
  }
}
