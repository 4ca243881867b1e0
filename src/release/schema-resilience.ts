import { z } from 'zod';

import { ERROR_PAGE } from './forms.ts';
import { PAGE_KINDS, PAGE_STATUSES } from './resilience.ts';
import { SIZE_PATTERN } from './units.ts';
import { count, duration, FACTS, type Facts, inRange, measure, pattern } from './values.ts';

/** Of the built-in proxy: patience with replicas and clients, and what it says when it has none left. */

const DAY_MS = 86_400_000;

function within(description: string, value: string | null, [min, max]: readonly [number, number]) {
  return duration(description, {
    min,
    max,
    ...(value === null ? { defaultNote: 'none' } : { default: value }),
  });
}

const PATIENCE = [1000, DAY_MS] as const;
const OF_LISTENER = 'Services that share a listener say the same.';

export const timeouts = z
  .strictObject({
    connect: within('How long connecting to a replica may take.', '5s', [1000, 75_000]).optional(),
    'response-head': within(
      'Longest silence of the application before the head of its response; then 504.',
      '1m',
      PATIENCE,
    ).optional(),
    'response-idle': within(
      'Longest silence within a response that has begun; event streams have no such limit.',
      '5m',
      PATIENCE,
    ).optional(),
    'request-idle': within(
      "Longest silence of a client within a request's body; then 408.",
      '1m',
      PATIENCE,
    ).optional(),
    'request-head': within(
      `How long a client may take for the head of a request; then 408. ${OF_LISTENER}`,
      '30s',
      PATIENCE,
    ).optional(),
    'keep-alive': within(
      `How long a client's connection stays open without a request. ${OF_LISTENER}`,
      '75s',
      PATIENCE,
    ).optional(),
    request: within(
      'From the head of a request to the end of its response; event streams and upgraded connections have no such limit.',
      null,
      PATIENCE,
    ).optional(),
    'upgraded-idle': within(
      'Longest silence in both directions of an upgraded connection, such as a WebSocket.',
      null,
      PATIENCE,
    ).optional(),
  })
  .describe('How long each part of a request may take. All are looked at about once a second.')
  .register(FACTS, {
    kind: 'shape',
    what: 'a mapping such as {response-head: 30s}',
    code: 'E008',
    owner: 'door',
    defaultNote: 'those of its keys',
  });

export const perReplica = z
  .strictObject({
    'max-requests': count(
      'Requests and streams in flight on one replica at a time, over all workers; more wait.',
      1,
      100_000,
      { defaultNote: 'no bound' },
    ).optional(),
    'max-queue': count(
      'Requests that may wait while all replicas of a slot have as many as they may, for each replica in use; more get 503 with Retry-After. Workers divide it, rounded up. Needs max-requests.',
      1,
      10_000,
      { default: 100 },
    ).optional(),
    'queue-timeout': within(
      'How long a request may wait; then 503 with Retry-After. Needs max-requests.',
      '5s',
      [10, 600_000],
    ).optional(),
    'slow-start': within(
      'A replica that has become healthy takes a growing part of the requests of its slot for so long, from a tenth to the whole. The shares of slots are not touched.',
      null,
      [1000, 3_600_000],
    ).optional(),
  })
  .describe('What each replica is spared.')
  .register(FACTS, {
    kind: 'shape',
    what: 'a mapping such as {max-requests: 50, slow-start: 30s}',
    code: 'E008',
    owner: 'door',
    defaultNote: 'none',
  });

export const outlierDetection = z
  .strictObject({
    'consecutive-gateway-failures': count(
      'Failed connections, timeouts, 502, 503 and 504 of one replica in a row, as one worker sees them, after which it is ejected.',
      1,
      1000,
      { defaultNote: '5, or none beside consecutive-5xx' },
    ).optional(),
    'consecutive-5xx': count('The same with every 5xx.', 1, 1000, {
      defaultNote: 'not looked at',
    }).optional(),
    'base-ejection-time': within(
      'For how long it is ejected; each further time in a row for as much longer.',
      '30s',
      [1000, 3_600_000],
    ).optional(),
    'max-ejection-time': within('The longest, and up to a tenth more.', '5m', [1000, DAY_MS]).optional(),
  })
  .describe(
    'Replicas that are well by their health and fail all the same get no requests for a while: never more than half of the healthy ones, never the last one, never those of a candidate. {} for what is usual.',
  )
  .register(FACTS, {
    kind: 'shape',
    what: 'a mapping such as {consecutive-5xx: 5}, or {}',
    code: 'E008',
    owner: 'door',
    defaultNote: 'none',
  });

const HEAD: Facts = {
  kind: 'size',
  what: 'a size such as 16KiB',
  code: 'E035',
  min: 4096,
  max: 65_536,
  default: '16KiB',
};

export const limits = z
  .strictObject({
    'max-head': z
      .string()
      .regex(SIZE_PATTERN)
      .refine((value) => inRange(measure(value, 'size'), HEAD))
      .describe(`Largest head of a request; more is answered with 431. ${OF_LISTENER}`)
      .register(FACTS, HEAD)
      .optional(),
    'max-connections': count(
      `Connections of clients at a time, over all workers, who divide it; more are closed at once. ${OF_LISTENER}`,
      64,
      1_000_000,
      { defaultNote: '10,000 in each worker' },
    ).optional(),
  })
  .describe('Bounds for clients. That of bodies is max-body.')
  .register(FACTS, {
    kind: 'shape',
    what: 'a mapping such as {max-head: 32KiB}',
    code: 'E008',
    owner: 'door',
    defaultNote: 'those of its keys',
  });

const pageFile = pattern('A file.', ERROR_PAGE, {
  what: 'the absolute path of a file that ends in .html, .json or .txt',
  code: 'E008',
});

function pages(description: string) {
  return z
    .union([pageFile, z.array(pageFile).min(1).max(PAGE_KINDS.length)])
    .describe(description)
    .register(FACTS, {
      kind: 'shape',
      what: 'the absolute path of a file that ends in .html, .json or .txt, or a list of such',
      code: 'E008',
      defaultNote: "the proxy's own",
      min: 1,
      max: PAGE_KINDS.length,
    })
    .optional();
}

const byStatus = Object.fromEntries(
  PAGE_STATUSES.map((status) => [status, pages(`What the proxy answers with ${status}.`)] as const),
) as Record<(typeof PAGE_STATUSES)[number], ReturnType<typeof pages>>;

export const errorPages = z
  .strictObject({ ...byStatus, default: pages('The same for every other status.') })
  .describe(
    'Pages of your own for what the proxy answers in place of the application, at most 64 KiB each and 256 KiB in all. Which of several files is sent goes by Accept. They are read when the door is installed.',
  )
  .register(FACTS, {
    kind: 'shape',
    what: 'a mapping such as {503: /etc/shop/busy.html, default: /etc/shop/error.html}',
    code: 'E008',
    owner: 'door',
    defaultNote: "the proxy's own",
  });

export type ResilienceInput = {
  readonly 'outlier-detection'?: z.input<typeof outlierDetection> | undefined;
  readonly 'per-replica'?: z.input<typeof perReplica> | undefined;
  readonly timeouts?: z.input<typeof timeouts> | undefined;
  readonly limits?: z.input<typeof limits> | undefined;
  readonly 'error-pages'?: z.input<typeof errorPages> | undefined;
};
