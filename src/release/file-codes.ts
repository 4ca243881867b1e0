import type { CodeEntry } from './code-entry.ts';
import { EARLY_CODES } from './early-codes.ts';
import { JUDGE_USE_CODES } from './judge-use-codes.ts';
import { MEASURE_CODES } from './measure-codes.ts';

/** What can be wrong in a `bascule.yaml`. Spread into the one table in codes.ts; numbers are never reused. */
export const FILE_CODES = {
  E001: {
    title: 'the file is not valid YAML',
    cause: 'The text breaks a rule of YAML 1.2, so that nothing after that place can be read with certainty.',
    fix: 'Mend the place that is marked. Indent with spaces; quote values that hold ": " or begin with a sign such as @, `, % or {.',
  },
  E002: {
    title: 'a key is written twice',
    cause: 'A mapping holds the same key twice. Which one would count is anybody’s guess, so neither does.',
    fix: 'Remove one of them, or merge what they hold.',
  },
  E003: {
    title: 'a part of YAML that this file does not use',
    cause:
      'Tags, merge keys (<<), keys that are not plain words, several documents in a file, or a %YAML directive.',
    fix: 'Write the value out as plain text, numbers, lists and mappings. Anchors and aliases (&a, *a) are fine.',
  },
  E004: {
    title: 'the file describes nothing',
    cause: 'The file is empty, is not a mapping, or has no service in it.',
    fix: 'Begin with `version: 1` and `services:`; `bascule init` writes a first file.',
  },
  E005: {
    title: 'the file is too large or too deep',
    cause:
      'The file is over 1 MiB, nests deeper than 32 levels, follows over 200 aliases, or has over 20,000 values once they are followed.',
    fix: 'Split the services over several files, one for each directory that is deployed.',
  },
  E006: {
    title: 'unknown key',
    cause:
      'No key of this name exists at this place. Unknown keys are refused, because a typing error would otherwise switch something off in silence.',
    fix: 'Use the name that is suggested. docs/configuration.md lists every key and where it belongs.',
  },
  E007: {
    title: 'a required key is missing',
    cause: 'There is no sensible default for this key.',
    fix: 'Add the key with the value that you want.',
  },
  E008: {
    title: 'the wrong kind of value',
    cause: 'A list, mapping, text, number or nothing at all stands where another kind of value is meant.',
    fix: 'Write the kind of value that the message names.',
  },
  E009: {
    title: 'not a yes-or-no value',
    cause:
      'YAML 1.1 read yes, no, on and off as true and false; YAML 1.2 reads them as text. Tools differ, so only true and false are taken.',
    fix: 'Write true or false, without quotes.',
  },
  E010: {
    title: 'a variable is not set',
    cause:
      '${NAME} stands in the file, NAME is not in the environment of the command, and no default is given. With ${NAME:?text} an empty value counts as not set.',
    fix: 'Set it, or give a default: ${NAME:-value}. To leave ${NAME} to the shell of the service, write $${NAME}.',
  },
  E011: {
    title: 'a ${…} that cannot be read',
    cause:
      'Known forms are ${NAME}, ${NAME:-default}, ${NAME:?text}, and $$ for a dollar sign. Defaults do not nest.',
    fix: 'Use one of these forms. To leave an expression to the shell of the service, double its dollar sign: $${NAME##*/}.',
  },
  E012: {
    title: '${PORT} would be read from your own environment',
    cause:
      '${…} is filled in where the command runs, while PORT is given by Bascule to each replica when it starts.',
    fix: 'Write $PORT, or $${PORT}.',
  },
  E013: {
    title: 'not a duration',
    cause:
      'A duration carries its unit: 500ms, 30s, 5m, 1h30m, 2d. A bare number could mean seconds or milliseconds, so it is refused.',
    fix: 'Add the unit.',
  },
  E014: {
    title: 'not a percentage',
    cause:
      'A share or a relative margin carries its sign: 5%, 12.5%. A bare number could mean 5 % or a fraction.',
    fix: 'Add the percent sign.',
  },
  E015: {
    title: 'not a number of percentage points',
    cause:
      'Error rates are compared by their difference: 0.5pp means that 1.0 % may become 1.5 %. A percentage of a percentage misleads.',
    fix: 'Write the difference with its unit: 0.5pp.',
  },
  E016: {
    title: 'canary steps must end with 100%',
    cause: 'A rollout that ends below 100 % would leave two versions serving for ever.',
    fix: 'Add 100% as the last step.',
  },
  E017: {
    title: 'canary steps must grow',
    cause:
      'A share never goes back within a rollout, except to 0 when it is rolled back: people who were moved stay moved.',
    fix: 'Put the steps in rising order, each one once.',
  },
  E018: {
    title: 'a share finer than 0.1%',
    cause: 'People are spread over 1,000 buckets, so that shares come in steps of 0.1 %.',
    fix: 'Round the share to one decimal.',
  },
  E019: {
    title: 'not one of the known values',
    cause: 'Only the values that the message lists have a meaning here. There is no silent default.',
    fix: 'Use one of them.',
  },
  E020: {
    title: 'out of range',
    cause: 'The value has the right form, but lies outside the limits that the message names.',
    fix: 'Choose a value within the limits.',
  },
  E021: {
    title: 'not there yet',
    cause:
      'The key is part of the design of Bascule, and this version cannot do it. It is refused rather than ignored.',
    fix: 'Take it out for now. The changelog says when it arrives.',
  },
  E022: {
    title: 'more replicas than max-replicas',
    cause:
      'Ports are reserved for max-replicas in each slot, so that addresses never change; replicas cannot exceed it.',
    fix: 'Raise max-replicas, or lower replicas.',
  },
  E023: {
    title: 'dwell ends before it may',
    cause:
      'at-least is how long a step lasts in any case, at-most when it stops waiting for certainty; at-most cannot be the shorter.',
    fix: 'Make at-most at least as long as at-least.',
  },
  E024: {
    title: 'not an address to listen on',
    cause:
      'listen takes a port (8080), an address and a port ("127.0.0.1:8080", "[::1]:8080"), or {address, port}.',
    fix: 'Write one of these; the address is an IP address of this machine.',
  },
  E025: {
    title: 'not a host name',
    cause:
      'host is the name that clients put into the Host header: no scheme, port or path. A wildcard is a first label of its own, and the built-in proxy alone knows it.',
    fix: 'Write the name alone, such as shop.example.com or *.example.com.',
  },
  E026: {
    title: 'not a path',
    cause: 'A path starts with a slash and holds no query, fragment, space, "//", "." or ".." segment.',
    fix: 'Write it as it stands in the address, such as /shop.',
  },
  E027: {
    title: 'two services at one door',
    cause:
      'Two services of the file have the same listen, host and path, so that a request could belong to either; or one listens on every address and the other on a single one with the same port.',
    fix: 'Give them different hosts or paths on one listener, or different ports.',
  },
  E028: {
    title: 'not a reference to a secret',
    cause:
      'A secret is named, never written: env:NAME reads the server’s environment (allow list), file:NAME its secret store. Names are letters, digits, _, - and dots.',
    fix: 'Write {secret: env:NAME} or {secret: file:NAME}, and set the value on the server.',
  },
  E029: {
    title: 'not a user to run as',
    cause:
      'user is the name of a system user, never root and not a number; the server’s own file lists who is allowed.',
    fix: 'Create a user without rights for the service and name it here.',
  },
  E030: {
    title: 'not the name of a variable',
    cause: 'Names in env are letters, digits and _, and do not start with a digit.',
    fix: 'Rename the variable.',
  },
  E031: {
    title: 'this variable is Bascule’s',
    cause:
      'PORT, and every name that begins with BASCULE_, is set by Bascule for each replica: two slots and several replicas cannot share one port.',
    fix: 'Remove it from env and let the service listen on $PORT. What clients use is `listen:`.',
  },
  E032: {
    title: 'not a name for a service',
    cause:
      'Names are lowercase letters, digits and dashes, at most 40 characters, begin with a letter and do not end with a dash.',
    fix: 'Rename the service.',
  },
  E033: {
    title: 'not a version of the file that is known',
    cause: 'version is the version of the file’s form, not of your service. This Bascule reads version 1.',
    fix: 'Write `version: 1`; for a newer form, update Bascule.',
  },
  E034: {
    title: 'a strategy is canary or blue-green',
    cause: 'A strategy block names exactly one of the two.',
    fix: 'Keep one: a canary grows step by step, blue-green switches at once (with an optional try).',
  },
  E035: {
    title: 'not a size',
    cause: 'A size carries its unit: 64KiB, 10MiB, 1GiB (or kB, MB, GB for powers of ten).',
    fix: 'Add the unit.',
  },
  E036: {
    title: 'not a try',
    cause: 'A try is a share below 100 % for a time, both versions compared meanwhile: "5% for 2m".',
    fix: 'Write try: 5% for 2m, or try: none.',
  },
  E037: {
    title: 'this belongs in the server’s own file',
    cause:
      'Listeners, notifications, freezes, tokens and allowed users concern the whole server. A project’s file must not change them.',
    fix: 'Move it to the file that `bascule serve` reads.',
  },
  E038: {
    title: 'not usable text',
    cause: 'The text is empty, too long, or holds control characters.',
    fix: 'Write it again by hand; what was pasted may hold characters that cannot be seen.',
  },
  E040: {
    title: 'a check that cannot be made',
    cause: 'A check under verify asks for a path (get or head) or runs a command, and never both.',
    fix: 'Write one of them, with what belongs to it.',
  },
  E050: {
    title: 'targets stand in place of run',
    cause:
      'With targets somebody else runs both environments, so that nothing can be built, started, scaled or adopted. What has no meaning beside them is refused rather than ignored.',
    fix: 'Keep run and what belongs to it where Bascule is to run the service, targets where somebody else does.',
  },
  E051: {
    title: 'not a target',
    cause:
      'A target is http://, a host, a port (80 if none is given) and a path of letters, digits and . _ ~ - if it has one; or unix: and the absolute path of a socket, of at most 107 bytes: no https yet, no name or password, query, fragment or escapes, so that every proxy reads it in one way.',
    fix: 'Write an address such as http://127.0.0.1:8001, or http://127.0.0.1:8080/canary for what stands below a path. For https, put a proxy beside Bascule that speaks it.',
  },
  E052: {
    title: 'one target stands twice',
    cause:
      'If blue and green were one place, a switch would change nothing; and a replica that stands twice would be counted as two.',
    fix: 'Give each slot, and each replica, a place of its own. Two paths of one application are two places.',
  },
  E053: {
    title: 'not a header to choose a version by',
    cause:
      'The header of override is one of your own and begins with X-. Names that proxies read or write themselves (X-Forwarded-…, X-Real-IP, X-Request-ID, X-Accel-…, X-Bascule-…) mean something else already.',
    fix: 'Choose another name, such as X-Version.',
  },
  E054: {
    title: 'not a network',
    cause: 'A network is an IPv4 or IPv6 address and the length of its prefix.',
    fix: 'Write it like 10.0.0.0/8 or fd00::/8; a single address ends in /32, or /128 for IPv6.',
  },
  E055: {
    title: 'who may choose a version is not clear',
    cause:
      'An override needs to know whom to obey: those who know a secret, or those who come from a network. Open to everybody it would let anyone into a version that is not out yet.',
    fix: 'Write one of secret and from.',
  },
  E056: {
    title: 'not a header for the access log',
    cause:
      'The access log says headers of requests that are named, and none that holds a secret: Authorization, cookies, tokens, keys, and the header of override. Whoever reads a log must not become somebody else by it.',
    fix: 'Leave it out. To tell people apart, let the application send an id of its own in another header.',
  },
  E057: {
    title: 'not a condition on requests',
    cause:
      'A condition names one header, cookie or parameter of the query, and what it is or begins with if that matters. Values are compared as they are sent, escapes and all; there are no patterns, so that none can be slow. Headers that proxies read or write themselves cannot be named, and cookies have a word of their own.',
    fix: 'Write it like {header: X-Beta, is: "1"}, {cookie: beta} or {query: version, begins-with: v2}; with numbers in quotes.',
  },
  E058: {
    title: 'certificates cannot be asked for like this',
    cause:
      'An authority (ACME) gives certificates for names that it could ask at port 80, after somebody agreed to its terms: the door has a host that is one name, and redirect-http is the port where port 80 leads. Wildcards need files.',
    fix: 'Write tls: {acme: {agree-tos: true, email: ops@example.com}} and redirect-http: 80 beside host: shop.example.com.',
  },
  ...EARLY_CODES,
  E090: {
    title: 'an approval cannot be as written',
    cause:
      'An approval stands before any traffic (start) or before a share of the steps, once for each place, and at least as many people can give it as are needed.',
    fix: 'Write it like approvals: [{before: 100%, need: 2, of: [ana, bob, carl]}].',
  },
  ...JUDGE_USE_CODES,
  ...MEASURE_CODES,
} as const satisfies Record<string, CodeEntry>;

export type FileCode = keyof typeof FILE_CODES;
