/**
 * An issuer of your own: it serves its keys and metadata, and exchanges a viewer's password for a JWT that Stagedoor accepts.
 * Replace `viewers` by your accounts, and the password by your sign-in.
 *
 *   node issuer.mjs
 *
 * Variables: PORT (8790); DEMO_PASSWORD, the password of every viewer; ISSUER_KEY, the private key as a JWK in JSON. Without
 * ISSUER_KEY a key is made for this run. Needs the package jose.
 */
import { randomBytes, timingSafeEqual } from "node:crypto";
import { createServer } from "node:http";
import { calculateJwkThumbprint, exportJWK, generateKeyPair, importJWK, SignJWT } from "jose";

const algorithm = "ES256";
const audience = "stagedoor";
const lifetime = "15m";

/** What each viewer may play: `assets` is "*" or a list of ids, `streams` how many at once. */
const viewers = new Map([
  ["ann", { assets: "*", streams: 2 }],
  ["bob", { assets: ["vod-ts"], streams: 1 }],
]);
const password = process.env.DEMO_PASSWORD ?? randomBytes(9).toString("base64url");

const { publicJwk, privateKey } = await readKey(process.env.ISSUER_KEY);

/** The JWK Set has only the public half, named by its thumbprint (RFC 7638): a new key gets a new kid. */
async function readKey(text) {
  const jwk = text === undefined ? await newKey() : JSON.parse(text);
  const { kty, crv, x, y } = jwk;
  const kid = await calculateJwkThumbprint({ kty, crv, x, y });
  return {
    publicJwk: { kty, crv, x, y, kid, alg: algorithm, use: "sig" },
    privateKey: await importJWK(jwk, algorithm),
  };
}

async function newKey() {
  const pair = await generateKeyPair(algorithm, { extractable: true });
  return exportJWK(pair.privateKey);
}

/** The viewer of an `Authorization: Basic` header (RFC 7617); undefined if name or password is wrong. */
function signedIn(authorization = "") {
  const [, encoded = ""] = /^Basic ([A-Za-z0-9+/]+=*)$/.exec(authorization) ?? [];
  const [name = "", ...rest] = Buffer.from(encoded, "base64").toString("utf8").split(":");
  return isPassword(rest.join(":")) && viewers.has(name) ? name : undefined;
}

/** Compares in constant time, because the time of an early difference would tell how much of a guess is right. */
function isPassword(guess) {
  const [left, right] = [Buffer.from(guess), Buffer.from(password)];
  return left.length === right.length && timingSafeEqual(left, right);
}

function issueToken(issuer, name) {
  return new SignJWT({ scope: "stream:play", ...viewers.get(name) })
    .setProtectedHeader({ alg: algorithm, kid: publicJwk.kid, typ: "JWT" })
    .setIssuer(issuer)
    .setAudience(audience)
    .setSubject(name)
    .setJti(randomBytes(16).toString("base64url"))
    .setIssuedAt()
    .setExpirationTime(lifetime)
    .sign(privateKey);
}

const server = createServer(async (request, response) => {
  const issuer = `http://localhost:${server.address().port}`;
  const send = (status, type, text, headers = {}) =>
    response.writeHead(status, { "Content-Type": type, ...headers }).end(text);
  const sendJson = (value) => send(200, "application/json", JSON.stringify(value));
  switch (`${request.method} ${request.url}`) {
    case "GET /.well-known/openid-configuration":
      return sendJson({
        issuer,
        jwks_uri: `${issuer}/jwks.json`,
        id_token_signing_alg_values_supported: [algorithm],
      });
    case "GET /jwks.json":
      return sendJson({ keys: [publicJwk] });
    case "POST /token": {
      const name = signedIn(request.headers.authorization);
      return name === undefined
        ? send(401, "text/plain", "Wrong name or password.\n", { "WWW-Authenticate": "Basic" })
        : send(200, "application/jwt", await issueToken(issuer, name), { "Cache-Control": "no-store" });
    }
    default:
      return send(404, "text/plain", "Try GET /jwks.json or POST /token.\n");
  }
});

server.listen(Number(process.env.PORT ?? 8790), "localhost", () => {
  const issuer = `http://localhost:${server.address().port}`;
  console.log(`Issuer   ${issuer}
Token    curl -s -u ann:${process.env.DEMO_PASSWORD === undefined ? password : '"$DEMO_PASSWORD"'} -X POST ${issuer}/token`);
});
