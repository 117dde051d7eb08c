import type { RefusalCode } from "../base/result.ts";

/** A section of docs/troubleshooting.md: the meaning of a code and its usual causes, with bold and code in Markdown. */
interface Section {
  readonly meaning: readonly string[];
  readonly causes: readonly string[];
}

// Generated from docs/troubleshooting.md by `npm run docs`.
export const troubleshooting: Readonly<Record<RefusalCode, Section>> = {
  "request_invalid": {
    "meaning": [
      "**400, any route with a credential.** The request has more than one credential, or a token in the query or the body, where proxies and logs would keep it. `faults` in the response names the header or parameter and says what to send."
    ],
    "causes": [
      "**`Bearer` has no token**: the variable with the token is empty.",
      "**The client sends the token twice**, in the header and as `access_token` in the URL. Remove it from the URL.",
      "**An HTTP library adds its own `Authorization`** (Basic, from a user name in the URL) in addition to the session cookie or the token.",
      "**Two session cookies**: one of a parent domain and one of the host, after a change of the domain. Delete the older one.",
      "**A backend's credential came with `Origin`**, so from a browser: everybody who opens that page can read it. Revoke it, and send it from the server only. A proxy on the server must not pass on its client's `Origin`.",
      "**The header has several tokens**, such as `Bearer a, Bearer b`: a proxy has merged two headers."
    ]
  },
  "https_required": {
    "meaning": [
      "**403, the API and the media host.** The request came over plain HTTP, in development from another machine. There is no redirect, because a token in the request could be read in transit."
    ],
    "causes": [
      "**A request to the ports of `npx stagedoor serve --env production` itself,** on its own machine as well. Use the public address, or send `X-Forwarded-Proto: https` as a proxy of `host.trustedProxies` does.",
      "**A base URL of the app begins with `http:`.** Fix it, and replace the tokens that were sent that way.",
      "**Your own proxy terminates TLS and connects to Cloudflare over HTTP.** Make it connect over HTTPS.",
      "**A custom domain without \"Always Use HTTPS\"** was typed into a browser. Turn it on in the zone: it redirects before a worker runs."
    ]
  },
  "token_missing": {
    "meaning": [
      "**401, any route with a credential.** The request has no credential that this route accepts."
    ],
    "causes": [
      "**The header has no scheme**, such as `Authorization: eyJ…`: write `Bearer ` before the token. `faults` says so.",
      "**The header was lost on the way**: a redirect to another host, a proxy that strips `Authorization`, `fetch` with `no-cors`.",
      "**The cookie was not sent**: the page is on another site, the request lacks `credentials: \"include\"`, or the browser blocks third-party cookies. Put the page and the API on one domain, or send a token.",
      "**The API cannot check the cookie**: it has no `IDENTITY` binding.",
      "**A cookie on an operator's route.** These routes accept an operator's bearer token only."
    ]
  },
  "token_invalid": {
    "meaning": [
      "**401, any route with a credential.** The token is rejected; the reason names the check. `npx stagedoor token --inspect -` shows the token's claims and the check that fails, and with `--issuers` the `iss` or audience that was expected. `faults` is present only if an operator's credential was sent to a viewer's route, another token to an operator's route, or a backend's credential that no key of the ring signed."
    ],
    "causes": [
      "**\"issuer is not one that is trusted here\"**: `iss` differs from `issuer` in `STAGEDOOR_ISSUERS`. They are compared byte for byte, including a trailing slash.",
      "**\"aud claim does not name this service's audience\"**: the token was issued for another service. Request this audience from the provider. If the provider uses another claim, as Cognito and Clerk do, set `audienceClaim`: `docs/identity-providers/index.md`.",
      "**\"typ is not that of an access token\"**: the client sent an ID token, or `typ` is set and the provider uses another value.",
      "**The signature is invalid or no key has its kid**: the provider removed an old key immediately after a rotation, or `jwks` in the settings is out of date. A `jwksUri` is updated automatically.",
      "**`nbf` or `iat` in the future**: the provider's clock is ahead by more than `clockTolerance`.",
      "**\"the provider says that the token is not active\"**: it was revoked there, or the introspection client is not allowed to see it.",
      "**\"no usable sub or exp\", \"assets claim is neither\"**: the claims have other names. Set `subjectClaim`, `assetsClaim` or `scopeClaim`.",
      "**A key-bound token was sent as `Bearer`**, or an unbound token to an issuer with `dpop: required`.",
      "**An operator's credential: the API does not have the key that signed it.** `npx stagedoor deploy --env production --ring keys.json --secrets-only`."
    ]
  },
  "token_expired": {
    "meaning": [
      "**401, any route with a credential.** The token was valid and has expired."
    ],
    "causes": [
      "**The client does not refresh in time.** Refresh a minute before `exp`, and once more on this code.",
      "**A clock is off** by more than the issuer's `clockTolerance`: the provider's, or that of the machine that signs tokens.",
      "**An operator's credential lasts 90 days** by default: `npx stagedoor operator new`.",
      "**A backend's credential lasts 365 days** by default: `npx stagedoor backend new` with the same name. Issue it before the old one expires, since both are valid. `npx stagedoor doctor --ring keys.json` warns two weeks before."
    ]
  },
  "token_revoked": {
    "meaning": [
      "**401, starts, renewals and operators' routes.** The token, its viewer, its login, or the key of an operator's credential was revoked, or the viewer signed out."
    ],
    "causes": [
      "**The viewer signed out on another device**, or changed the password. This is intended; they sign in again.",
      "**An operator revoked the backend's credential, its name or its key.** `npx stagedoor backend new` makes a new one.",
      "**An operator revoked the subject.** The client needs a new token: tokens that are issued later are valid.",
      "**The provider issues tokens with an old `iat`** from a cache, so a new login looks older than the revocation.",
      "**By mistake**: `npx stagedoor revoke --subject alice --issuer https://id.example.com --lift`, with `--api` and `--bearer`."
    ]
  },
  "dpop_proof_invalid": {
    "meaning": [
      "**401, any route with a credential.** The token is bound to a key, and the proof in the `DPoP` header is missing or invalid."
    ],
    "causes": [
      "**`htu` does not begin with `STAGEDOOR_API_URL`**: the client uses an internal host name, or the setting is wrong or missing.",
      "**A retry sent the same proof again.** Each proof is valid once: the client makes one per request.",
      "**The device's clock is off**, so `iat` is too old or too far ahead.",
      "**`ath` belongs to another token**: the token was refreshed after the proof was made."
    ]
  },
  "sign_in_required": {
    "meaning": [
      "**401, any route with a credential.** The session cookie belongs to a sign-in session that has ended."
    ],
    "causes": [
      "**It expired or was ended**: unused for longer than `STAGEDOOR_IDENTITY_IDLE`, signed out elsewhere, or ended by an operator.",
      "**`STAGEDOOR_IDENTITY_SECRET` was changed**, which ends every session at once. Restore the old value if this was a mistake.",
      "**The API uses another identity worker**, or one with another database: check the binding `IDENTITY` and the id of its D1 database."
    ]
  },
  "origin_untrusted": {
    "meaning": [
      "**403, any request with a cookie, except GET, HEAD and OPTIONS.** The page's `Origin` is neither the API's own nor in `STAGEDOOR_ORIGINS`."
    ],
    "causes": [
      "**The API's `STAGEDOOR_ORIGINS` does not list the site.** Write it as a browser does: `https://www.example.com`, without a slash, with a port if there is one. `https://*.example.com` covers every subdomain, but not `https://example.com` itself.",
      "**A program sends the cookie without `Origin`.** Send `Origin`, or a bearer token.",
      "**`Origin: null`**: the page runs in a sandboxed frame or from a file. Any page can send this value, so `null` is never trusted.",
      "**An app with a web view**: list its origin as it is sent, such as `https://localhost` (Capacitor on Android), `capacitor://localhost` (on iOS) or `http://tauri.localhost` (Tauri on Windows). Schemes are not interchangeable.",
      "**A foreign page tries to use your users' cookies.** The check has stopped it."
    ]
  },
  "scope_insufficient": {
    "meaning": [
      "**403, starts, renewals and operators' routes.** The token is valid but lacks the scope that `WWW-Authenticate` names."
    ],
    "causes": [
      "**The provider does not issue `stream:play`.** Add it there, or map a scope that it issues: `scopes` of the issuer, such as `{\"video.watch\": \"stream:play\"}`.",
      "**The scopes are in another claim**: `scopeClaim` (`scp`, `permissions`).",
      "**The asset requires its own scope** (`scope` in the catalog).",
      "**An operator's credential lacks the scope**: `npx stagedoor operator new --name ann --scope operator:keys`.",
      "**A backend's credential lacks the asset's own scope**: `npx stagedoor backend new --name web --scope \"stream:play stream:premium\"`."
    ]
  },
  "session_forbidden": {
    "meaning": [
      "**403, the routes of a session.** The grant belongs to a session of another issuer or subject, or a backend started the session and a token of its viewer wants to renew it."
    ],
    "causes": [
      "**The app kept the grant after the user changed accounts.** Discard it at sign-out.",
      "**The provider's `sub` differs per client** (pairwise subjects), or `subjectClaim` was changed during the session.",
      "**An attacker tries a stolen grant.** The check has stopped it.",
      "**A backend started the session** (`STAGEDOOR_BACKENDS` maps it to the token's issuer): ask the backend to renew it, or start a stream with the token."
    ]
  },
  "body_invalid": {
    "meaning": [
      "**400, every route of the API and the console's forms.** The body is incomplete, too long, not UTF-8, or not the JSON that the route expects; or names a member twice; or a parameter in the query is unknown, repeated or invalid. `faults` in the response names each member or parameter and what is allowed there. The error is the client's, so no alert counts it."
    ],
    "causes": [
      "**The body is a form or is empty**: the route expects `{\"asset\": \"<id>\"}`. An HTTP client that sends objects without `JSON.stringify` sends `[object Object]`.",
      "**A member is misspelt**, such as `takeOver` for `takeover`: unknown members are refused. Routes below `/api/auth` answer `MEMBER_UNKNOWN`.",
      "**The client aborted the upload**, or a proxy cut the body: the log has lines, but the client received no response.",
      "**The body is compressed** (`Content-Encoding`), or not UTF-8.",
      "**`viewer` is missing, or not yours to send**: a backend's credential needs it, a viewer's token must not have it.",
      "**An asset needs a member of `viewer` that the backend left out**: `address`, `country`, `origin` or `userAgent`.",
      "**It is too long**: 4 KiB for viewers and backends, 64 KiB for the identity worker; the limits of operators' routes are in `/openapi.json`.",
      "**A sign-in without `Content-Type`**, or with one that the rate limits cannot read."
    ]
  },
  "asset_forbidden": {
    "meaning": [
      "**403, starts and renewals.** The token has the scope, but its claim `assets` does not contain this asset."
    ],
    "causes": [
      "**The provider does not issue such a claim.** Add it, name the provider's own claim (`assetsClaim`), or allow everything: `assetsDefault: \"all\"`.",
      "**The ids differ**: the claim has the id of your catalog system, not `id` of this catalog.",
      "**A backend's credential does not list the asset** (`--assets` of `npx stagedoor backend new`), or `viewer.assets` of the request leaves it out. `viewer.assets` adds nothing to the credential.",
      "**The viewer is not allowed to play it.** An unknown asset gets the same code, so that viewers cannot probe for ids."
    ]
  },
  "asset_unknown": {
    "meaning": [
      "**404, starts, renewals and the media host.** The catalog has no asset with this id. Only callers with access to this id see this code."
    ],
    "causes": [
      "**The catalog was changed less than two minutes ago**, and an isolate has not read it again.",
      "**It was written to another namespace**, or to another key than `catalog`: `npx stagedoor assets list` with `--api` and `--bearer` shows the stored catalog.",
      "**It was removed while sessions were running.**"
    ]
  },
  "asset_not_yet_available": {
    "meaning": [
      "**403, starts and renewals.** The asset's `available.from` is in the future."
    ],
    "causes": [
      "**The time has the wrong offset**: `20:00:00Z` is not 20:00 in Berlin. `npx stagedoor assets list --json` shows the stored value.",
      "**The premiere is later.** Show viewers the time; players need not retry."
    ]
  },
  "asset_no_longer_available": {
    "meaning": [
      "**403, starts and renewals.** The asset's `available.until` has passed. Running sessions ended at that time."
    ],
    "causes": [
      "**The licence has expired**, as intended.",
      "**The licence was extended, and the catalog is not updated yet.** A change reaches all workers within two minutes."
    ]
  },
  "country_forbidden": {
    "meaning": [
      "**403, starts, renewals and playlists.** The request's country is not in the asset's `countries`, or it is unknown."
    ],
    "causes": [
      "**The viewer is abroad or uses a VPN.** The console's refusals show the country in the reason.",
      "**Your own server made the start with the viewer's token**, so Cloudflare saw the server's country. Let the player make it, or use a backend's credential and name `viewer.country`: the server's own country counts for nothing then.",
      "**Tor, or an address without a known country**: refused for every asset with `countries`.",
      "**In development** the country is that of the header `CF-IPCountry`."
    ]
  },
  "place_forbidden": {
    "meaning": [
      "**403, starts, renewals and playlists.** The asset's `places` do not allow the client's region, postal code or network, or ask for a member of its place that is unknown. The reason in the log says which."
    ],
    "causes": [
      "**The viewer is elsewhere, or uses a VPN or Tor.** The check has stopped it.",
      "**The host does not tell the member.** On Workers, Cloudflare tells country, region, postal code and network, not for every address. On Node it is told by the headers of `host.placeHeaders`, through a proxy of `host.trustedProxies` only. In front of CloudFront's function it is told by CloudFront's headers. An unknown member is refused wherever a rule asks for it.",
      "**The asset has `anonymous: \"refuse\"`, and nobody tells whether a network is anonymous**: on Node set `host.placeHeaders.anonymous`.",
      "**A backend left out a member** is `body_invalid`: name `viewer.region`, `viewer.postal`, `viewer.asn` or `viewer.anonymous`."
    ]
  },
  "place_not_allowed": {
    "meaning": [
      "**451, starts, renewals, playlists, segments and files.** An operator has blacked the asset out in the place that the request comes from. `npx stagedoor revocations --kind blackout` lists the blackouts with their authors and reasons."
    ],
    "causes": [
      "**The viewer is in the place of the blackout.** It has stopped them; nothing else is broken.",
      "**The client's place is unknown or not known well enough**: a blackout of a region also refuses clients of that country whose region nobody tells. The reason in the log names the member. Who tells it is described for `place_forbidden`.",
      "**A backend left out a member** is `body_invalid` at a start: name `viewer.country`, `viewer.region`, `viewer.postal` or `viewer.asn`.",
      "**The event is over**: `npx stagedoor assets blackout <id> --lift`."
    ]
  },
  "origin_forbidden": {
    "meaning": [
      "**403, starts, renewals and playlists.** The `Origin` of the page, or its `Referer` where the player sends no `Origin`, is not in the asset's `origins`, or both are missing."
    ],
    "causes": [
      "**Native apps, AirPlay receivers and players outside a browser send neither**: set `originless: \"allow\"` for the asset. An app with a web view sends `https://localhost`, `capacitor://localhost` or a similar origin: list it.",
      "**The page sets `Referrer-Policy: no-referrer`**, and a player that loads the playlist by itself, as Safari does, sends no `Origin`.",
      "**A backend named another page** in `viewer.origin`: it is the origin of the page that plays, such as `https://www.example.com`.",
      "**The `www` or the port differs**: the value is compared exactly as the browser sends it.",
      "**A foreign site embeds the asset.** The check has stopped it."
    ]
  },
  "player_refused": {
    "meaning": [
      "**403, starts, renewals and playlists.** A glob of the asset's `players.except` covers the `User-Agent`."
    ],
    "causes": [
      "**The operator refuses this player or this version of it.** The reason in the log names the glob.",
      "**The glob covers more than was meant**: `*Safari*` is also in the User-Agent of Chrome. `npx stagedoor refusals` shows the players.",
      "**A backend left out `viewer.userAgent`** is `body_invalid`: name it for assets with `players`."
    ]
  },
  "entitlement_refused": {
    "meaning": [
      "**403, starts and renewals.** Your entitlement service denied the start. The log has its `reason`."
    ],
    "causes": [
      "**The viewer's purchase does not cover the asset**: only your service knows why.",
      "**The viewer is a backend's**, and your service does not know them: it gets the issuer `backend:<name>`, or the one of `STAGEDOOR_BACKENDS`, with `viewer.subject` as their subject, and `viewer.address` and `viewer.country` as far as the backend sends them.",
      "**It answered with an `until` in the past**: an offset is wrong, or its clock is behind.",
      "**The viewer has just bought it**: Stagedoor never caches denials, so the next start asks again. If that is denied as well, your service caches."
    ]
  },
  "provider_unavailable": {
    "meaning": [
      "**503 with Retry-After, starts, renewals and the routes of sessions.** A provider of this service gave no valid answer; the reason names it. The credential is not the cause, and clients should retry. Running streams are not affected."
    ],
    "causes": [
      "**\"the provider's introspection endpoint\", \"the issuer's keys\"**: the identity provider is down or returns something unexpected. Keys that were fetched before are used for an hour.",
      "**\"the entitlement service\"**: your own service is down, slower than two seconds, or returns an invalid response.",
      "**The provider moved**: compare `jwksUri` or the introspection URL in the settings with the provider's discovery document."
    ]
  },
  "asset_revoked": {
    "meaning": [
      "**403, starts and renewals.** An operator withdrew the asset: `revoke --asset`. The revocation also applies to a new asset with the same id."
    ],
    "causes": [
      "**It was intended.**",
      "**To restore it**: the same command with `--lift`."
    ]
  },
  "address_unknown": {
    "meaning": [
      "**400, starts and renewals.** The asset has `binding.network`, and the request has no client address."
    ],
    "causes": [
      "**The request did not come through Cloudflare**, which adds `CF-Connecting-IP`: for example, another worker calls the API over a binding. Forward that header, or let the player make the start."
    ]
  },
  "quality_unavailable": {
    "meaning": [
      "**403, starts, renewals and playlists.** The viewer's plan caps the quality, by the token's claim or the entitlement service, and the asset has nothing within the cap. `docs/operate/access.md` has the rules."
    ],
    "causes": [
      "**Every video variant is above the cap**, or lacks the capped attribute (`RESOLUTION`, `BANDWIDTH`): write it into the multivariant playlist.",
      "**The asset's entry is a media playlist**, which does not say its quality: make a multivariant playlist the entry.",
      "**CloudFront serves the asset** (`cdn`), and does not apply caps: use the edge, or an asset of the lower quality.",
      "**The URL is of a playlist above the cap**, from a session with another plan or a steering document. The check has stopped it."
    ]
  },
  "file_forbidden": {
    "meaning": [
      "**403, `POST /files`, file URLs.** The asset does not offer this file; `docs/players/files.md` has the rules."
    ],
    "causes": [
      "**The asset's `files` do not include the path.** `npx stagedoor assets list` shows them; the response of `POST /files` names the path in `faults`. Globs are case-sensitive, and `*` covers one path segment.",
      "**The file is a playlist, a key or a segment**, by its name, its bytes, its content type or its size (16 or 32 bytes). The log's reason says which. Fragmented MP4 is what playlists use: offer a progressive MP4 as a download (`ffmpeg -i in.mp4 -c copy -movflags +faststart out.mp4`).",
      "**A glob was removed from the catalog** after the URL was signed."
    ]
  },
  "stream_limit": {
    "meaning": [
      "**429, starts and renewals.** The viewer is at the stream limit; `running` lists their sessions."
    ],
    "causes": [
      "**Players do not end their sessions.** A session without requests counts for `STAGEDOOR_LEASE_TTL` (90 s). Call `DELETE /stream/{id}` when the player closes, or start with `\"takeover\": true` if the newest device should win.",
      "**Several people share an account**, which the limit prevents.",
      "**All viewers have the same `sub`**: a client credentials token, or a wrong `subjectClaim`. Then they share one limit. With a backend's credential the viewers differ by `viewer.subject`: send your id of each, never a constant.",
      "**The limit itself** comes from the entitlement service, else the token's `streams` (a backend's `viewer.streams`), else the asset's, else `STAGEDOOR_STREAM_LIMIT`."
    ]
  },
  "start_rate_exceeded": {
    "meaning": [
      "**429 with Retry-After, starts and renewals.** One viewer starts too many streams: the limit is 30 at once, then one per two seconds."
    ],
    "causes": [
      "**A player restarts after every error**, in a loop. Fix the error first, and back off.",
      "**All viewers have the same `sub`**, or a backend names all of them by one `viewer.subject`, as above.",
      "**A load test with one account**: use several."
    ]
  },
  "rate_limited": {
    "meaning": [
      "**429 with Retry-After, starts, sign-ins, tokens and the routes of sessions.** An hourly quota is used up; the header `RateLimit-Policy` names it."
    ],
    "causes": [
      "**`start-address`, `start-network`, `sign-in-address`, `token-address`**: many viewers share one address, as in a school or with a mobile provider. Raise `STAGEDOOR_START_RATE_ADDRESS` or the setting of that quota. The first two count only starts with a sign-in session or an opaque token, which the issuer has to verify; JWTs that a key verifies are not counted per address.",
      "**`backend`**: a backend's own rate, per minute and for all credentials of its name together. Wait for `Retry-After`, or issue a credential with a higher `--rate`.",
      "**Your own server starts streams for all viewers with their tokens**, from one address. Let the players start them, or use a backend's credential, which no quota of an address counts.",
      "**`start-subject`, `sign-in-account`**: one client in a loop, or somebody who guesses passwords.",
      "**`refused-address`, `refused-network`**: a client keeps sending an opaque token that its provider refuses.",
      "**`refused-console`**: wrong credentials at the console's sign-in. Valid credentials are still accepted."
    ]
  },
  "session_unknown": {
    "meaning": [
      "**404, the routes of a session.** The request has no grant in `CTA-Common-Access-Token`, or the grant belongs to another session than the path. The id alone gives no access."
    ],
    "causes": [
      "**The header is missing**: the client kept `sessionId` but not `grant`. The start returns both.",
      "**A proxy strips unknown headers.**",
      "**After a renewal**, the client still uses the path of the older session.",
      "**A backend asks for a session that it did not start for this viewer**, or one whose last grant expired: the row is gone."
    ]
  },
  "session_revoked": {
    "meaning": [
      "**403, the media host and renewals.** The session was ended, or its viewer, login, asset, token or key was revoked. This takes effect within two seconds, and in a CloudFront Function in about 20."
    ],
    "causes": [
      "**The player was closed or the viewer signed out**, and another tab still uses the session.",
      "**An operator ended it**, in the console or with `revoke`. `POST /operator/explain` with the URL names the revocation.",
      "**A key was revoked**: all its sessions end. Players that start again use the next key.",
      "**A backend renews a session that a revoked credential of it started**, or one of a revoked key. Start the stream again with the valid credential."
    ]
  },
  "session_shared": {
    "meaning": [
      "**403, the media host and renewals.** The session was used in more networks at once (within one lease, 90 s) than `STAGEDOOR_SHARED_NETWORKS`. If all of them had loaded playlists, the manifest URL was shared, and the session was ended for good. Otherwise only this network's request was refused and the session continues: networks that loaded a playlist, or in which the session was started or renewed, have priority."
    ],
    "causes": [
      "**The URL was shared.** The viewer starts again.",
      "**A segment URL leaked** and is requested from elsewhere. The viewer notices nothing.",
      "**A phone between WLAN, IPv4, IPv6 and two providers** may use four networks within one lease. Loading a playlist makes a network trusted: live players do so regularly, a VOD player when it reloads the stream. Raise the limit if legitimate viewers get this code.",
      "**Your own server or a transcoding service uses a viewer's session.** Give it its own."
    ]
  },
  "stream_taken": {
    "meaning": [
      "**403, the media host and renewals.** The viewer started another stream with `takeover`, and this was their oldest one."
    ],
    "causes": [
      "**The viewer changed devices**, as intended. Show \"playing on another device\" and a button that starts again.",
      "**Two devices start with `takeover` after every failure**, and end each other's session. Ask the viewer before a second takeover."
    ]
  },
  "path_invalid": {
    "meaning": [
      "**400, the media host.** The path is not in its canonical form: it has dot segments, `//`, `%2F`, a backslash, escapes in lower case, or escapes of characters that need none. The signed path and the served path must be the same bytes."
    ],
    "causes": [
      "**A player or a proxy re-encodes the path** (`~` as `%7E`, `%C3` as `%c3`). It has to send the URL exactly as it is in the playlist.",
      "**A URL was joined from two parts**, and has two slashes.",
      "**A scanner** probes `/../` and `.env`. Nothing is at risk."
    ]
  },
  "signature_missing": {
    "meaning": [
      "**403, the media host.** The URL has no `list`, `seg` or `key` parameter, or not the one for this kind of file."
    ],
    "causes": [
      "**The URL was built by hand**, or is the origin's URL with another host.",
      "**Something removes the query**: a proxy, a cast receiver or a download tool keeps only the path.",
      "**The playlist did not come from the media host**, so its URIs were never signed.",
      "**For CloudFront**: `Signature` and `Key-Pair-Id` are missing if a distribution does not forward the query."
    ]
  },
  "signature_invalid": {
    "meaning": [
      "**403, the media host.** The grant is valid, but the signature is not: some part of the URL differs from what was signed."
    ],
    "causes": [
      "**A proxy, a cache or a player changed the query**: it sorted or dropped parameters, or inserted one before the signature. Parameters after the signature do no harm (CMCD, `_HLS_*`), but a CloudFront URL allows no additions at all. Compare the playlist's URL with the request.",
      "**A playlist URL with another viewer's grant**: playlists are bound to the session, and segments too if the asset's `segmentSignature` is `session`. A page that keeps URLs after a new start mixes them up.",
      "**`segmentSignature` was changed** while sessions were running: viewers have to start again.",
      "**For CloudFront**: the `keyPairId` belongs to another key pair than the one in the ring, or the asset's `hash` was changed. `npx stagedoor doctor` compares the key halves.",
      "**The URL was cut**: chat and mail programs end links at punctuation.",
      "**Somebody tampers with the path or the expiry.**"
    ]
  },
  "signature_expired": {
    "meaning": [
      "**403, the media host.** The signature is valid, but the URL has expired. A redirect usually renews expired segment URLs; this code appears where it does not."
    ],
    "causes": [
      "**A manifest URL was stored**: it is valid for `STAGEDOOR_MANIFEST_TTL`. Start again instead.",
      "**`STAGEDOOR_RENEWAL=off`**, and the viewer paused for longer than `STAGEDOOR_PAUSE_ALLOWANCE`.",
      "**CloudFront serves the segments with native signed URLs**, and cannot renew them. Use the helper (`stagedoor/player`), or raise `STAGEDOOR_PAUSE_ALLOWANCE`.",
      "**A cache serves old playlists.** Stagedoor sends `private` or `no-store` where it matters; check that nothing overrides it.",
      "**A player reloads a playlist from the URL after a redirect.** Stagedoor never redirects playlists: look for a proxy that does."
    ]
  },
  "signature_not_yet_valid": {
    "meaning": [
      "**403, CloudFront.** The custom policy's `DateGreaterThan` is in the future."
    ],
    "causes": [
      "**The signing machine's clock is ahead.** Stagedoor's own URLs have no start time: another program signed this one."
    ]
  },
  "grant_invalid": {
    "meaning": [
      "**403, the media host and the routes of a session.** The first segment of the path, or the header, is not a grant of this deployment."
    ],
    "causes": [
      "**Two rings have a key with the same name**: those of staging and production, or a key that was created again with its old kid. `npx stagedoor keys list --ring keys.json` shows a fingerprint per key, and the console shows the fingerprints of the API's keys. Deploy one ring to all workers.",
      "**`STAGEDOOR_GRANT_ISSUER` differs** between the API, the edge and the manifest worker. Use the same value.",
      "**The URL belongs to another deployment**, or its path was cut or changed.",
      "**After a rollback** a grant of a later release may be unknown: the viewer starts again."
    ]
  },
  "grant_expired": {
    "meaning": [
      "**403, the media host and the routes of a session.** The session has expired (`sessionExpiresAt`)."
    ],
    "causes": [
      "**The film or the pause was longer than the session.** Renew it in time: `POST /stream/{id}/renew`, or the helper's `renew`. For live streams, set the asset's `session` to 86400.",
      "**It expired early**: because of the entitlement service's `until`, the asset's `available.until` or the expiry of the signing key. The start's response has the time."
    ]
  },
  "key_unknown": {
    "meaning": [
      "**403, the media host and the routes of a session.** The grant or URL names a key that this worker does not have."
    ],
    "causes": [
      "**The workers have different rings.** Give every worker its part again: `npx stagedoor deploy --env production --ring keys.json --secrets-only`. `npx stagedoor doctor` compares them.",
      "**A key was removed while its sessions were running.** Add it again; `npx stagedoor keys rotate` never removes a key too early.",
      "**The new ring is not everywhere yet**: isolates use the old one for a while. The API should sign with a key only after the edge has it, which `keys rotate` ensures.",
      "**For CloudFront**: the catalog's `keyPairId`, or the id that `keys bind` recorded, is not in the edge's ring.",
      "**The URL belongs to another deployment.**"
    ]
  },
  "path_not_covered": {
    "meaning": [
      "**403, the media host.** The grant is for another asset."
    ],
    "causes": [
      "**A playlist contains URIs of another asset's files**, written by hand. Put all these files in one asset, or remove the URIs.",
      "**Somebody tries a grant on another asset's path.**",
      "**For CloudFront**: a custom policy's `Resource` does not cover the path."
    ]
  },
  "method_not_covered": {
    "meaning": [
      "**405, the media host.** The media host accepts only GET, HEAD and OPTIONS."
    ],
    "causes": [
      "**An upload or a ping to the wrong host**: POST belongs to the API.",
      "**A scanner.**"
    ]
  },
  "address_not_covered": {
    "meaning": [
      "**403, CloudFront.** The custom policy is for another IPv4 address."
    ],
    "causes": [
      "**The viewer's address changed**, or they use IPv6, which CloudFront's `IpAddress` does not support. Stagedoor's own URLs are not bound to an address this way: another program signed this one."
    ]
  },
  "binding_mismatch": {
    "meaning": [
      "**403, the media host.** The asset has `binding`, and the request comes from another network or user agent than its start."
    ],
    "causes": [
      "**A phone went from WLAN to mobile data**, or from IPv4 to IPv6. `prefix` helps within one network, not between two. Bind only valuable assets. The player has to start again.",
      "**Your own server made the start with the viewer's token.** Let the player make it, or use a backend's credential and name `viewer.address` and `viewer.userAgent` as the player sends them to the media host.",
      "**A backend sent an address that is not the viewer's**: that of its proxy, or the IPv4 address of a viewer who reaches the media host by IPv6.",
      "**A cast device uses the phone's session**: its user agent and often its address differ. Let it start or renew its own session.",
      "**The link was shared**, which the binding is meant to stop."
    ]
  },
  "playlist_invalid": {
    "meaning": [
      "**422, the media host.** Players could read the origin's playlist in different ways, so its URIs cannot be protected. The log has the error."
    ],
    "causes": [
      "**A live origin answers 200 with an error page or an incomplete playlist.** Viewers see this code only if it lasts longer than three target durations, or if there was no valid version before; until then they get the last valid one, and the log has one line per failed poll. Let the packager write playlists under a temporary name and rename them.",
      "**The packager writes something unusual**: URIs in single quotes, unusual spaces, a URI without quotes that contains a comma.",
      "**A tag's attribute list is broken, and players find different URIs in it**: an unclosed quote, two URIs of which one is foreign, another URL inside it. A broken rendition (EXT-X-MEDIA, I-frame or image variants, EXT-X-SESSION-DATA) is left out, and the log says so; for a broken KEY or MAP, or the last rendition of a group that a variant names, the playlist is refused. Other defects, such as an attribute without a value, do no harm.",
      "**A URI contains a character that some player treats as a line break** (NEL, U+2028, a control character) or bytes that are not UTF-8. In names, titles and comments such bytes are passed through.",
      "**It is not a playlist**: an error page of the origin with status 200.",
      "**It has both variants (EXT-X-STREAM-INF) and segments (EXTINF).** Other tags of the wrong kind are accepted and keep their bytes.",
      "**A URI that no player can send**: a backslash, a control character, a broken percent escape, more than 8,192 characters (the alias of a non-canonical URI is a third longer).",
      "**An invalid JSON document**: an asset list (`X-ASSET-LIST`) needs `ASSETS`, a steering manifest `PATHWAY-PRIORITY`. Each URI must be a string, and no object may have duplicate members. A clone's `PARAMS` may not be named `list`, `seg`, `key`, `file` or `tpl`."
    ]
  },
  "playlist_too_large": {
    "meaning": [
      "**413, the media host.** The playlist is larger than 4 MiB, or has too many URIs."
    ],
    "causes": [
      "**A live playlist never drops old segments.** Limit it to a sliding window, or make the recording a separate asset.",
      "**Byte ranges of a whole day** in one playlist: use longer segments."
    ]
  },
  "uri_foreign": {
    "meaning": [
      "**422, the media host.** A URI in the playlist is outside the asset: on another host, above its prefix, or with another scheme."
    ],
    "causes": [
      "**Ads or a key server on another host**: add it to the asset's `allowedHosts`, as `ads.example`, or as `*.ads.example` for every subdomain. Its URLs are passed through unsigned.",
      "**A title or a comment contains a control character** (NUL, a lone CR, VT, NEL, U+2028) **followed by a URL.** Some players end the line there and load the URL. Some players also read commented-out tags, so URLs of other hosts in them count, too. Remove the character or the URL; URLs of hosts in `allowedHosts` may stay.",
      "**An application's own scheme** (`myapp://`): keys and `X-ASSET-LIST` may have one. For other URIs add it to the asset's `allowedSchemes`. Schemes that run scripts, read files or load from any host (`javascript:`, `file:`, `rtmp:`) are never allowed.",
      "**A steering manifest's pathway clone has another `HOST`** than the media host. Players send the session's grant to it, so `allowedHosts` does not help.",
      "**The packager writes absolute URLs with the origin's public name**, and `origin.url` has another. Write relative URLs.",
      "**`../` leads above the prefix**: set the asset's prefix to the folder of its files.",
      "**A URI could lead elsewhere**: decoded once or twice it contains `..`, a backslash or a control character, as `%252e%252e/`, `..;a/`, `%5C` and `%00` do. Rename the file."
    ]
  },
  "object_unknown": {
    "meaning": [
      "**404, the media host.** The URL is valid, but the origin does not have the file."
    ],
    "causes": [
      "**The prefix is wrong**, so every file is missing: compare `origin.prefix`, `origin.url` or `origin.path` and `entry` with the location of the files.",
      "**The upload is not complete**, or the playlist was published before its segments.",
      "**S3 answers 403 for a missing file** if the caller may not list the bucket; Stagedoor answers 404 then. If every file is missing, the credentials may not allow reading: `s3:GetObject` on the prefix.",
      "**The asset's origin has `missingIs: 403`**, and the origin refuses Stagedoor. If every file is missing, check the secret of `auth`.",
      "**In a folder (self-hosted), a symbolic link leads out of the root, a name begins with a dot, or it is no regular file.** The log says which. Put the file itself below the folder of the origin.",
      "**A live segment was deleted already**, because a player is far behind."
    ]
  },
  "range_not_satisfiable": {
    "meaning": [
      "**416, the media host.** The range starts after the end of the file."
    ],
    "causes": [
      "**The file was replaced by a shorter one** during playback, and the playlist has the old byte ranges. Give new versions new names.",
      "**The origin returns a truncated file.**"
    ]
  },
  "origin_failed": {
    "meaning": [
      "**502, the media host.** The origin is unreachable, aborted the response, or returned something other than the file."
    ],
    "causes": [
      "**It answers 403 or 401 to Stagedoor**: the secret of `auth` is missing in this worker or has changed. Set it for the edge **and** the manifest worker; the log has the status.",
      "**It answers 403 for missing files**, as GCS and S3 do without the permission to list. Set `missingIs: 403` in the asset's `origin`, and viewers get 404.",
      "**It answers 5xx or is down**: check the origin itself. If other assets play, only this origin has failed.",
      "**It redirects to another host, or a playlist redirects out of the asset's prefix.** Such redirects are not followed, because a secret would be sent along, and an asset opens only what is below its prefix. Set `origin.url` to the final URL.",
      "**An R2 object has a Content-Encoding**: store it without.",
      "**A folder or a file of it cannot be read** (self-hosted): the log has the system's code. EACCES: let the service's user read it. ENOENT: the folder of the root is not there, for example because a disk is not mounted.",
      "**The origin compresses files** although the request accepts no compression: `gzip` and `br` are decoded, any other `Content-Encoding` is refused, because its bytes would not be the file's. Turn it off for the asset's files.",
      "**TLS**: the certificate has expired, or does not name the host."
    ]
  },
  "origin_slow": {
    "meaning": [
      "**504, the media host.** The origin sent no response, or only a part of a playlist, within the asset's `timeout` (10 s)."
    ],
    "causes": [
      "**The origin is overloaded**: the origin latency in the metrics shows since when. A cold archive storage class has the same effect.",
      "**It is far away, or generates playlists on demand.** Raise `timeout` for that asset, up to 60.",
      "**It does not answer blocking reloads** (LL-HLS) when the part is available."
    ]
  },
  "revocation_invalid": {
    "meaning": [
      "**400, `POST /operator/revocations`.** The body names nothing that can be revoked, or more than one thing."
    ],
    "causes": [
      "**A session id is not 22 characters of base64url**: it was cut, or it is the grant.",
      "**A member is misspelt.** Unknown members are refused, so that a typing error cannot look like a revocation.",
      "**`until` is in milliseconds, or a string.** It is Unix seconds.",
      "**`until` is in the past.** Give a later time, or omit it."
    ]
  },
  "revocation_unknown": {
    "meaning": [
      "**404, `POST /operator/revocations` with `lift`.** There is no such revocation."
    ],
    "causes": [
      "**It has expired**: a revocation lasts as long as the access that it denies.",
      "**The spelling differs**: write the issuer and the subject exactly as they are in the token.",
      "**The viewer ended the session, or it was taken over or shared.** Such a session cannot be restored; the viewer starts again."
    ]
  },
  "asset_invalid": {
    "meaning": [
      "**400, `PUT` and `DELETE /operator/assets/{id}`.** The asset, or the catalog with it, has errors, which are listed in `faults`. Nothing was changed."
    ],
    "causes": [
      "**A member is unknown or misspelt**, or has an invalid value: each fault names the field and the fix.",
      "**Its files overlap with another asset's files**, so a grant for one would give access to the other.",
      "**The id in the path differs from that in the body**, or exists already and the query has `replace=false`.",
      "**The catalog was invalid before**: fix that asset first. `npx stagedoor assets check` with `--api` and `--bearer` lists every error."
    ]
  },
  "route_unknown": {
    "meaning": [
      "**404, the API.** There is no route with this path."
    ],
    "causes": [
      "**The base path**: with `STAGEDOOR_BASE_PATH=/api/v1` it is `/api/v1/stream/start`. `/openapi.json` and `/health` are at the root.",
      "**The path ends with a slash**, or belongs to the media host.",
      "**A proxy in front of the worker removes or adds a part** of the path."
    ]
  },
  "method_unknown": {
    "meaning": [
      "**405, the API.** The route exists, and `Allow` lists its methods."
    ],
    "causes": [
      "**GET instead of POST**: the start's URL was typed into a browser, or a redirect from HTTP turned POST into GET."
    ]
  },
  "configuration_invalid": {
    "meaning": [
      "**500, every worker.** The worker's configuration or the catalog has errors. All requests are refused until they are fixed, because an incomplete configuration might admit requests that the complete one would refuse."
    ],
    "causes": [
      "**A setting is missing, invalid or misspelt**: the log has a line for each, with the fix. `npx stagedoor doctor` finds them before a deployment.",
      "**A secret was not set for this worker or this environment**: each has its own.",
      "**For one asset only: `STAGEDOOR_ORIGIN_SECRETS` does not bind its origin's secret to that host and use.** Add it there, in `secrets` of `stagedoor.config.json`, or fix the asset.",
      "**For one asset only: its origin is a folder whose `root` the deployment does not have**, or the service runs on Workers. Name an origin of the type `file` in `stagedoor.config.json`; `npx stagedoor assets check` lists such assets.",
      "**For one asset only, self-hosted: its HTTP origin has a private, loopback or link-local address.** List its host in `host.privateOrigins` if it is yours; the log has the host as it must be written.",
      "**A binding is missing**: `npx stagedoor doctor` names it.",
      "**The catalog is missing or invalid**: `npx stagedoor assets check --catalog catalog.json`. Workers keep the last valid one for ten minutes.",
      "**There is no active session key**: the only one starts later, has expired, or was revoked. `npx stagedoor keys list --ring keys.json`."
    ]
  },
  "store_unavailable": {
    "meaning": [
      "**503 with Retry-After, every worker.** A dependency did not respond; the reason names it. The credential is not the cause, and players should retry."
    ],
    "causes": [
      "**\"the revocation log\", \"the viewer's streams\", \"the rate limits\"**: a Durable Object. Check Cloudflare's status; with `STAGEDOOR_STORE_FAILURE=open` viewers are admitted in the meantime, and revocations are delayed.",
      "**\"the manifest worker does not respond over its service binding\"**: it is not deployed, or has another name than in the binding.",
      "**\"the identity worker\"**: the same for `IDENTITY`.",
      "`/ready` of the API and of the media host lists the dependencies that do not respond."
    ]
  },
  "internal_error": {
    "meaning": [
      "**500, every worker.** An exception: a bug in Stagedoor."
    ],
    "causes": [
      "**Find the log line by its Request-Id**: it has the error and the stack. Report it with that line and the release (`stagedoor_build_info` in the metrics).",
      "**After an upgrade**, roll back: running sessions continue."
    ]
  }
};
