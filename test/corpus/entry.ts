/** One thing that a client may send, of which two readers could make something different, or which is no HTTP at all. */
export type Entry = {
  readonly family: string;
  /** Unique in its family; a fact about the bytes. */
  readonly name: string;
  /** In latin1. */
  readonly bytes: string;
  /** How many requests an application may read of it at most: one, unless it is a pipeline. */
  readonly requests: number;
};

export type Listed = readonly (readonly [name: string, bytes: string, requests?: number])[];

export function family(name: string, listed: Listed): Entry[] {
  return listed.map(([each, bytes, requests = 1]) => ({ family: name, name: each, bytes, requests }));
}

/** What smugglers hide: whoever reads it as a request has been fooled. */
export const HIDDEN = 'GET /hidden HTTP/1.1\r\nHost: a\r\n\r\n';

export function get(...lines: readonly string[]): string {
  return head('GET / HTTP/1.1', 'Host: a', ...lines);
}

export function post(body: string, ...lines: readonly string[]): string {
  return head('POST / HTTP/1.1', 'Host: a', ...lines) + body;
}

export function head(...lines: readonly string[]): string {
  return `${lines.join('\r\n')}\r\n\r\n`;
}

/** A byte as people name it. */
export function byteName(byte: number): string {
  return `0x${byte.toString(16).padStart(2, '0')}`;
}

export function range(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, i) => from + i);
}
