import type { ListenerManners } from '../../../../release/resilience.ts';

/** A client that is still sending when its last answer was given is read for this long, so that it gets to read that. */
const LINGER_MS = 2000;
/** A body that nobody wants any more is read for this long, so that its connection may stay. */
const REST_MS = 5000;
/** Beyond what clients are told, for a request that crosses the end. */
const KEEP_ALIVE_GRACE_MS = 1000;
/** For a client that takes nothing of what is left for it, while nothing else watches over it. */
export const STUCK_MS = 60_000;

export type Standing = {
  /**
   * `head`: a request is awaited, or a part of its head is there; `idle`: behind another one, and nothing is there; `rest`: it was answered,
   * and its body is not over.
   */
  readonly phase: 'head' | 'request' | 'rest' | 'idle' | 'closing';
  /** In this phase. */
  readonly passedMs: number;
};

/** What is to happen to a connection that has taken its time. Requests have others who watch over them. */
export function dueOf(
  { phase, passedMs }: Standing,
  manners: Pick<ListenerManners, 'requestHeadMs' | 'keepAliveMs'>,
): 'refuse' | 'close' | 'destroy' | null {
  switch (phase) {
    case 'head':
      return passedMs > manners.requestHeadMs ? 'refuse' : null;
    case 'idle':
      return passedMs > manners.keepAliveMs + KEEP_ALIVE_GRACE_MS ? 'close' : null;
    case 'rest':
      return passedMs > REST_MS ? 'destroy' : null;
    case 'closing':
      return passedMs > LINGER_MS ? 'destroy' : null;
    case 'request':
      return null;
  }
}
