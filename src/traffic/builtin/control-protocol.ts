import type { Socket } from 'node:net';
import type { SlotName } from '../../release/slot.ts';
import type { HoldWay } from '../hold-port.ts';
import type { Door, Hold, Route } from '../router.ts';

/**
 * The controller's private line to the proxy: a unix socket (0600), JSON documents ended by newlines, requests answered
 * by id. The version is that of this protocol; it is exchanged first.
 */
export const CONTROL_VERSION = 1;
export const CONTROL_SOCKET = 'control.sock';
/** A longer line ends the connection. A batch of counts is the longest answer. */
export const MAX_LINE_BYTES = 16 * 1024 * 1024;
export const MAX_CONNECTIONS = 64;

export type ControlCall =
  | { readonly op: 'hello'; readonly version: number }
  | { readonly op: 'install'; readonly door: Door }
  | { readonly op: 'remove'; readonly service: string }
  | { readonly op: 'apply'; readonly route: Route }
  | { readonly op: 'observe'; readonly service: string }
  | { readonly op: 'cut'; readonly service: string; readonly slot: SlotName }
  | { readonly op: 'traffic'; readonly service: string; readonly cursor: string | null }
  | { readonly op: 'holdOpen'; readonly way: HoldWay }
  | {
      readonly op: 'holdSet';
      readonly service: string;
      readonly revision: number;
      readonly hold: Hold | null;
    }
  | { readonly op: 'holdWaiting'; readonly service: string }
  | { readonly op: 'holdClose'; readonly service: string }
  /** Another proxy, started by this command in this environment, takes this one's place. Answered with its pid. */
  | {
      readonly op: 'replace';
      readonly command: readonly string[];
      readonly env: Readonly<Record<string, string>>;
    }
  | { readonly op: 'stop'; readonly graceMs: number };

export type ControlRequest = { readonly id: number; readonly call: ControlCall };

export type ControlResponse =
  | { readonly id: number; readonly ok: true; readonly value: unknown }
  | {
      readonly id: number;
      readonly ok: false;
      readonly error: { readonly code: string; readonly message: string; readonly retryable: boolean };
    };

/** With `replace`, the part of the protocol that stays as it is: a controller of any version replaces a proxy of any other. */
export type Hello = {
  readonly version: number;
  readonly pid: number;
  readonly workers: readonly number[];
  /** What it was started with; null where nobody said. */
  readonly build?: string | null;
  /** The version of the handover that it gives way by; absent for one that cannot. */
  readonly handover?: number;
};

/** Cuts a byte stream into lines. */
export class LineSplitter {
  private pending: Buffer[] = [];
  private pendingBytes = 0;

  /** Returns whole lines, or null when one is over the limit. */
  split(chunk: Buffer): string[] | null {
    const lines: string[] = [];
    let at = 0;
    for (let end = chunk.indexOf(10); end !== -1; end = chunk.indexOf(10, at)) {
      lines.push(Buffer.concat([...this.pending, chunk.subarray(at, end)]).toString('utf8'));
      this.pending = [];
      this.pendingBytes = 0;
      at = end + 1;
    }
    if (at < chunk.length) this.pending.push(chunk.subarray(at));
    this.pendingBytes += chunk.length - at;
    return this.pendingBytes > MAX_LINE_BYTES ? null : lines;
  }
}

/** What is said in one turn of the event loop goes out in one write: a round asks about hundreds of services at once. */
export function writeTogether(socket: Socket, line: string): void {
  if (socket.writableCorked === 0) {
    socket.cork();
    process.nextTick(() => socket.uncork());
  }
  socket.write(line);
}
