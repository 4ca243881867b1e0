/** W3C Trace Context, https://www.w3.org/TR/trace-context/: what a request says of the trace that it is a part of. */

const VERSION_00_CHARS = 55;
const SHAPE = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;
const NO_TRACE = '0'.repeat(32);
const NO_PARENT = '0'.repeat(16);

/** The trace of one `traceparent`, or null where it is none (section 3.2.2). Versions to come may be longer. */
export function traceIdOf(traceparent: string): string | null {
  const found = SHAPE.exec(traceparent);
  if (found === null) return null;
  const [, version, traceId, parentId] = found;
  if (version === 'ff' || traceId === NO_TRACE || parentId === NO_PARENT) return null;
  if (version === '00' && traceparent.length !== VERSION_00_CHARS) return null;
  return traceId!;
}

/** The trace that a request names; null for none, for one that is malformed, and for more than one. */
export function traceIdIn(rawHeaders: readonly string[]): string | null {
  let found: string | null = null;
  for (let i = 0; i < rawHeaders.length; i += 2) {
    if (!isTraceparent(rawHeaders[i]!)) continue;
    if (found !== null) return null;
    found = rawHeaders[i + 1]!;
  }
  return found === null ? null : traceIdOf(found);
}

/** Without what belongs to a trace that nobody can read: its state must not outlive it (section 3.3.1.1). */
export function withoutTrace(rawHeaders: readonly string[]): string[] {
  const kept: string[] = [];
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i]!;
    if (!isTraceparent(name) && !isTracestate(name)) kept.push(name, rawHeaders[i + 1]!);
  }
  return kept;
}

export function traceparentOf(traceId: string, parentId: string, isRecorded: boolean): string {
  return `00-${traceId}-${parentId}-${isRecorded ? '01' : '00'}`;
}

function isTraceparent(name: string): boolean {
  return name.length === 11 && name.toLowerCase() === 'traceparent';
}

function isTracestate(name: string): boolean {
  return name.length === 10 && name.toLowerCase() === 'tracestate';
}
