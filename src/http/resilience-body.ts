import { z } from 'zod';
import { ERROR_PAGE } from '../release/forms.ts';
import { PAGE_KINDS, PAGE_STATUSES } from '../release/resilience.ts';

/** Patience and bounds of the built-in proxy, as a client sends them. */

const DAY_MS = 86_400_000;
const patience = (max = DAY_MS) => z.int().min(1000).max(max);

export const timeouts = z.strictObject({
  connectMs: patience(75_000),
  responseHeadMs: patience(),
  responseIdleMs: patience(),
  requestIdleMs: patience(),
  requestHeadMs: patience(),
  keepAliveMs: patience(),
  requestMs: patience().nullable(),
  upgradedIdleMs: patience().nullable(),
});

export const perReplica = z
  .strictObject({
    maxRequests: z.int().min(1).max(100_000).nullable(),
    maxQueue: z.int().min(1).max(10_000),
    queueTimeoutMs: z.int().min(10).max(600_000),
    slowStartMs: z.int().min(0).max(3_600_000),
  })
  .readonly();

export const outliers = z
  .strictObject({
    consecutiveGatewayFailures: z.int().min(1).max(1000).nullable(),
    consecutive5xx: z.int().min(1).max(1000).nullable(),
    baseMs: patience(3_600_000),
    maxMs: patience(),
  })
  .refine(({ baseMs, maxMs }) => maxMs >= baseMs, 'is shorter at the longest than at first');

export const limits = z.strictObject({
  maxHeadBytes: z.int().min(4096).max(65_536),
  maxConnections: z.int().min(64).max(1_000_000).nullable(),
});

const page = z.string().regex(ERROR_PAGE, 'is not an absolute path that ends in .html, .json or .txt');

export const errorPages = z.partialRecord(
  z.enum([...PAGE_STATUSES, 'default']),
  z.array(page).min(1).max(PAGE_KINDS.length).readonly(),
);
