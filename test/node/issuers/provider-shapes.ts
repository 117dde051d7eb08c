import type { Pair } from "../../unit/auth/tokens.ts";
import { publicKeyOf, type Responses } from "./recorded-provider.ts";

type Json = Readonly<Record<string, unknown>>;

/** A provider in the form of its public documents: metadata, keys, and the claims of a viewer's token. */
export interface ProviderShape {
  readonly page: string;
  readonly responses: (pair: Pair) => Responses;
  readonly claims: Json;
  readonly header?: Json;
  /** Tokens that the page calls faulty: their difference, and what `issuers add --token` says. */
  readonly faults: readonly (readonly [changes: Json, says: string, header?: Json])[];
}

const auth0 = "https://example.eu.auth0.com";
const keycloak = "https://id.example.com/realms/media";
const cognito = "https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_EXAMPLE";
const clerk = "https://clerk.example.com";
const firebase = "https://securetoken.google.com/my-project";
const firebaseKeys = "https://www.googleapis.com/service_accounts/v1/jwk/securetoken@system.gserviceaccount.com";
const tenant = "11111111-2222-3333-4444-555555555555";
const entra = `https://login.microsoftonline.com/${tenant}`;
const api = "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee";

const openid = (issuer: string) => `${issuer}/.well-known/openid-configuration`;

/** Keys of Entra have no `alg`, but an `issuer` that Microsoft's own libraries read. */
function entraKey({ jwk }: Pair): Json {
  return { ...jwk, use: "sig", x5t: jwk.kid, issuer: "https://login.microsoftonline.com/{tenantid}/v2.0" };
}

export const providerShapes: Readonly<Record<string, ProviderShape>> = {
  auth0: {
    page: "docs/identity-providers/auth0.md",
    responses: (pair) => ({
      [openid(auth0)]: {
        issuer: `${auth0}/`,
        jwks_uri: `${auth0}/.well-known/jwks.json`,
        id_token_signing_alg_values_supported: ["HS256", "RS256", "PS256"],
      },
      [`${auth0}/.well-known/jwks.json`]: { keys: [publicKeyOf(pair, { x5t: "t" })] },
    }),
    claims: {
      iss: `${auth0}/`,
      sub: "auth0|6553da60",
      aud: ["https://stagedoor.example.com", `${auth0}/userinfo`],
      azp: "app-1",
      scope: "openid profile",
      permissions: ["stream:play"],
    },
    faults: [
      [{ aud: "app-1" }, 'aud: the token has "app-1"'],
      [{ permissions: [] }, "permissions: the token has none"],
      [{ permissions: undefined, scope: "openid" }, "permissions: the token has none"],
      [{ iss: auth0 }, 'iss: the token has "https://example.eu.auth0.com", and the metadata has'],
      [{}, 'alg: the token has "HS256"', { alg: "HS256" }],
    ],
  },
  keycloak: {
    page: "docs/identity-providers/keycloak.md",
    responses: (pair) => ({
      [openid(keycloak)]: {
        issuer: keycloak,
        jwks_uri: `${keycloak}/protocol/openid-connect/certs`,
        introspection_endpoint: `${keycloak}/protocol/openid-connect/token/introspect`,
        id_token_signing_alg_values_supported: ["PS384", "RS384", "EdDSA", "ES384", "HS256", "HS512", "ES256", "RS256"],
      },
      [`${keycloak}/protocol/openid-connect/certs`]: {
        keys: [publicKeyOf(pair), { ...pair.jwk, kid: "enc", use: "enc", alg: "RSA-OAEP" }],
      },
    }),
    claims: {
      iss: keycloak,
      sub: "8d2b1f0e",
      typ: "Bearer",
      azp: "player",
      sid: "login-1",
      aud: ["stagedoor", "account"],
      scope: "profile email",
      realm_access: { roles: ["offline_access", "viewer"] },
    },
    faults: [
      [{ aud: "account" }, 'aud: the token has "account"'],
      [{ aud: "player", typ: "ID" }, 'aud: the token has "player"'],
      [{ aud: undefined, realm_access: undefined }, "aud: the token has none"],
      [{ realm_access: { roles: ["offline_access"] } }, '["realm_access","roles"]: the token has "offline_access"'],
      [{ iss: "http://keycloak:8080/realms/media" }, "iss: the token has"],
      [{}, 'alg: the token has "HS512"', { alg: "HS512" }],
    ],
  },
  cognito: {
    page: "docs/identity-providers/cognito.md",
    responses: (pair) => ({
      [openid(cognito)]: {
        issuer: cognito,
        jwks_uri: `${cognito}/.well-known/jwks.json`,
        id_token_signing_alg_values_supported: ["RS256"],
      },
      [`${cognito}/.well-known/jwks.json`]: { keys: [publicKeyOf(pair)] },
    }),
    claims: {
      iss: cognito,
      sub: "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee",
      token_use: "access",
      version: 2,
      client_id: "1example23456789",
      origin_jti: "login-1",
      username: "ann",
      scope: "openid stagedoor/play",
    },
    faults: [
      [{ client_id: undefined, aud: "1example23456789", token_use: "id" }, "client_id: the token has none"],
      [{ scope: "aws.cognito.signin.user.admin" }, 'scope: the token has "aws.cognito.signin.user.admin"'],
      [{ aud: "https://other.example.com" }, 'aud: the token also names "https://other.example.com"'],
    ],
  },
  clerk: {
    page: "docs/identity-providers/clerk.md",
    responses: (pair) => ({
      [openid(clerk)]: {
        issuer: clerk,
        jwks_uri: `${clerk}/.well-known/jwks.json`,
        id_token_signing_alg_values_supported: ["RS256"],
      },
      [`${clerk}/.well-known/jwks.json`]: { keys: [publicKeyOf(pair)] },
    }),
    claims: {
      iss: clerk,
      sub: "user_1",
      sid: "sess_1",
      v: 2,
      fva: [0, -1],
      azp: "https://www.example.com",
      scope: "stream:play",
    },
    faults: [
      [{ azp: undefined }, "azp: the token has none"],
      [{ azp: "http://localhost:3000" }, 'azp: the token has "http://localhost:3000"'],
      [{ scope: undefined }, "scope: the token has none"],
    ],
  },
  firebase: {
    page: "docs/identity-providers/firebase.md",
    responses: (pair) => ({
      [openid(firebase)]: {
        issuer: firebase,
        jwks_uri: firebaseKeys,
        id_token_signing_alg_values_supported: ["RS256"],
      },
      [firebaseKeys]: { keys: [publicKeyOf(pair), publicKeyOf(pair, { kid: "k2" })] },
    }),
    claims: {
      iss: firebase,
      aud: "my-project",
      sub: "uid-1",
      user_id: "uid-1",
      auth_time: 1_700_000_000,
      scope: "stream:play",
      assets: ["film-42"],
      firebase: { identities: { email: ["ann@example.com"] }, sign_in_provider: "password" },
    },
    faults: [
      [{ scope: undefined, assets: undefined }, "scope: the token has none"],
      [{ aud: "another-project" }, 'aud: the token has "another-project"'],
      [{ iss: "https://securetoken.google.com/another-project" }, "iss: the token has"],
      [{ iss: "sdk@my-project.iam.gserviceaccount.com" }, "iss: the token has"],
      [{}, 'alg: the token has "none"', { alg: "none" }],
    ],
  },
  entra: {
    page: "docs/identity-providers/entra.md",
    responses: (pair) => ({
      [openid(`${entra}/v2.0`)]: {
        issuer: `${entra}/v2.0`,
        jwks_uri: `${entra}/discovery/v2.0/keys`,
        id_token_signing_alg_values_supported: ["RS256"],
      },
      [`${entra}/discovery/v2.0/keys`]: { keys: [entraKey(pair)] },
      [openid(entra)]: {
        issuer: `https://sts.windows.net/${tenant}/`,
        jwks_uri: "https://login.microsoftonline.com/common/discovery/keys",
        id_token_signing_alg_values_supported: ["RS256"],
      },
      "https://login.microsoftonline.com/common/discovery/keys": { keys: [entraKey(pair)] },
      [openid("https://login.microsoftonline.com/common/v2.0")]: {
        issuer: "https://login.microsoftonline.com/{tenantid}/v2.0",
        jwks_uri: "https://login.microsoftonline.com/common/discovery/v2.0/keys",
      },
    }),
    claims: {
      iss: `${entra}/v2.0`,
      aud: api,
      sub: "pairwise-1",
      oid: "object-1",
      tid: tenant,
      azp: "app-1",
      ver: "2.0",
      scp: "Stream.Play",
      scope: undefined,
    },
    faults: [
      [{ iss: `https://sts.windows.net/${tenant}/`, ver: "1.0" }, 'iss: the token has "https://sts.windows.net/'],
      [{ aud: "00000003-0000-0000-c000-000000000000" }, 'aud: the token has "00000003-0000-0000-c000-000000000000"'],
      [{ scp: undefined, roles: ["Stream.Play.All"] }, "scp: the token has none"],
    ],
  },
};
