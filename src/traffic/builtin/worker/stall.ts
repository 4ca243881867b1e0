import type { Timeouts } from '../../../release/resilience.ts';
import { CLASS, type ClassIndex } from '../../tally.ts';

export type Stalled = {
  readonly class: ClassIndex;
  readonly answer: { readonly status: number; readonly text: string };
};

export type Progress = {
  readonly phase: 'queued' | 'connecting' | 'waiting' | 'responding' | 'upgraded' | 'done';
  readonly idleMs: number;
  /** The next byte has to come from the client: of its body, or room for more of the answer. */
  readonly clientsTurn: boolean;
  readonly isStream: boolean;
  /** Since its head was there. */
  readonly sinceMs: number;
};

/** Who let a request wait for too long: `connection` to give up on the connection, or how it ends; null for nobody yet. */
export function stallOf(progress: Progress, timeouts: Timeouts): Stalled | 'connection' | null {
  const { phase, idleMs, clientsTurn, isStream } = progress;
  const { requestMs } = timeouts;
  if (requestMs !== null && progress.sinceMs > requestMs && !isStream && phase !== 'done')
    return clientsTurn
      ? { ...timeout('the request took too long'), class: CLASS.clientAbort }
      : timeout('the request took too long');
  switch (phase) {
    case 'connecting':
      return idleMs > timeouts.connectMs ? 'connection' : null;
    case 'waiting':
      if (!clientsTurn)
        return idleMs > timeouts.responseHeadMs ? timeout('the application did not answer in time') : null;
      if (idleMs <= timeouts.requestIdleMs) return null;
      return { class: CLASS.clientAbort, answer: { status: 408, text: 'the request body did not arrive' } };
    case 'responding':
      if (isStream || idleMs <= timeouts.responseIdleMs) return null;
      return clientsTurn
        ? { ...timeout('the response stalled'), class: CLASS.clientAbort }
        : timeout('the response stalled');
    default:
      return null;
  }
}

function timeout(text: string): Stalled {
  return { class: CLASS.timeout, answer: { status: 504, text } };
}
