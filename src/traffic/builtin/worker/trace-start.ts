import type { Mint } from './mint.ts';
import type { RequestScan } from './request-head.ts';
import { traceIdIn, traceparentOf, withoutTrace } from './trace-context.ts';

/** A trace that begins here. */
type StartedTrace = {
  readonly traceId: string;
  readonly traceparent: string;
  /** Of the request, without what it said of a trace that cannot be read. */
  readonly rawHeaders: readonly string[];
};

const PARENT_CHARS = 16;

/** For a request that names no trace which can be passed on; null for any other. */
export function startTrace(
  rawHeaders: readonly string[],
  { dropped }: RequestScan,
  { mint, recordedPercent }: { readonly mint: Mint; readonly recordedPercent: number },
): StartedTrace | null {
  // What a client declares to be of its connection goes no further, and is no trace for the application.
  const isDropped = dropped !== null && dropped.includes('traceparent');
  if (!isDropped && traceIdIn(rawHeaders) !== null) return null;
  const traceId = mint.identity();
  const parentId = mint.identity().slice(0, PARENT_CHARS);
  const isRecorded = (mint.draw() / 2 ** 53) * 100 < recordedPercent;
  return {
    traceId,
    traceparent: traceparentOf(traceId, parentId, isRecorded),
    rawHeaders: withoutTrace(rawHeaders),
  };
}
