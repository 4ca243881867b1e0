import { downloadLanes, uploadLanes } from './transfers.ts';
import { Http2Lane } from './http2-lane.ts';
import { streamLanes } from './event-streams.ts';
import type { LoadOptions } from './options.ts';
import { Requests } from './requests.ts';
import { WebSocketLane } from './websockets.ts';
import { Tally } from './tally.ts';
import type { LoadReport } from './tally.ts';

const EXPIRE_EVERY_MS = 200;

export type Load = {
  snapshot(): LoadReport;
  /** Tells the load that the route has just changed: what is open now spans a switch. */
  switched(): void;
  /**
   * Resolves once `count` requests *sent after this call* were answered by `version`; rejects after `withinMs`.
   */
  served(version: string, count: number, withinMs: number): Promise<void>;
  /** Ends in order: requests and transfers in flight are finished, event streams left. */
  stop(): Promise<LoadReport>;
};

/** Puts traffic on a door and judges every answer strictly. Nothing is ever sent again. */
export function startLoad(options: LoadOptions): Load {
  const tally = new Tally();
  const watches = new Set<Watch>();
  const requests = new Requests(options, tally, (version, sentMs) => {
    for (const watch of watches) {
      if (watch.version === version && sentMs >= watch.sinceMs && --watch.left === 0) watch.reached();
    }
  });
  const transfers = [...uploadLanes(options, tally), ...downloadLanes(options, tally)];
  const streams = streamLanes(options, tally);
  const sockets = Array.from({ length: options.webSockets }, () => new WebSocketLane(options, tally));
  const secure = Array.from({ length: options.http2 }, () => new Http2Lane(options, tally));
  const timer = setInterval(() => {
    const nowMs = performance.now();
    requests.expire(nowMs);
    for (const lane of [...transfers, ...streams]) lane.expire(nowMs);
  }, EXPIRE_EVERY_MS);
  requests.start();
  for (const lane of [...transfers, ...streams, ...sockets, ...secure]) lane.begin();
  return {
    snapshot: () => tally.report(),
    switched: () => void tally.switches++,
    served: (version, count, withinMs) => watchFor(watches, { version, count, withinMs }),
    stop: async () => {
      tally.stopped();
      await Promise.all([requests.stop(), ...[...transfers, ...secure].map((lane) => lane.finish())]);
      for (const lane of [...streams, ...sockets]) lane.leave();
      clearInterval(timer);
      return tally.report();
    },
  };
}

type Watch = {
  readonly version: string;
  readonly sinceMs: number;
  left: number;
  readonly reached: () => void;
};
type Wanted = { readonly version: string; readonly count: number; readonly withinMs: number };

function watchFor(watches: Set<Watch>, { version, count, withinMs }: Wanted): Promise<void> {
  return new Promise((resolve, reject) => {
    const watch: Watch = { version, sinceMs: performance.now(), left: count, reached: () => over(resolve) };
    const timer = setTimeout(() => {
      const message = `${version} answered ${count - watch.left} of ${count} requests within ${withinMs} ms`;
      over(() => reject(new Error(message)));
    }, withinMs);
    const over = (then: () => void): void => {
      clearTimeout(timer);
      watches.delete(watch);
      then();
    };
    watches.add(watch);
  });
}
