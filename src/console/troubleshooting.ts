import type { RefusalCode } from "../base/result.ts";

/** What a section says: what the code means, and what usually lies behind it; with bold and code in Markdown. */
interface Section {
  readonly meaning: readonly string[];
  readonly causes: readonly string[];
}

// Made of docs/troubleshooting.md by `npm run docs`: change that.
export const troubleshooting: Readonly<Record<RefusalCode, Section>> = {
  "request_invalid": {
    "meaning": [
      "**400, any route with a credential.** More than one credential came, or a token stood where it has no business: in the query or the body, where proxies and logs keep it."
    ],
    "causes": [
      "**The client sends the token twice**, in the header and as `access_token` in the URL. Take it out of the URL.",
      "**An HTTP library adds its own `Authorization`** (Basic, from a user name in the address) beside the session cookie or the token.",
      "**Two session cookies**: one of a parent domain beside that of the host, after an address has moved. Delete the older one.",
      "**The header holds several tokens**, such as `Bearer a, Bearer b`: a proxy has folded two headers into one."
    ]
  },
  "https_required": {
    "meaning": [
      "**403, the API and the media host.** The request came over plain http from elsewhere than the machine itself. There is no redirect: a token that came with it could be read on the way."
    ],
    "causes": [
      "**A base URL of the app begins with `http:`.** Mend it, and replace the tokens that went that way.",
      "**A proxy of your own ends TLS and asks Cloudflare over http.** Let it ask over https.",
      "**A custom domain without \"Always Use HTTPS\"** was typed into a browser. Turn that on in the zone: it answers before a worker runs."
    ]
  },
  "token_missing": {
    "meaning": [
      "**401, any route with a credential.** None came that this route takes."
    ],
    "causes": [
      "**The header was lost on the way**: a redirect to another host, a proxy that strips `Authorization`, `fetch` with `no-cors`.",
      "**The cookie was not sent**: the page is on another site, the request lacks `credentials: \"include\"`, or the browser keeps third-party cookies back. Put page and API below one domain, or send a token.",
      "**A cookie came and nobody is there to ask about it**: the API has no `IDENTITY` binding.",
      "**An operator's route was asked with a cookie.** It takes an operator's bearer token alone."
    ]
  },
  "token_invalid": {
    "meaning": [
      "**401, any route with a credential.** A token came and is not taken; the reason names the check. `npx stagedoor token --inspect -` says what it holds and where it fails."
    ],
    "causes": [
      "**\"issuer is not one that is trusted here\"**: `iss` differs from `issuer` in `STAGEDOOR_ISSUERS`, which is compared byte for byte; a slash at the end is enough.",
      "**\"aud claim does not name this service's audience\"**: the token was issued for another service. Have the client ask its provider for this audience. Where the provider names it in another claim, as Cognito and Clerk do, set `audienceClaim`: `docs/deploy/identity-providers.md`.",
      "**\"typ is not that of an access token\"**: an ID token was sent in place of an access token, or `typ` is set and the provider writes another.",
      "**The signature fails or no key has its kid**: the provider rotated keys and took the old one out at once, or `jwks` in the settings is out of date. A `jwksUri` follows by itself.",
      "**`nbf` or `iat` in the future**: the provider's clock is ahead by more than `clockTolerance`.",
      "**\"the provider says that the token is not active\"**: it was revoked there, or the introspection client may not see it.",
      "**\"no usable sub or exp\", \"assets claim is neither\"**: the claims have other names. Name them: `subjectClaim`, `assetsClaim`, `scopeClaim`.",
      "**A key-bound token came as `Bearer`**, or one that is not bound where `dpop` is `required`.",
      "**For an operator: the API was not given the key that signed.** `npm run deploy -- --env production --ring keys.json --secrets-only`."
    ]
  },
  "token_expired": {
    "meaning": [
      "**401, any route with a credential.** It was good, and has ended."
    ],
    "causes": [
      "**The client does not renew in time.** Have it do so a minute before `exp`, and once more when it meets this code.",
      "**A clock is off** by more than the issuer's `clockTolerance`, the provider's or that of who writes the token.",
      "**An operator's credential lasts 90 days** unless it was made for another time: `npx stagedoor operator new`."
    ]
  },
  "token_revoked": {
    "meaning": [
      "**401, starts, renewals and operators' routes.** The token, its viewer, its login, or the key that signed an operator's credential was revoked, or the viewer signed out."
    ],
    "causes": [
      "**He signed out on another device**, or has a new password: he signs in again. That is what it is for.",
      "**An operator revoked the subject.** What is given out later is good again: the client needs a new token, not the old one.",
      "**The provider gives out tokens with an old `iat`** from a cache, so that a new login looks like one before the revocation.",
      "**By mistake**: `npx stagedoor revoke --subject alice --issuer https://id.example.com --lift`, with `--api` and `--bearer`."
    ]
  },
  "dpop_proof_invalid": {
    "meaning": [
      "**401, any route with a credential.** The token is bound to a key, and the proof in the header `DPoP` is missing or does not hold."
    ],
    "causes": [
      "**`htu` is not the address as `STAGEDOOR_API_URL` begins it**: the client proves an internal name, or the setting is wrong or missing.",
      "**A retry sent the same proof again.** Each is good once; the client makes one a request.",
      "**The device's clock is off**, so `iat` is too old or too far ahead.",
      "**`ath` is of another token**: the token was renewed, and the proof made before."
    ]
  },
  "sign_in_required": {
    "meaning": [
      "**401, any route with a credential.** A session cookie came, of a session of sign-in that is not running."
    ],
    "causes": [
      "**It has ended**: unused for longer than `STAGEDOOR_IDENTITY_IDLE`, signed out elsewhere, or ended by an operator.",
      "**`STAGEDOOR_IDENTITY_SECRET` was changed**, which ends every session at once. Put the old one back if that was not meant.",
      "**The API asks another identity worker**, or one over another database: look at the binding `IDENTITY` and the id of its D1."
    ]
  },
  "origin_untrusted": {
    "meaning": [
      "**403, anything but reading with a cookie.** The page's `Origin` is neither the API's own nor in `STAGEDOOR_ORIGINS`."
    ],
    "causes": [
      "**The site is missing in `STAGEDOOR_ORIGINS`** of the API. Write it as a browser does: `https://www.example.com`, no slash, and a port where there is one; `https://*.example.com` is all below it, and not `https://example.com` itself.",
      "**A program sends the cookie and no `Origin`.** Let it send `Origin`, or a bearer token.",
      "**`Origin: null`**: the page runs in a sandboxed frame or from a file. Any page can bring that about, so `null` is never trusted.",
      "**An app with a web view**: list its origin as it sends it, such as `https://localhost` (Capacitor on Android), `capacitor://localhost` (on iOS) or `http://tauri.localhost` (Tauri on Windows). One scheme does not stand for another.",
      "**Somebody's page tries it with your users' cookies.** Then it does what it is there for."
    ]
  },
  "scope_insufficient": {
    "meaning": [
      "**403, starts, renewals and operators' routes.** The token is good and lacks the scope that `WWW-Authenticate` names."
    ],
    "causes": [
      "**The provider does not give `stream:play`.** Add it there, or translate what it gives: `scopes` of the issuer, such as `{\"video.watch\": \"stream:play\"}`.",
      "**The scopes stand in another claim**: `scopeClaim` (`scp`, `permissions`).",
      "**The asset asks for one of its own** (`scope` in the catalog).",
      "**An operator's credential was made without it**: make one with `npx stagedoor operator new --name ann --scope operator:keys`."
    ]
  },
  "session_forbidden": {
    "meaning": [
      "**403, the routes of a session.** The grant is of a session that another issuer or subject started."
    ],
    "causes": [
      "**The app kept the grant over a change of account.** Drop it when somebody signs out.",
      "**The provider's `sub` differs by client** (pairwise subjects), or `subjectClaim` was changed while sessions ran.",
      "**Somebody tries a grant that is not his.** Nothing came of it."
    ]
  },
  "body_invalid": {
    "meaning": [
      "**400, every route of the API and the console's forms.** The body is not JSON of the route's form, is too long or not UTF-8, or broke off. Or a number in the query is not a number. It is the client's fault, and no alert counts it."
    ],
    "causes": [
      "**The body is a form or is empty**: the route expects `{\"asset\": \"<id>\"}`, and an HTTP client that sends objects without `JSON.stringify` sends `[object Object]`.",
      "**A member is misspelt**, such as `takeOver` for `takeover`: unknown members are refused, and `faults` in the answer names them. Routes below `/api/auth` answer `MEMBER_UNKNOWN`.",
      "**The client broke the connection in mid-upload**, or a proxy cut the body: the log has lines and nobody saw an answer.",
      "**The body is compressed** (`Content-Encoding`), or in another character set than UTF-8.",
      "**It is too long**: 4 KiB for viewers, 64 KiB for the identity worker; `/openapi.json` has the limits of operators' routes.",
      "**A sign-in without `Content-Type`**, or with one that the limits cannot read."
    ]
  },
  "asset_forbidden": {
    "meaning": [
      "**403, starts and renewals.** The token has the scope, and its claim `assets` does not name this asset."
    ],
    "causes": [
      "**The provider writes no such claim.** Have it do so, name its own (`assetsClaim`), or let it open all: `assetsDefault: \"all\"`.",
      "**The ids differ**: the claim has the id of your catalog system, ours that of `id` in the catalog.",
      "**The viewer may not play it.** Also what does not exist looks like this to him."
    ]
  },
  "asset_unknown": {
    "meaning": [
      "**404, starts, renewals and the media host.** The catalog has no asset of this id. Only who may open it is told."
    ],
    "causes": [
      "**The catalog was changed less than two minutes ago**, and an isolate has not read it again.",
      "**It was put into another namespace**, or under another key than `catalog`: `npx stagedoor assets list` with `--api` and `--bearer` shows what is stored.",
      "**It was removed while sessions played it.**"
    ]
  },
  "asset_not_yet_available": {
    "meaning": [
      "**403, starts and renewals.** The asset's `available.from` has not come."
    ],
    "causes": [
      "**The time has the wrong offset**: `20:00:00Z` is not 20:00 in Berlin. `npx stagedoor assets list --json` shows what is stored.",
      "**The premiere is later.** Tell viewers when; players need not try."
    ]
  },
  "asset_no_longer_available": {
    "meaning": [
      "**403, starts and renewals.** Its `available.until` has passed. Sessions that ran ended with it."
    ],
    "causes": [
      "**The licence has ended**, as was meant.",
      "**It was prolonged, and the catalog does not know it yet.** A change holds everywhere within two minutes."
    ]
  },
  "country_forbidden": {
    "meaning": [
      "**403, starts and renewals.** The asset's `countries` do not take where the request comes from, or nobody knows where that is."
    ],
    "causes": [
      "**The viewer is abroad, or his VPN is.** The console's refusals name the reason with the country.",
      "**The start came from your own server**, so Cloudflare saw the server's country. Let the player ask.",
      "**Tor, or an address that no country is known of**: it is refused wherever the asset asks for one.",
      "**In development** it is what the header `CF-IPCountry` says."
    ]
  },
  "origin_forbidden": {
    "meaning": [
      "**403, starts and renewals.** The page's `Origin` is not in the asset's `origins`, or none came."
    ],
    "causes": [
      "**An app asks**: native apps send none, so an asset for them has no `origins`. An app with a web view sends `https://localhost`, `capacitor://localhost` or the like: list it.",
      "**`www` is missing or too much**, or a port: it is compared as the browser writes it.",
      "**Somebody plays it on his own page.** That is what it is for."
    ]
  },
  "entitlement_refused": {
    "meaning": [
      "**403, starts and renewals.** Your own service said no. The log has its `reason`."
    ],
    "causes": [
      "**What was bought does not cover it**: ask that service, which decides alone.",
      "**It answered with an `until` that has passed**: an offset is wrong, or its clock is behind.",
      "**He has just bought it**: a no is never kept, so the next start asks again. If that is refused as well, the service caches."
    ]
  },
  "asset_revoked": {
    "meaning": [
      "**403, starts and renewals.** An operator has withdrawn the asset: `revoke --asset`. It stays so, also for a new asset of the same id."
    ],
    "causes": [
      "**It was meant.**",
      "**It shall come back**: the same command with `--lift`."
    ]
  },
  "address_unknown": {
    "meaning": [
      "**400, starts and renewals.** The asset has `binding.network`, and nobody says from which address the request comes."
    ],
    "causes": [
      "**The request did not come through Cloudflare**, which writes `CF-Connecting-IP`: a worker calls the API over a binding. Let it hand that header on, or the player ask."
    ]
  },
  "stream_limit": {
    "meaning": [
      "**429, starts and renewals.** The viewer runs as many streams as he may; `running` lists them."
    ],
    "causes": [
      "**Players do not end their sessions.** A silent one counts for `STAGEDOOR_LEASE_TTL` (90 s). Call `DELETE /stream/{id}` when the player closes, and start with `\"takeover\": true` where the newest device shall win.",
      "**Several people share an account**, which the limit is for.",
      "**All viewers have one `sub`**: a client credentials token, or a wrong `subjectClaim`. Then the limit is everybody's together.",
      "**The number**: the entitlement service says it, else the token's `streams`, else the asset's, else `STAGEDOOR_STREAM_LIMIT`."
    ]
  },
  "start_rate_exceeded": {
    "meaning": [
      "**429 with Retry-After, starts and renewals.** One viewer asks for stream after stream: 30 at once and one in two seconds pass."
    ],
    "causes": [
      "**A player starts anew for every error**, in a loop. Mend what it fails with first, and let it wait longer each time.",
      "**All viewers have one `sub`**, as above.",
      "**A test bed** with one account: give it several."
    ]
  },
  "rate_limited": {
    "meaning": [
      "**429 with Retry-After, starts, sign-ins, tokens and the routes of sessions.** A quota of the hour is used up; the header `RateLimit-Policy` names which."
    ],
    "causes": [
      "**`start-address`, `start-network`, `sign-in-address`, `token-address`**: many viewers behind one address, as in a school or with a mobile provider. Raise `STAGEDOOR_START_RATE_ADDRESS` and the like. The first two count only starts with a session of sign-in or an opaque token, which somebody has to be asked about; JWTs that a key verifies are not counted by address.",
      "**Your own server starts for all viewers**, so all come from its address. Let the players ask.",
      "**`start-subject`, `sign-in-account`**: one viewer in a loop, or somebody who guesses his password.",
      "**`refused-address`, `refused-network`**: a client that goes on with an opaque token that its provider refuses.",
      "**`refused-console`**: wrong credentials at the console's sign-in. A good one is accepted all the same."
    ]
  },
  "session_unknown": {
    "meaning": [
      "**404, the routes of a session.** No grant came in `CTA-Common-Access-Token`, or it is of another session than the path names. The id alone does nothing."
    ],
    "causes": [
      "**The header is missing**: the client keeps `sessionId` and forgot `grant`. Its start answered with both.",
      "**A proxy strips headers that it does not know.**",
      "**After a renewal** the client uses the path of an older session."
    ]
  },
  "session_revoked": {
    "meaning": [
      "**403, the media host and renewals.** The session, its viewer, login, asset, token or key was ended; everywhere within two seconds."
    ],
    "causes": [
      "**The player was closed or the viewer signed out**, and another tab plays on with the same session.",
      "**An operator ended it**, in the console or by `revoke`. `POST /operator/explain` with the URL says what forbids it.",
      "**A key was revoked**: all its sessions end. Players that start again go on with the next key."
    ]
  },
  "session_shared": {
    "meaning": [
      "**403, the media host and renewals.** The session was alive in more networks at once (within one lease, 90 s) than `STAGEDOOR_SHARED_NETWORKS`. If all of them had loaded playlists, its manifest URL was passed around and the session was ended; it does not come back. Otherwise only this network's request was refused and the session goes on: networks that loaded a playlist, or in which the session was started or renewed, come first."
    ],
    "causes": [
      "**Somebody shared the URL.** The viewer starts again.",
      "**A segment's URL leaked** and is requested from elsewhere. The viewer notices nothing.",
      "**A phone between WLAN, IPv4, IPv6 and two providers** may come to four networks within one lease. Loading a playlist gives a network its place: live players do so by themselves, a VOD player when it loads the stream again. Raise the number if honest viewers meet this.",
      "**Your own server or a transcoding service fetches with a viewer's session.** Give it one of its own."
    ]
  },
  "stream_taken": {
    "meaning": [
      "**403, the media host and renewals.** The viewer started another stream with `takeover`, and this was his oldest."
    ],
    "causes": [
      "**He changed devices**, as was meant. Show \"playing on another device\", and a button that starts again.",
      "**Two devices start with `takeover` whenever they fail**, and throw each other out. Ask the viewer before the second time."
    ]
  },
  "path_invalid": {
    "meaning": [
      "**400, the media host.** The path has another spelling than its one canonical form: dot segments, `//`, `%2F`, a backslash, escapes in lower case or of characters that need none. What is compared has to be what is served."
    ],
    "causes": [
      "**A player or a proxy re-encodes the path** (`~` as `%7E`, `%C3` as `%c3`). It has to send it as the playlist gives it.",
      "**A URL was joined from two parts**, and has two slashes.",
      "**A scanner.** `/../` and `.env` are everybody's visitors; nothing is at risk."
    ]
  },
  "signature_missing": {
    "meaning": [
      "**403, the media host.** The URL has no `list`, `seg` or `key` parameter, or not the one that this kind of file takes."
    ],
    "causes": [
      "**Somebody put the URL together by hand**, or took the address of the origin and changed the host.",
      "**The player drops queries**: a proxy, a cast receiver or a download tool that keeps the path alone.",
      "**The playlist came from elsewhere** than the media host, so its URIs were never signed.",
      "**For CloudFront**: `Signature` and `Key-Pair-Id` are left out where a distribution does not forward the query."
    ]
  },
  "signature_invalid": {
    "meaning": [
      "**403, the media host.** The grant is good, and the signature does not stand for this URL: something of it is not as it was signed."
    ],
    "causes": [
      "**A proxy, a cache or a player changed the query**: sorted its parameters, dropped one, or put one before the signature. What a player appends behind it does no harm (CMCD, `_HLS_*`), but a CloudFront URL takes nothing at all. Compare what the playlist says with what arrives.",
      "**A playlist's URL with another viewer's grant in it**: playlists are bound to the session, and segments too where the asset's `segmentSignature` is `session`. A page that keeps URLs over a new start mixes them.",
      "**`segmentSignature` was changed** while sessions ran: they start again.",
      "**For CloudFront**: the `keyPairId` is that of another pair than the one in the ring, or the asset's `hash` was changed. `npx stagedoor doctor` compares the halves.",
      "**The URL was cut**: a chat or a mail program ends links at punctuation.",
      "**Somebody changes the path or the expiry** to see what happens."
    ]
  },
  "signature_expired": {
    "meaning": [
      "**403, the media host.** The signature holds, and its time is over. Segments are renewed by redirect; this comes where they are not."
    ],
    "causes": [
      "**A manifest URL was kept**: it is good for `STAGEDOOR_MANIFEST_TTL`. Start again in place of storing it.",
      "**`STAGEDOOR_RENEWAL=off`**, and the viewer paused for longer than `STAGEDOOR_PAUSE_ALLOWANCE`.",
      "**CloudFront serves the segments**, which renews nothing. Use the helper (`stagedoor/player`), or a longer allowance.",
      "**A cache in front serves old playlists.** Stagedoor says `private` or `no-store` where it matters; see that nothing overrides it.",
      "**The player pins the address after a redirect**: playlists are never redirected, so look for a proxy that does."
    ]
  },
  "signature_not_yet_valid": {
    "meaning": [
      "**403, CloudFront.** The custom policy's `DateGreaterThan` has not come."
    ],
    "causes": [
      "**The clock of the machine that signed is ahead.** Stagedoor's own URLs have no beginning: this one was signed elsewhere."
    ]
  },
  "grant_invalid": {
    "meaning": [
      "**403, the media host and the routes of a session.** The first part of the path, or the header, is no grant of this deployment."
    ],
    "causes": [
      "**Two rings have keys of one name**: staging's and production's, or a key that was made anew under its old kid. `npx stagedoor keys list --ring keys.json` shows a fingerprint of each, and the console those of the API's. Put one ring's parts everywhere.",
      "**`STAGEDOOR_GRANT_ISSUER` differs** between the API, the edge and the manifest worker. Give all of them the same.",
      "**The URL is of another deployment**, or its path was cut or changed.",
      "**After a roll-back** a grant of a later release may not be understood: the viewer starts again."
    ]
  },
  "grant_expired": {
    "meaning": [
      "**403, the media host and the routes of a session.** The session has come to its end (`sessionExpiresAt`)."
    ],
    "causes": [
      "**The film or the pause was longer than the session.** Let the player renew before: `POST /stream/{id}/renew`, or the helper's `renew`. For live streams, set the asset's `session` to 86400.",
      "**It ended early**: the entitlement service's `until`, the asset's `available.until` or the end of the key that signed. The start's answer said so."
    ]
  },
  "key_unknown": {
    "meaning": [
      "**403, the media host and the routes of a session.** The grant or URL names a key that this worker does not have."
    ],
    "causes": [
      "**The workers were given different rings.** Give every worker its part again: `npm run deploy -- --env production --ring keys.json --secrets-only`. `npx stagedoor doctor` compares them.",
      "**A key was taken out while its sessions ran.** Put it back; `npx stagedoor keys rotate` does not take it out before its time.",
      "**The new ring is not everywhere yet**: isolates go on with the old one for a while. The API should sign with a key only after the edge knows it, which `keys rotate` sees to.",
      "**For CloudFront**: the catalog's `keyPairId`, or the id that `keys bind` recorded, is not in the edge's ring.",
      "**The URL is of another deployment.**"
    ]
  },
  "path_not_covered": {
    "meaning": [
      "**403, the media host.** The grant opens another asset."
    ],
    "causes": [
      "**A playlist leads into another asset's files** with URIs that were written by hand. Give both one asset, or list none of them.",
      "**Somebody tries a grant on another asset's path.**",
      "**For CloudFront**: a custom policy's `Resource` does not cover the path."
    ]
  },
  "method_not_covered": {
    "meaning": [
      "**405, the media host.** It answers GET, HEAD and OPTIONS."
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
      "**The viewer's address changed**, or he came over IPv6, which CloudFront's `IpAddress` cannot name. Stagedoor's own URLs bind to no address this way: this one was signed elsewhere."
    ]
  },
  "binding_mismatch": {
    "meaning": [
      "**403, the media host.** The asset has `binding`, and the request comes from another network or user agent than its start."
    ],
    "causes": [
      "**A phone went from WLAN to mobile data**, or from IPv4 to IPv6. `prefix` helps within a network, and nothing between two. Bind only what is worth it; the player starts again.",
      "**The start came from your own server.** Let the player ask.",
      "**A cast device plays with the phone's session**: its user agent and often its address differ. Let it start, or renew, by itself.",
      "**The link was passed on**, which it is for."
    ]
  },
  "playlist_invalid": {
    "meaning": [
      "**422, the media host.** The origin's playlist cannot be read in one way alone, so that nobody could say what it leads to. The log has the fault."
    ],
    "causes": [
      "**A live origin answers 200 with an error page or half of a playlist.** Viewers see this code only if it lasts for longer than three target durations, or if there was no good version before; until then the last one goes on, and the log has one line per failed poll. Let the packager write playlists under another name and rename them.",
      "**The packager writes something unusual**: URIs in single quotes, unusual spaces, a URI without quotes and with a comma.",
      "**A tag's attribute list is broken, and players find different URIs in it**: an open quote, two URIs of which one is foreign, another URL in it. One rendition (EXT-X-MEDIA, I-frame or image variants, EXT-X-SESSION-DATA) is left out, which the log says; a KEY, a MAP or the last rendition of a group that a variant names refuses the playlist. Other defects, such as an attribute without a value, do no harm.",
      "**A URI holds a line break of some player** (NEL, U+2028, a control character) or bytes that are not UTF-8. Elsewhere such bytes pass as they are, in names, titles and comments.",
      "**It is no playlist**: an error page of the origin with status 200.",
      "**It has both variants (EXT-X-STREAM-INF) and segments (EXTINF).** Other tags of the wrong kind are accepted and keep their bytes.",
      "**A URI that no player can send**: a backslash, a control character, a broken percent escape, more than 8,192 characters (an alias of one that is not canonical is a third longer).",
      "**A JSON document is not understood**: an asset list (`X-ASSET-LIST`) needs `ASSETS`, a steering manifest `PATHWAY-PRIORITY`. Each URI must be a string, and no object may have two members of one name. A clone's `PARAMS` may not be named `list`, `seg`, `key`, `file` or `tpl`."
    ]
  },
  "playlist_too_large": {
    "meaning": [
      "**413, the media host.** It is larger than 4 MiB, or has more URIs than are signed."
    ],
    "causes": [
      "**A live playlist never drops its past.** Give it a window, or let the recording be an asset of its own.",
      "**Byte ranges of a whole day** in one playlist: make segments longer."
    ]
  },
  "uri_foreign": {
    "meaning": [
      "**422, the media host.** The playlist leads out of the asset: to another host, above its prefix, or by another scheme."
    ],
    "causes": [
      "**Ads or a key server on another host**: list it under the asset's `allowedHosts`, as `ads.example` or as `*.ads.example` for every host below it. Their URLs pass unsigned.",
      "**A title or a comment holds a control character** (NUL, a lone CR, VT, NEL, U+2028) **with a URL behind it.** Some players end the line there and load the URL. Commented-out tags with URLs of other hosts are read by some players as well. Remove one or the other; URLs of hosts in `allowedHosts` may stay.",
      "**An application's own scheme** (`myapp://`): keys and `X-ASSET-LIST` may have one. For other URIs list it under the asset's `allowedSchemes`. Schemes that run scripts, read files or load from any host (`javascript:`, `file:`, `rtmp:`) never pass.",
      "**A steering manifest's pathway clone has another `HOST`** than the media host. Players send the session's grant to it, so `allowedHosts` does not help.",
      "**The packager writes absolute URLs of the origin's public name**, and `origin.url` has another. Write relative ones.",
      "**`../` leads above the prefix**: let the asset's prefix begin where its files do.",
      "**A URI could lead elsewhere**: decoded once or twice it holds `..`, a backslash or a control character, as `%252e%252e/`, `..;a/`, `%5C` and `%00` do. Rename the file."
    ]
  },
  "object_unknown": {
    "meaning": [
      "**404, the media host.** The URL is good, and the origin has no such file."
    ],
    "causes": [
      "**The prefix is wrong**, so every file is missing: compare `origin.prefix` or `origin.url` and `entry` with where the files lie.",
      "**The upload is not complete**, or the playlist was published before its segments.",
      "**S3 answers 403 for a missing file** if the caller may not list the bucket; Stagedoor answers 404 then. If every file is so, the credentials may not read: `s3:GetObject` on the prefix.",
      "**The asset's origin has `missingIs: 403`**, and the origin refuses us. If every file is missing, check the secret of `auth`.",
      "**A live segment is gone already**, because a player is far behind."
    ]
  },
  "range_not_satisfiable": {
    "meaning": [
      "**416, the media host.** The range begins behind the end of the file."
    ],
    "causes": [
      "**The file was replaced by a shorter one** while somebody played it, and the playlist still has the old byte ranges. Give new versions new names.",
      "**The origin answers a truncated file.**"
    ]
  },
  "origin_failed": {
    "meaning": [
      "**502, the media host.** The origin cannot be reached, broke off, or answered something else than the file."
    ],
    "causes": [
      "**It answers 403 or 401 to us**: the secret of `auth` is missing in this worker or has changed. Put it for the edge **and** the manifest worker; the log has the status.",
      "**It answers 403 for files that are missing**, as GCS and S3 do without the permission to list. Set `missingIs: 403` in the asset's `origin`, and viewers get 404.",
      "**It answers 5xx or is not there**: look at the origin itself. Other assets tell whether it is one or all.",
      "**It redirects to another host, or a playlist out of the asset's prefix**, which is not followed: a secret would go along, and an asset opens only what is below its prefix. Name the last address in `origin.url`.",
      "**An R2 object is stored with a Content-Encoding**: store it as it is.",
      "**TLS**: the certificate has ended, or does not name the host."
    ]
  },
  "origin_slow": {
    "meaning": [
      "**504, the media host.** No answer within the asset's `timeout` (10 s), or a playlist that did not end."
    ],
    "causes": [
      "**The origin is overloaded**: metrics of origin latency tell since when. A cold archive class of storage does the same.",
      "**It is far away, or makes playlists on demand.** Raise `timeout` for that asset, up to 60.",
      "**It does not answer blocking reloads** (LL-HLS) once the part is there."
    ]
  },
  "revocation_invalid": {
    "meaning": [
      "**400, `POST /operator/revocations`.** The body names none of the things that can be revoked, or several."
    ],
    "causes": [
      "**A session id is not 22 characters of base64url**: it was cut, or it is the grant.",
      "**A member is misspelt.** Unknown ones are refused, so that nobody believes he has revoked something.",
      "**`until` is in milliseconds, or a text.** It is Unix seconds."
    ]
  },
  "revocation_unknown": {
    "meaning": [
      "**404, `POST /operator/revocations` with `lift`.** Nothing of that name is revoked."
    ],
    "causes": [
      "**It has ended by itself**: entries live as long as what they forbid.",
      "**Another spelling**: the issuer byte for byte, the subject as the token has it.",
      "**The viewer ended the session himself, or it was taken over or shared.** Such a session is not brought back; he starts again."
    ]
  },
  "asset_invalid": {
    "meaning": [
      "**400, `PUT` and `DELETE /operator/assets/{id}`.** The asset, or the catalog with it, has faults, which stand in `faults`. Nothing was changed."
    ],
    "causes": [
      "**A member is unknown or misspelt**, or has a wrong form: each fault names the field and says what to do.",
      "**Its files lie among another asset's**, so that a grant for one would open the other's.",
      "**The id in the path differs from that in the body**, or exists and `replace=false` came.",
      "**The catalog was broken before**: mend that asset first. `npx stagedoor assets check` with `--api` and `--bearer` lists every fault."
    ]
  },
  "route_unknown": {
    "meaning": [
      "**404, the API.** Nothing stands at this address."
    ],
    "causes": [
      "**The base path**: with `STAGEDOOR_BASE_PATH=/api/v1` it is `/api/v1/stream/start`. `/openapi.json` and `/health` stand at the root.",
      "**A slash at the end**, or a path of the media host at the API's.",
      "**The route in front of the worker cuts or adds a part** of the path."
    ]
  },
  "method_unknown": {
    "meaning": [
      "**405, the API.** The route exists, and `Allow` names its methods."
    ],
    "causes": [
      "**GET in place of POST**, when somebody types the start's address into a browser; or a redirect from http turned POST into GET."
    ]
  },
  "configuration_invalid": {
    "meaning": [
      "**500, every worker.** This worker's configuration has faults, or the catalog does. All requests are answered so until it is mended: half of a configuration might let through what the whole would refuse."
    ],
    "causes": [
      "**A setting is missing, wrong or misspelt**: the log has a line for every one, with what to do. `npx stagedoor doctor` finds them before a deployment.",
      "**A secret was not put for this worker or this environment**: each has its own.",
      "**For one asset alone: `STAGEDOOR_ORIGIN_SECRETS` does not bind its origin's secret to that host and use.** Add it there, in the edge, the manifest and the API worker, or fix the asset.",
      "**A binding is missing** in its `wrangler.toml`.",
      "**The catalog is missing or faulty**: `npx stagedoor assets check --catalog catalog.json`. Workers go on with the last good one for ten minutes.",
      "**No session key is in use**: the only one begins later, has ended, or was revoked. `npx stagedoor keys list --ring keys.json`."
    ]
  },
  "store_unavailable": {
    "meaning": [
      "**503 with Retry-After, every worker.** Something did not answer that has to be asked; the reason names it. The credential is not at fault, and players should try again."
    ],
    "causes": [
      "**\"the provider's introspection endpoint\", \"the issuer's keys\"**: the identity provider is down or answers something else. Keys that were fetched are used for an hour.",
      "**\"the entitlement service\"**: your own service is down, slower than two seconds, or answers another form.",
      "**\"the revocation log\", \"the viewer's streams\", \"the rate limits\"**: a Durable Object. Look at Cloudflare's status; with `STAGEDOOR_STORE_FAILURE=open` viewers are let in meanwhile, and revocations wait.",
      "**\"the manifest worker does not respond over its service binding\"**: it is not deployed, or under another name than the binding's.",
      "**\"the identity worker did not answer\"**: the same for `IDENTITY`.",
      "`/ready` of the API and of the media host names the parts that are missing."
    ]
  },
  "internal_error": {
    "meaning": [
      "**500, every worker.** An exception: a bug of Stagedoor's."
    ],
    "causes": [
      "**Find the line by its Request-Id**: it names the error and where it was thrown. Report it with that line and the release (`stagedoor_build_info` in the metrics).",
      "**After an upgrade**, roll back: running sessions go on."
    ]
  }
};
