import { z } from 'zod';

import { DIRECTORY, EMAIL, LETS_ENCRYPT } from './acme.ts';
import { ABSOLUTE_FILE, ADDRESS, LISTEN, ONE_HOST, suggestHost } from './forms.ts';
import { DEFAULTS } from './presets.ts';
import { accessLog } from './schema-access-log.ts';
import { conditions } from './schema-match.ts';
import { network } from './schema-override.ts';
import { errorPages, limits, outlierDetection, perReplica, timeouts } from './schema-resilience.ts';
import { choice, count, duration, FACTS, flag, pattern, percent } from './values.ts';

const MOST_CERTIFICATES = 20;
const MOST_NETWORKS = 64;
const MOST_HOSTS = 64;

const port = count('Port, 1 to 65535.', 1, 65_535);
export const listen = z
  .union([
    port,
    z.string().regex(LISTEN),
    z.strictObject({
      address: pattern('IP address of this machine; * for all.', ADDRESS, {
        what: 'an IP address of this machine',
        code: 'E024',
        default: DEFAULTS.listenAddress,
      }).optional(),
      port,
    }),
  ])
  .describe(
    'Where the proxy listens for clients: a port (on all addresses), "address:port", or a mapping. Several services may share it.',
  )
  .register(FACTS, {
    kind: 'shape',
    what: 'a port such as 8080, or "address:port"',
    code: 'E024',
    owner: 'door',
    max: 65_535,
    min: 1,
    suggest: (value) =>
      typeof value === 'string' && /^:?\d{1,5}$/.test(value) ? value.replace(':', '') : null,
  });

function file(description: string) {
  return pattern(description, ABSOLUTE_FILE, {
    what: 'the absolute path of a file, of letters, digits and . _ - / only',
    code: 'E008',
    owner: 'door',
  });
}

function place(description: string, what: string, value: string) {
  return pattern(description, ABSOLUTE_FILE, {
    what: `the absolute path of a ${what}, of letters, digits and . _ - / only`,
    code: 'E008',
    owner: 'door',
    default: value,
  });
}

const tls = z
  .strictObject({
    certificate: file('Certificate and chain, PEM.'),
    key: file('Private key, PEM.'),
  })
  .describe('HTTPS from files.');

const acme = z
  .strictObject({
    acme: z
      .strictObject({
        email: pattern('Whom the authority may write to.', EMAIL, {
          what: 'an address such as ops@example.com',
          code: 'E058',
          owner: 'door',
          defaultNote: 'nobody',
        }).optional(),
        'agree-tos': z
          .literal(true)
          .describe("That you have read the authority's terms and agree to them: true.")
          .register(FACTS, { kind: 'shape', what: 'true', code: 'E058', owner: 'door' }),
        directory: pattern("Address of the authority's directory.", DIRECTORY, {
          what: 'an address such as https://ca.example.com/acme/directory',
          code: 'E058',
          owner: 'door',
          default: LETS_ENCRYPT,
        }).optional(),
        authority: file(
          "Root of the authority's own HTTPS, PEM, where the system does not know it.",
        ).optional(),
      })
      .describe('Whom to ask.')
      .register(FACTS, {
        kind: 'shape',
        what: 'a mapping such as {agree-tos: true}',
        code: 'E058',
        owner: 'door',
      }),
  })
  .describe('Certificates for host and redirect-hosts, asked for and renewed by the proxy itself.');

function networks(description: string) {
  return z
    .union([network, z.array(network).min(1).max(MOST_NETWORKS)])
    .describe(description)
    .register(FACTS, {
      kind: 'shape',
      what: 'a network such as 10.0.0.0/8, or a list of them',
      code: 'E054',
      owner: 'door',
      defaultNote: 'none',
      max: MOST_NETWORKS,
    });
}

const builtin = z
  .strictObject({
    tls: z
      .union([tls, acme, z.array(tls).min(1).max(MOST_CERTIFICATES)])
      .describe(
        'HTTPS and HTTP/2: one certificate with its key in files, a list of such, or {acme: {agree-tos: true}} for certificates that the proxy asks for itself. Which one is shown goes by the name that the client asks for; files that change are read anew.',
      )
      .register(FACTS, {
        kind: 'shape',
        what: 'a mapping of certificate and key to files, a list of such, or {acme: …}',
        code: 'E008',
        owner: 'door',
        defaultNote: 'plain HTTP',
        max: MOST_CERTIFICATES,
      })
      .optional(),
    protocol: choice(
      'What the application speaks: http1, or h2c for HTTP/2 in the clear, as gRPC needs it.',
      ['http1', 'h2c'],
      { owner: 'door', default: 'http1' },
    ).optional(),
    'proxy-protocol': networks(
      'Networks of load balancers whose connections begin with a header of the PROXY protocol (version 1 or 2), which names the client.',
    ).optional(),
    allow: networks(
      'Networks whose clients may come; all others get 403. Not asked on preview addresses.',
    ).optional(),
    deny: networks('Networks whose clients get 403, also where allow has them.').optional(),
    'redirect-http': count('Port for plain HTTP that sends everybody on to HTTPS.', 1, 65_535, {
      owner: 'door',
      defaultNote: 'none',
    }).optional(),
    'redirect-hosts': z
      .array(
        pattern('A host name.', ONE_HOST, {
          what: 'a host name such as www.example.com',
          code: 'E025',
          suggest: suggestHost,
        }),
      )
      .min(1)
      .max(MOST_HOSTS)
      .describe('Other names: who asks for one of them is sent on to host with 308.')
      .register(FACTS, {
        kind: 'shape',
        what: 'a list of host names such as [www.example.com]',
        code: 'E025',
        owner: 'door',
        defaultNote: 'none',
        min: 1,
        max: MOST_HOSTS,
      })
      .optional(),
    'strip-path': flag(
      'Whether path is taken off before the application is asked, and put before its redirects and the paths of its cookies again. X-Forwarded-Prefix says what was taken off.',
      { owner: 'door', default: false },
    ).optional(),
    when: conditions(
      'Of the requests at this host and path, only those that meet all of these are for this service. What has more of them is asked first.',
      'all requests',
    ).optional(),
    'candidate-for': conditions(
      'Who meets one of these gets the candidate while it is offered (from header-only or the first share on), whatever the share. Open to everybody; counted apart, and judged in a header-only step alone.',
      'nobody by name',
    ).optional(),
    'access-log': accessLog.optional(),
    'start-traces': percent(
      'Requests without a valid traceparent (W3C Trace Context) begin a trace; this part of them is marked as recorded.',
      { owner: 'door', min: 0, defaultNote: 'traces are passed on, none is begun' },
    ).optional(),
    'server-timing': flag(
      'Whether answers say in Server-Timing how long the request waited and how long the application took.',
      { owner: 'door', default: false },
    ).optional(),
    'per-replica': perReplica.optional(),
    'outlier-detection': outlierDetection.optional(),
    timeouts: timeouts.optional(),
    limits: limits.optional(),
    'error-pages': errorPages.optional(),
  })
  .describe('The proxy that needs nothing installed.');

const twoTimeouts = {
  'connect-timeout': duration('How long connecting to the application may take.', {
    owner: 'door',
    default: '5s',
    min: 100,
    max: 75_000,
  }).optional(),
  'read-timeout': duration('Longest silence of the application before the request counts as timed out.', {
    owner: 'door',
    default: '1m',
    min: 100,
    max: 86_400_000,
  }).optional(),
};

const nginx = z
  .strictObject({
    managed: flag("Bascule's own, unprivileged nginx, rather than the one that the machine has.", {
      owner: 'door',
      default: false,
    }).optional(),
    mode: choice(
      'file: whole server blocks. snippet: two files for inside a server block of yours.',
      ['file', 'snippet'],
      { owner: 'door', default: 'file' },
    ).optional(),
    directory: pattern("Where the machine's nginx includes files from.", ABSOLUTE_FILE, {
      what: 'the absolute path of a directory, of letters, digits and . _ - / only',
      code: 'E008',
      owner: 'door',
      default: DEFAULTS.nginxDirectory,
    }).optional(),
    tls: tls.optional(),
    include: file('A file of directives of your own, included in the location.').optional(),
    ...twoTimeouts,
  })
  .describe('The nginx that is there, or one of its own.');

const haproxy = z
  .strictObject({
    managed: flag("Bascule's own HAProxy, rather than the one that the machine has.", {
      owner: 'door',
      default: false,
    }).optional(),
    directory: place(
      "Where the machine's HAProxy reads files from, besides its own.",
      'directory',
      DEFAULTS.haproxyDirectory,
    ).optional(),
    socket: place("The master socket of the machine's HAProxy.", 'socket', DEFAULTS.haproxySocket).optional(),
    log: place(
      "Where the standard output of the machine's HAProxy goes.",
      'file',
      DEFAULTS.haproxyLog,
    ).optional(),
    tls: tls.optional(),
    ...twoTimeouts,
  })
  .describe('The HAProxy that is there, or one of its own.');

export const proxy = z
  .union([
    z.enum(['builtin', 'nginx', 'haproxy']),
    z.strictObject({ builtin }),
    z.strictObject({ nginx }),
    z.strictObject({ haproxy }),
  ])
  .describe('The data plane that carries the traffic.')
  .register(FACTS, {
    kind: 'choice',
    what: 'builtin, nginx or haproxy',
    code: 'E019',
    options: ['builtin', 'nginx', 'haproxy'],
    owner: 'door',
    default: 'builtin',
  });
