import { Readable } from 'node:stream';
import type { Role } from '../src/controller/controller.ts';
import { roleTable, type RoleRow } from '../src/http/role-table.ts';
import { allRoutes } from '../src/http/all-routes.ts';

/** docs/people.md: the table out of the routes that the server registers, and so enforces. */
export function renderPeople(): string {
  const rows = roleTable(
    allRoutes({
      version: '',
      backup: () => Readable.from([]),
      notifier: { test: () => Promise.resolve([]) },
      link: () => Promise.resolve({ url: '', expiresInMs: 0 }),
      look: () => Promise.reject(new Error('nobody asks')),
    }),
  );
  return `${BEFORE}\n${HEAD}\n${rows.map(rowOf).join('\n')}\n${AFTER}`;
}

function rowOf({ verb, request, may, scoped }: RoleRow): string {
  const cell = (role: Role) => (may[role] ? '✔' : '');
  return `| ${verb} | \`${request}\` | ${cell('viewer')} | ${cell('operator')} | ${cell('admin')} | ${scoped} |`;
}

const HEAD = `| verb | request below \`/api/v1\` | viewer | operator | admin | a token for some services |
|---|---|:--:|:--:|:--:|---|`;

const BEFORE = `# People

Who somebody is, what they may do, and how they reach the server from another machine. The table at the end is generated from the server's own
(\`npm run generate\`), and each cell of it is tested over HTTP.

## Roles

| role | may |
|---|---|
| viewer | look, at how the server is set up too |
| operator | also upload, plan, deploy, steer, lock, freeze, and check the audit chain |
| admin | also take services away, make and revoke tokens, take a backup, send test messages |

On the machine itself the [sockets](api.md) give a role, to whoever the file system lets open them. Nobody is known by that: the records say
\`local (unverified)\`, or \`ana (unverified)\` where \`BASCULE_ACTOR\` says so.

**An operator can run commands.** What a service runs, builds and verifies is what its file says, as the user of the service. An operator's token is as good as a
shell of that user, and where the server runs as root and a service names no \`user:\`, as a shell of root. A token for some services
keeps mistakes and curiosity apart; it is no sandbox between people who distrust each other. Give each service a \`user:\` of its own.

## Tokens

\`\`\`console
$ bascule token create ana --role operator --for 90d
$ bascule token create ci-shop --role operator --services shop --for 30d
$ bascule token list
$ bascule token revoke 1a2b3c4d --yes
\`\`\`

A token says who somebody is (\`ana\`, without "unverified", in locks, in the history and in the audit) and what they may do: a role, for all services or for some,
until it expires (at most 366 days) or is revoked, which takes effect at once, on streams too. Several tokens may belong to one person: the same name is the same person.
Through a socket a token counts as well, and then its role and name are what count. In a browser it [logs in to the dashboard](dashboard.md); the login ends with it.

The text is printed once, on stdout alone, and is nowhere afterwards: the server keeps a SHA-256 of its 256 random bits. Who made and revoked which one,
and each refusal of one that has ended, is in the [audit](guards.md#the-audit). At most 500 are valid at a time; ended ones stay in the list for 30 days.
A backup holds the hashes, so that tokens are still good after \`restore\`.

## Logins by a provider

The [dashboard](dashboard.md) also takes the word of an OpenID Connect provider (authorization code with PKCE). The commands and the API take tokens.

\`\`\`yaml
# server.yaml
listeners:
  - {address: 0.0.0.0, port: 8443, tls: {certificate: /etc/bascule/cert.pem, key: /etc/bascule/key.pem}, names: [deploy.example.com]}
login:
  oidc:
    issuer: https://idp.example.com/realms/example
    client-id: bascule
    client-secret: file:oidc
    scopes: [openid, profile, email, groups]
    roles:
      viewer: [everybody]
      operator: [deployers, {group: blog-team, services: [blog]}]
      admin: [platform]
\`\`\`

At the provider, register \`https://deploy.example.com:8443/login/oidc\` as the redirect URI: the address that people open, with its port, and \`/login/oidc\`; one for each such address.

| key | default | what it is |
|---|---|---|
| \`issuer\` | | As the provider calls itself, to the letter. https; http on loopback alone. |
| \`client-id\`, \`client-secret\` | | Of a confidential client; the secret by reference, \`file:NAME\` or \`env:NAME\`. |
| \`scopes\` | \`[openid, profile, email]\` | What is asked for. Many providers give groups for a scope of their own. |
| \`name-claim\` | \`preferred_username\`, else \`email\` | Who somebody is. Choose one that people cannot change themselves. An \`email\` that the provider calls unverified does not count. |
| \`groups-claim\` | \`groups\` | Where the groups stand: a list, or one alone; in the token, else in what the userinfo endpoint says. |
| \`roles\` | | Groups for \`viewer\`, \`operator\` and \`admin\`, each by its name, or with \`services\`. |
| \`session\` | \`12h\` | How long a login lasts, from 1m to 7d; 8 hours without use end it before. |
| \`ca\` | the system's | A PEM file: the only authorities that are trusted for the provider. |
| \`timeout\` | \`10s\` | How long one answer of the provider may take, at most \`60s\`. |

**Whoever is in none of these groups does not get in**, and is told so. The highest role counts, for the services of all groups that give it: who is operator of \`blog\` and
viewer of everything is operator of \`blog\` alone. The name is as good as a token's: \`ana\` by the provider and \`ana\` by a token, written alike, are one person, so approvals count
her once. It is of the form of tokens' names (letters, digits and \`. _ @ + -\`, up to 64). The audit has, beside the name, \`oidc idp.example.com\`.

Who logged in and out, from which address and by what (\`token 1a2b3c4d\`, \`oidc idp.example.com\`, a link of the machine), who failed to, and which login ended by itself and why, is in the
[audit](guards.md#the-audit).

The file is read at the start of the server; a login then has what the file gives its groups now, or ends. **What changes at the provider counts at the next login.** Logging out ends the login here; the
provider's own session stays, and may let the next "Log in" through without a password. When the provider is down, tokens and \`bascule dashboard\` still log in. An address that others can reach
still waits for the first token.

Signature, issuer, audience, nonce and times of the token are checked (clocks may be 30 s apart); state, nonce and PKCE are new for each login, which is good once, for 10 minutes, in the tab that began it.

## Approvals

\`\`\`yaml
version: 1
services:
  shop:
    run: node server.mjs
    listen: 8080
    strategy:
      canary:
        steps: [5%, 50%, 100%]
        approvals:
          - {before: start}
          - {before: 100%, need: 2, of: [ana, bob, carl]}
\`\`\`

A rollout waits there (\`before: start\` is once it is ready and verified, before anybody sees it) until so many different people have agreed, and
goes on by itself then. It counts only for who a token says they are, through a socket too; **never for who started the rollout**; once for each person. \`of\`
names who may; without it everybody whose token is an operator's for the service. Where nobody knows who started it (no token), that one may be among
those who agree, so one more is needed. What nobody could ever agree to is refused before anything starts.

\`\`\`console
$ bascule status shop
$ bascule approve shop --reason "read the diff"
$ bascule reject shop --reason "not before the sale"
\`\`\`

\`approve\` is about the rollout and the step that it has just read; again is nothing to do. \`reject\` takes everything back (exit 11), as an abort does,
and like that is for any operator. Neither \`promote\`, \`promote --full\` nor \`weight\` goes past what is not agreed to; a pause or a freeze keeps it where it is although all
have agreed; abort, rollback and pause need nobody, and a rollback waits for nobody. After 24 hours without enough of them it goes back to stable (exit 12). A \`deploy\` off a terminal returns with 13.
Who agreed, when and why is in \`status\`, \`why\`, the audit and, as \`approval\`, in the API.

The approvals stand in the file of the service, which whoever deploys sends. So that nobody deploys around them, **a file that asks for fewer than the service has takes an admin**.

## Over the network

\`\`\`yaml
# server.yaml
listeners:
  - {address: 127.0.0.1, port: 8090}
  - {address: 0.0.0.0, port: 8443, tls: {certificate: /etc/bascule/cert.pem, key: /etc/bascule/key.pem}, names: [deploy.example.com]}
\`\`\`

| key | what it is |
|---|---|
| \`address\`, \`port\` | Where to listen; an IP address. |
| \`tls\` | PEM files, needed beyond loopback: without, the server does not start. TLS 1.2 and later. Renewed files are taken up within a second or two. |
| \`names\` | What it is called besides its address and the names in its certificate. |

Here every request needs a token; there is no socket to give a role. **An address that others can reach stays closed until there is a valid token**, and opens with the first.

\`\`\`console
$ export BASCULE_TOKEN_FILE=~/.config/bascule/token
$ bascule status --host https://deploy.example.com:8443
$ export BASCULE_HOST=https://deploy.example.com:8443
$ bascule deploy shop --version v43
\`\`\`

\`BASCULE_TOKEN\` holds the token, or \`BASCULE_TOKEN_FILE\` names a file that only you can read (mode 0600, or it is refused). It is no argument, because everybody on a
machine reads arguments; it is sent over TLS or to this machine only, and never printed. \`BASCULE_CA_FILE\` names the authority of a certificate that the machine does not
trust by itself. Elsewhere: \`Authorization: Bearer bsc_…\`.

What stands between the network and the API:

| | |
|---|---|
| too many requests | 429 with \`Retry-After\`: 200 at once and 20 a second for a token; 20 wrong tokens at once and one in 5 s for an address (of IPv6 its /64). Commands wait and try again. |
| too large | 413: JSON 1 MiB, artifacts 1 GiB; 431: heads 16 KiB. Whoever may not ask is answered before the body is read, and cut off. |
| too slow | 408: 10 s for a handshake and a head, 30 s for a body of JSON; a connection on which nothing moves for 120 s is closed. |
| too many connections | 1,024 for an address of the server, 64 for one client beyond this machine. |
| another site's page | 403 where \`Origin\` is another one, or \`Sec-Fetch-Site\` says so of what acts; no CORS headers; JSON only; no GET acts. |
| a name that is not the server's | 421: \`Host\` must be its address, a name in its certificate, or one of \`names\` (DNS rebinding). |
| answers | \`nosniff\`, \`no-store\`, no frames, no referrer, a content security policy that allows nothing; HSTS over TLS. |

Without a token nothing is told, not even which addresses exist, the empty pages of the [dashboard](dashboard.md) aside. With one for some services, nothing of the others.

## Who may do what
`;

const AFTER = `
"Its services": the one in the address must be one of the token's (403, \`TOKEN_SCOPE\`). \`audit\` needs \`?service=\` where a token is for several.
`;
