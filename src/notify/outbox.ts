import { mkdir } from 'node:fs/promises';
import { OperatingError } from '../lib/errors.ts';
import type { ChannelConnection } from '../release/notify-channel.ts';
import type { Channel, ChannelCount, Notifier, Tried } from './channel.ts';
import { Courier, type Counted, type CourierParts } from './courier.ts';
import { testMessage } from './message.ts';

export type OpenChannel = { readonly channel: Channel; readonly rules: ChannelConnection };

export type Outbox = Notifier & {
  start(): Promise<void>;
  /** Something was recorded. */
  wake(): void;
  stop(): Promise<void>;
  counts(): readonly ChannelCount[];
};

/** Whoever asks waits for the answer. */
const LONGEST_TEST_MS = 45_000;
const NOTHING: Readonly<Record<Counted, number>> = { sent: 0, failed: 0, dropped: 0 };

/** All channels, each with a courier of its own: none waits for another. */
export function openOutbox(open: readonly OpenChannel[], parts: Omit<CourierParts, 'count'>): Outbox {
  const stopping = new AbortController();
  const counts = new Map(open.map(({ channel }) => [channel.name, { ...NOTHING }]));
  const count = ({ name }: Channel, what: Counted): void => {
    counts.get(name)![what] += 1;
  };
  const couriers = open.map(({ channel, rules }) => new Courier(channel, rules, { ...parts, count }));
  const runs: Promise<void>[] = [];
  return {
    start: async () => {
      if (couriers.length === 0) return;
      await mkdir(parts.directory, { recursive: true, mode: 0o700 });
      for (const courier of couriers) runs.push(courier.run(stopping.signal));
    },
    wake: () => {
      for (const courier of couriers) courier.wake();
    },
    stop: async () => {
      stopping.abort();
      await Promise.all(runs);
    },
    counts: () =>
      open.map(({ channel: { name, kind } }) => ({ channel: name, kind, counts: counts.get(name)! })),
    test: async (name) => {
      const asked = open.map(({ channel }) => channel).filter((one) => name === null || one.name === name);
      if (asked.length === 0) throw unknown(name, open);
      return Promise.all(asked.map((channel) => tryOut(channel, parts.nowMs, stopping.signal)));
    },
  };
}

async function tryOut(channel: Channel, nowMs: () => number, signal: AbortSignal): Promise<Tried> {
  const { name, kind } = channel;
  const atMs = nowMs();
  const message = testMessage(name, { id: `test.${name}.${atMs}`, atMs });
  const outcome = (status?: number) => ({ status: status ?? null, tookMs: Math.max(0, nowMs() - atMs) });
  try {
    const limit = AbortSignal.any([signal, AbortSignal.timeout(LONGEST_TEST_MS)]);
    const sent = await channel.send(message, null, limit);
    return { channel: name, kind, ok: sent.ok, why: sent.ok ? null : sent.why, ...outcome(sent.status) };
  } catch (error) {
    const why = `a fault (${error instanceof Error ? error.name : 'unknown'})`;
    return { channel: name, kind, ok: false, why, ...outcome() };
  }
}

function unknown(name: string | null, open: readonly OpenChannel[]): OperatingError {
  const known = open.map(({ channel }) => channel.name).join(', ');
  const what = name === null ? 'There is nothing to test' : `There is no channel "${name}"`;
  const those =
    known === ''
      ? 'the file of the server names no channel under "notify"'
      : `those of the server are ${known}`;
  return new OperatingError('NOTIFY_UNKNOWN', `${what}: ${those}. Nothing was sent.`, { retryable: false });
}
