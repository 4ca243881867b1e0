import type { IncomingMessage } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { EventView } from '../controller/views.ts';
import { OperatingError } from '../lib/errors.ts';
import type { Client } from './client.ts';

/** The server says something every 15 s: silence for longer means that the connection is dead. */
const SILENCE_MS = 45_000;
const AGAIN_MS = 250;
const MOST_FRAME = 64 * 1024 * 1024;

/**
 * What was recorded after `afterSeq`, and then what is recorded as it happens. When the server goes away it is looked
 * for (see Client), and the stream goes on after the last event that came. Ends when the signal aborts.
 */
export async function* follow(
  client: Client,
  filter: { readonly rollout: string },
  from: { readonly afterSeq: number; readonly signal: AbortSignal },
): AsyncGenerator<EventView> {
  const { signal } = from;
  let last = from.afterSeq;
  while (!signal.aborted) {
    try {
      const headers = { 'last-event-id': String(last) };
      const response = await client.stream('GET /events', { query: filter }, { headers, signal });
      for await (const frame of framesOf(response)) {
        if (frame.event !== 'event') continue;
        const event = JSON.parse(frame.data) as EventView;
        last = event.seq;
        yield event;
      }
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof OperatingError && !error.retryable) throw error;
      if (error instanceof OperatingError && error.code === 'SERVER_UNREACHABLE') throw error;
    }
    await sleep(AGAIN_MS, undefined, { signal }).catch(() => undefined);
  }
}

type Frame = { readonly event: string; readonly data: string };

/** Frames of a text/event-stream (WHATWG HTML, 9.2.6), as far as this server uses it. */
async function* framesOf(response: IncomingMessage): AsyncGenerator<Frame> {
  let text = '';
  response.setTimeout(SILENCE_MS, () => response.destroy(new Error('the server is silent')));
  for await (const chunk of response.setEncoding('utf8')) {
    text += chunk as string;
    if (text.length > MOST_FRAME) throw new Error('an event is too large');
    for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
      const lines = text.slice(0, end).split('\n');
      text = text.slice(end + 2);
      const field = (name: string) =>
        lines
          .filter((line) => line.startsWith(`${name}: `))
          .map((line) => line.slice(name.length + 2))
          .join('\n');
      yield { event: field('event'), data: field('data') };
    }
  }
}
