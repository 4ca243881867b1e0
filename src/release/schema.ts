import { z } from 'zod';

import { HOST, NAME, suggestHost, suggestPath, URL_PATH, USER } from './forms.ts';
import { DEFAULTS } from './presets.ts';
import { listen, proxy } from './schema-door.ts';
import { override } from './schema-override.ts';
import { strategy } from './schema-policy.ts';
import { env, health } from './schema-release.ts';
import { current, targets } from './schema-targets.ts';
import { verify } from './schema-verify.ts';
import { count, duration, FACTS, flag, pattern, size, text } from './values.ts';

/**
 * The one schema of `bascule.yaml`, version 1: checks files and API requests, and gives the JSON Schema for editors and
 * docs/configuration.md. Everything is optional that has a sensible default; no value is changed here (resolve.ts does).
 */

const HOST_WORDS =
  'Host name that this service answers to on its listener; * for any. *.example.com is each name with one label more (built-in proxy).';

export const SERVICE = z
  .strictObject({
    run: text(
      'Shell command that starts one replica. It must listen on 127.0.0.1:$PORT; PORT is given by Bascule.',
      { owner: 'release', what: 'a shell command', defaultNote: 'required, unless targets' },
    ).optional(),
    targets: targets.optional(),
    current: current.optional(),
    build: text("Shell command run once in the release's own directory before its first start.", {
      owner: 'release',
      what: 'a shell command',
      defaultNote: 'nothing',
    }).optional(),
    env: env.optional(),
    user: pattern(
      "System user that runs build and run; must be allowed in the server's own file, never root.",
      USER,
      {
        what: 'the name of a system user, not root',
        code: 'E029',
        owner: 'release',
        defaultNote: "the controller's own user",
      },
    ).optional(),
    health: health.optional(),
    verify: verify.optional(),
    'ready-within': duration('How long the start, build apart, may take until every replica is healthy.', {
      default: '2m',
      owner: 'release',
      min: 1000,
      max: 21_600_000,
    }).optional(),
    'stop-grace': duration('From SIGTERM to SIGKILL when a replica is stopped.', {
      default: '10s',
      owner: 'release',
      max: 3_600_000,
    }).optional(),
    replicas: count('Processes per slot.', 1, 64, { default: DEFAULTS.replicas, owner: 'scale' }).optional(),
    'max-replicas': count('Ports reserved per slot; replicas may be raised up to here.', 1, 64, {
      defaultNote: 'replicas, at least 4',
      owner: 'scale',
    }).optional(),
    listen,
    host: pattern(HOST_WORDS, HOST, {
      what: 'a host name such as shop.example.com',
      code: 'E025',
      suggest: suggestHost,
      owner: 'door',
      default: '*',
    }).optional(),
    path: pattern('Path prefix that this service answers to; /app does not match /appointment.', URL_PATH, {
      what: 'a path such as /shop',
      code: 'E026',
      owner: 'door',
      default: '/',
      suggest: suggestPath,
    }).optional(),
    proxy: proxy.optional(),
    preview: flag(
      'Whether each slot has a private address that reaches it alone, without counting for the judge. With verify it has one in any case.',
      { default: false, owner: 'door' },
    ).optional(),
    override: override.optional(),
    drain: duration('How long requests in flight may go on after their slot lost its traffic.', {
      default: '30s',
      owner: 'door',
      max: 86_400_000,
    }).optional(),
    'stream-grace': duration(
      'The same for event streams and WebSockets, whose closes are spread over this time.',
      { default: '1m', owner: 'door', max: 86_400_000 },
    ).optional(),
    'trust-forwarded': flag(
      'Whether X-Forwarded-* of clients is kept and appended to, rather than replaced.',
      { default: false, owner: 'door' },
    ).optional(),
    'max-body': size('Largest request body; more is answered with 413.', {
      default: 'none',
      owner: 'door',
    }).optional(),
    strategy: strategy.optional(),
  })
  .describe('One service: what runs, where clients find it, how new versions take over.');

export const FILE = z
  .strictObject({
    version: z
      .literal(1)
      .describe('Version of the form of this file: 1.')
      .register(FACTS, {
        kind: 'shape',
        what: '1',
        code: 'E033',
        suggest: (value) => (value === '1' ? '1 without quotes' : null),
      }),
    services: z
      .record(z.string().regex(NAME), SERVICE)
      .describe('The services by name: lowercase letters, digits and dashes.')
      .register(FACTS, { kind: 'shape', what: 'a mapping of names to services', code: 'E008' }),
  })
  .describe('bascule.yaml: what Bascule runs and how new versions take over.');

export type ServiceInput = z.input<typeof SERVICE>;
