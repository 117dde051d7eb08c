import { expect, it } from "vitest";
import { serverConfig } from "../../../cli/nginx/nginx-config.ts";

it("an answer about an admission is used until the second of its question is over, as nginx counts only whole seconds", () => {
  const config = serverConfig({
    folder: "/srv/nginx",
    node: "127.0.0.1:8788",
    mediaUrl: "https://media.example.tv",
    listen: "443",
    certificate: undefined,
    cache: "/var/cache/stagedoor",
    cacheSize: "1g",
    roots: new Map(),
    remotes: new Map(),
    resolver: undefined,
    authorities: undefined,
  });
  expect(config).toContain('proxy_cache_key "$stagedoor_session $remote_addr $time_iso8601";');
});
