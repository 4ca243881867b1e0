import { z } from 'zod';
import { CHANNEL_KINDS } from '../release/notify-channel.ts';
import { atMs, freezeView, role, schema } from './answers.ts';

const names = z.array(z.string()).readonly();
const ms = z.int().min(0);
const rate = z.strictObject({ burst: z.number(), perSecond: z.number() }).meta({ id: 'Rate' });

const listener = z
  .strictObject({
    url: z.string(),
    address: z.string(),
    port: z.int(),
    certificate: z
      .strictObject({ file: z.string(), notAfterMs: atMs.nullable() })
      .nullable()
      .meta({ description: 'Null: in the clear, on loopback.' }),
    names: names.meta({
      description: 'What it is called besides its address and the names in its certificate.',
    }),
    isOpen: z.boolean().meta({ description: 'What others can reach waits for the first token.' }),
  })
  .meta({ id: 'Listener' });

const logins = z.strictObject({
  dashboard: z.boolean().meta({ description: 'Whether the pages are there.' }),
  open: z.int().meta({ description: 'Browsers that are logged in now.' }),
  most: z.int(),
  longestMs: ms.meta({ description: 'With a token, or by a link.' }),
  idleMs: ms.meta({ description: 'Without use it ends before.' }),
  oidc: z
    .strictObject({
      issuer: z.string(),
      host: z.string(),
      sessionMs: ms,
      scopes: names,
      nameClaim: z.string().nullable().meta({ description: 'Null: preferred_username, else email.' }),
      groupsClaim: z.string(),
      roles: z.array(z.strictObject({ group: z.string(), role, services: names.nullable() })).readonly(),
    })
    .nullable(),
});

const channel = z
  .strictObject({
    name: z.string(),
    kind: z.enum(CHANNEL_KINDS),
    host: z.string().nullable().meta({ description: 'Null: its secret cannot be read.' }),
    trouble: z.string().nullable().meta({ description: 'What is wrong with its secrets.' }),
    services: names.nullable().meta({ description: 'Null: about every service.' }),
    about: z.enum(['all', 'waits']),
    timeoutMs: ms,
    counts: z
      .strictObject({ sent: z.int(), failed: z.int(), dropped: z.int() })
      .meta({ description: 'Since the server was started.' }),
  })
  .meta({ id: 'Channel' });

const freezeRule = z
  .strictObject({
    cron: z.string(),
    forMs: ms,
    timeZone: z.string(),
    services: names.nullable().meta({ description: 'Null: all of them.' }),
    alsoAdvancing: z.boolean(),
    reason: z.string().nullable(),
    place: z.string().meta({ description: 'File and line.' }),
  })
  .meta({ id: 'FreezeRule' });

export const settingsView = z.strictObject({
  file: z.string().nullable().meta({ description: 'The file of the server; null: there is none.' }),
  node: z.string(),
  sockets: z.string().meta({ description: 'The directory of the sockets.' }),
  listeners: z.array(listener).readonly(),
  logins,
  tokens: z.strictObject({ valid: z.int(), most: z.int(), longestMs: ms, rememberedMs: ms }),
  channels: z.array(channel).readonly(),
  sources: z
    .array(z.strictObject({ name: z.string(), kind: z.string(), host: z.string() }))
    .readonly()
    .meta({ description: 'Where measures are asked.' }),
  freezes: z.strictObject({
    now: z.array(freezeView).readonly().meta({ description: 'Those that people have put on every service.' }),
    rules: z.array(freezeRule).readonly(),
  }),
  services: z.strictObject({
    slotPorts: z.strictObject({ from: z.int(), to: z.int() }),
    proxyWorkers: z.int().nullable().meta({ description: 'Null: one per core, at most four.' }),
    allowedUsers: names,
    allowedEnv: names,
  }),
  limits: z.strictObject({
    requests: rate.meta({ description: 'Of one token or login, over the network.' }),
    refused: rate,
    bodyBytes: z.int(),
    artifactBytes: z.int(),
    connections: z.int(),
    connectionsOfOne: z.int().meta({ description: 'Of one client beyond this machine.' }),
    headMs: ms,
    bodyMs: ms,
    idleMs: ms,
  }),
  retention: z.strictObject({
    releases: z.int().meta({ description: 'Promoted ones kept per service, besides those in use.' }),
    rollouts: z.int(),
    events: z.int(),
    secondsMs: ms.meta({ description: 'Counts per second; those of a rollout stay as long as its record.' }),
    minutesMs: ms,
    evidenceBytes: z.int(),
  }),
});

export const settingsAnswer = z
  .strictObject({ schema, settings: settingsView })
  .meta({ id: 'SettingsAnswer' });
