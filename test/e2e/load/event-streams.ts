import type { Failure } from './connection.ts';
import { Lane } from './lane.ts';
import type { Transfer } from './lane.ts';
import type { LoadOptions } from './options.ts';
import type { Tally } from './tally.ts';

/** As a browser's EventSource opens anew, though sooner. */
const REOPEN_MS = 100;
const MAX_EVENT_CHARACTERS = 10_000;

/** Event streams whose ids must count up from 1 without a gap. They open anew when they end. */
export function streamLanes(options: LoadOptions, tally: Tally): Lane[] {
  const next = (): Transfer => eventStream(tally);
  return Array.from(
    { length: options.streams },
    () => new Lane('event stream', { options, tally, next, pauseMs: REOPEN_MS }),
  );
}

function eventStream(tally: Tally): Transfer {
  const switches = tally.switches;
  const counts = tally.streams;
  let open = false;
  let text = '';
  let lastId = 0;
  let endTold = false;
  let wrong: Failure | null = null;

  function take(event: string): void {
    if (/^event: end$/m.test(event)) endTold = true;
    const id = Number(/^id: (\d+)$/m.exec(event)?.[1] ?? Number.NaN);
    if (Number.isNaN(id)) return;
    if (id !== lastId + 1) wrong ??= { kind: 'corrupt', detail: `event ${id} came after event ${lastId}` };
    lastId = id;
    counts.events++;
  }

  return {
    method: 'GET',
    head: 'GET /events HTTP/1.1\r\nAccept: text/event-stream\r\n',
    totalMs: Number.POSITIVE_INFINITY,
    answered: ({ status, headers }) => {
      if (status !== 200) wrong = { kind: 'corrupt', detail: `an event stream was answered ${status}` };
      if (status !== 200 || !headers.has('x-version')) return;
      open = true;
      counts.opened++;
      counts.openNow++;
    },
    body: (part, connection) => {
      text += part.toString('latin1');
      const whole = text.lastIndexOf('\n\n');
      if (whole >= 0) {
        for (const event of text.slice(0, whole).split('\n\n')) take(event);
        text = text.slice(whole + 2);
      }
      if (text.length > MAX_EVENT_CHARACTERS) connection.fail('corrupt', 'an event without an end');
      else if (wrong !== null) connection.fail(wrong.kind, wrong.detail);
    },
    verdict: () => {
      if (wrong !== null) return wrong;
      if (text !== '') return { kind: 'truncated', detail: `ended within an event, after ${lastId}` };
      if (endTold || tally.switches > switches) return null;
      return { kind: 'ended-early', detail: `ended after event ${lastId} though nothing had switched` };
    },
    over: (ok) => {
      if (!open) return;
      counts.openNow--;
      if (ok) counts.endedProperly++;
      if (tally.switches > switches) counts.spanned++;
    },
  };
}
