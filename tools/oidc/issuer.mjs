// A real OpenID Connect issuer for tests: the certified npm package oidc-provider, with the clients, the keys and the port
// that the configuration names. Whoever types a name into its sign-in page is that person.
//
// usage: node issuer.mjs CONFIGURATION.json
// {"port", "clients": [as oidc-provider has them], "keys": [{"kid", "pem": path}], "rsaKid": "…"}

import { createPrivateKey, generateKeyPairSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import Provider from 'oidc-provider';

const configuration = JSON.parse(readFileSync(process.argv[2], 'utf8'));
const { port, clients } = configuration;

const jwk = (key, kid) => ({ ...key.export({ format: 'jwk' }), kid, use: 'sig' });
// The issuer's own key, which nobody else has; then those that the test has too, to sign what the issuer never would.
const own = jwk(generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey, configuration.rsaKid);
const shared = configuration.keys.map(({ kid, pem }) => jwk(createPrivateKey(readFileSync(pem)), kid));

const provider = new Provider(`http://127.0.0.1:${port}`, {
  clients,
  jwks: { keys: [own, ...shared] },
  cookies: { keys: ['a key of a test'] },
  claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name'] },
  // So that the token says who it is, without another request.
  conformIdTokenClaims: false,
  pkce: { required: () => true },
  findAccount: (_, id) => ({
    accountId: id,
    claims: () => ({ sub: id, email: `${id}@people.example`, email_verified: true, name: `The ${id}` }),
  }),
});

const answer = provider.callback();
createServer((request, response) => {
  // The tests count how often the keys are asked for.
  console.log(`${request.method} ${new URL(request.url, 'http://issuer').pathname}`);
  answer(request, response);
}).listen(port, '127.0.0.1');
