import { CLASS, type ClassIndex } from '../../tally.ts';

const CONNECT_TIMEOUT_MS = 5000;
/** Without a byte from the application before its response head. */
export const HEAD_TIMEOUT_MS = 60_000;
/** Without a byte in a response that is not an event stream. */
const BODY_IDLE_MS = 300_000;
/** Without a byte of a request's body that the client announced. */
const UPLOAD_IDLE_MS = 60_000;

export type Stalled = {
  readonly class: ClassIndex;
  readonly answer: { readonly status: number; readonly text: string };
};

export type Progress = {
  readonly phase: 'connecting' | 'waiting' | 'responding' | 'upgraded' | 'done';
  readonly idleMs: number;
  /** The next byte has to come from the client: of its body, or room for more of the answer. */
  readonly clientsTurn: boolean;
  readonly isStream: boolean;
};

/** Who let a request wait for too long: `connection` to give up on the connection, or how it ends; null for nobody yet. */
export function stallOf({ phase, idleMs, clientsTurn, isStream }: Progress): Stalled | 'connection' | null {
  switch (phase) {
    case 'connecting':
      return idleMs > CONNECT_TIMEOUT_MS ? 'connection' : null;
    case 'waiting':
      if (!clientsTurn)
        return idleMs > HEAD_TIMEOUT_MS ? timeout('the application did not answer in time') : null;
      if (idleMs <= UPLOAD_IDLE_MS) return null;
      return { class: CLASS.clientAbort, answer: { status: 408, text: 'the request body did not arrive' } };
    case 'responding':
      if (isStream || idleMs <= BODY_IDLE_MS) return null;
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
