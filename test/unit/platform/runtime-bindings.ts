/** The bindings of the worker that the tests run in, or undefined in Node, which has no such module. */
export async function runtimeBindings(): Promise<object | undefined> {
  // By a name that no bundler looks into: it would fail in Node before the test could skip.
  const name = "cloudflare:workers";
  try {
    const module: unknown = await import(/* @vite-ignore */ name);
    const env: unknown = typeof module === "object" && module !== null ? Reflect.get(module, "env") : undefined;
    return typeof env === "object" && env !== null ? env : undefined;
  } catch {
    return undefined;
  }
}
