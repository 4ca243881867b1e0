import type { Caller, Controller } from '../controller/controller.ts';
import { VIEW_SCHEMA, type EventView } from '../controller/views.ts';
import type { LiveViews } from './live-views.ts';
import type { Outlet } from './streams.ts';

export type EventFilter = {
  readonly service: string | null;
  readonly rollout: string | null;
  /** Who looks: what they may see, and what they may do. */
  readonly caller: Caller;
};

const PAGE = 200;
/** What a stopping server says last: clients come back after this time. */
export const FAREWELL = 'retry: 1000\nevent: bye\ndata: {"schema":1,"reason":"the server is stopping"}\n\n';

/**
 * A snapshot of the services, then every event after `afterSeq` as it is recorded, each with its `id:`. The journal is
 * the queue: a client that falls behind is served from there, so that nothing piles up for it in memory.
 */
export async function streamEvents(
  controller: Controller,
  filter: EventFilter,
  afterSeq: number,
  to: {
    readonly outlet: Outlet;
    readonly heartbeatMs: number;
    /** Services as they change, instead of a snapshot of all; null: the snapshot. */
    readonly views: LiveViews | null;
  },
): Promise<void> {
  const { outlet, heartbeatMs, views } = to;
  let cursor = afterSeq;
  let news = Promise.withResolvers<'news'>();
  const wake = (): void => news.resolve('news');
  const unsubscribe = controller.read.onEvent(wake);
  const unwatch = await views?.watch(wake);
  let version = views?.version ?? 0;
  try {
    const first = views === null ? await snapshot(controller, filter, cursor) : ready(cursor);
    if (!(await outlet.write(first))) return;
    for (;;) {
      // Before reading, so that what is recorded meanwhile is not slept through.
      news = Promise.withResolvers();
      const changed = views?.since(version, filter.caller) ?? '';
      version = views?.version ?? 0;
      if (changed !== '' && !(await outlet.write(changed))) return;
      const { service, rollout } = filter;
      const page = controller.read.events({ service, rollout, afterSeq: cursor, limit: PAGE });
      cursor = page.at(-1)?.seq ?? cursor;
      if (page.length > 0) {
        const shown = page.filter((event) => isSeen(filter, event.service));
        if (shown.length > 0 && !(await outlet.write(shown.map(frame).join('')))) return;
        continue;
      }
      const found = await firstOf(news.promise, heartbeatMs, outlet.signal);
      if (found === 'over') return;
      if (found === 'silence' && !(await outlet.write(': alive\n\n'))) return;
    }
  } finally {
    unsubscribe();
    unwatch?.();
  }
}

/** From here on nothing is missed: now is the time to ask how everything is. */
function ready(seq: number): string {
  return `id: ${seq}\nevent: ready\ndata: ${JSON.stringify({ schema: VIEW_SCHEMA })}\n\n`;
}

/** The state that the deltas begin from; its id lets a client that breaks off now come back to the same place. */
async function snapshot(controller: Controller, filter: EventFilter, seq: number): Promise<string> {
  const all = await controller.read.services(filter.caller, filter.service ?? undefined);
  const services = all.filter(({ name }) => isSeen(filter, name));
  return `id: ${seq}\nevent: snapshot\ndata: ${JSON.stringify({ schema: VIEW_SCHEMA, services })}\n\n`;
}

function isSeen({ caller: { services } }: EventFilter, service: string): boolean {
  return services?.includes(service) ?? true;
}

function frame(event: EventView): string {
  return `id: ${event.seq}\nevent: event\ndata: ${JSON.stringify({ schema: VIEW_SCHEMA, ...event })}\n\n`;
}

async function firstOf(
  news: Promise<'news'>,
  silenceMs: number,
  signal: AbortSignal,
): Promise<'news' | 'silence' | 'over'> {
  if (signal.aborted) return 'over';
  const other = Promise.withResolvers<'silence' | 'over'>();
  const timer = setTimeout(() => other.resolve('silence'), silenceMs);
  const over = () => other.resolve('over');
  signal.addEventListener('abort', over);
  try {
    return await Promise.race([news, other.promise]);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', over);
  }
}
