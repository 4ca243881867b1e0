import { assert } from '../lib/assert.ts';
import type { MeasuredPoint } from '../metrics/measured.ts';
import { SLOT_NAMES, type SlotName } from '../release/slot.ts';
import type { ApartCounts, CountsRow } from './counts-row.ts';
import type { IdentitySecond, ReplicaSecond } from './counts.ts';

/**
 * One row as bytes: a list of replicas, then a list of identities, each list led by its length. Every number is a
 * whole one and written as a varint (LEB128, 7 bits a byte, low bits first); histogram buckets as distances. The second
 * is the row's key and not repeated. About a fifth of the same row as JSON. What was measured elsewhere comes last, as JSON, and only
 * where there is some: it comes once in many seconds. What is counted apart stands before it, led by a 0, which no text of
 * measures begins with.
 */
export function encodeRow(row: CountsRow): Uint8Array {
  const out: number[] = [];
  put(out, row.replicas.length);
  for (const replica of row.replicas) putReplica(out, replica);
  put(out, row.identities.length);
  for (const identity of row.identities) putIdentity(out, identity);
  if (row.apart !== undefined) putApart(out, row.apart);
  if (row.measured !== undefined) putMeasured(out, row.measured);
  return Uint8Array.from(out);
}

export function decodeRow(second: number, bytes: Uint8Array): CountsRow {
  const input = { bytes, at: 0 };
  const replicas = list(input, () => takeReplica(input, second));
  const identities = list(input, () => takeIdentity(input, second));
  const apart = bytes[input.at] === 0 ? { apart: takeApart(input, second) } : {};
  const row = { second, replicas, identities, ...apart };
  if (input.at === bytes.length) return row;
  const measured = takeMeasured(input);
  assert(input.at === bytes.length, 'a row of counts is longer than what it holds');
  return { ...row, measured };
}

type Input = { readonly bytes: Uint8Array; at: number };

function putApart(out: number[], { mirrored, copied, overrides, dropped }: ApartCounts): void {
  put(out, 0);
  for (const lane of [mirrored, copied, overrides]) {
    put(out, lane.length);
    for (const replica of lane) putReplica(out, replica);
  }
  put(out, dropped);
}

function takeApart(input: Input, second: number): ApartCounts {
  take(input);
  const lane = (): readonly ReplicaSecond[] => list(input, () => takeReplica(input, second));
  return { mirrored: lane(), copied: lane(), overrides: lane(), dropped: take(input) };
}

function putMeasured(out: number[], points: readonly MeasuredPoint[]): void {
  const text = new TextEncoder().encode(JSON.stringify(points));
  put(out, text.length);
  for (const byte of text) out.push(byte);
}

function takeMeasured(input: Input): readonly MeasuredPoint[] {
  const length = take(input);
  assert(length > 0 && input.at + length <= input.bytes.length, 'measures in a row of samples are cut');
  const text = new TextDecoder().decode(input.bytes.subarray(input.at, input.at + length));
  input.at += length;
  return JSON.parse(text) as readonly MeasuredPoint[];
}

function putReplica(out: number[], replica: ReplicaSecond): void {
  const { classes, latency } = replica;
  put(out, SLOT_NAMES.indexOf(replica.slot));
  put(out, replica.replica);
  put(out, replica.attempts);
  put(out, replica.requests);
  put(out, classes.ok);
  put(out, classes.clientError);
  put(out, classes.serverError);
  put(out, classes.connectFailure);
  put(out, classes.timeout);
  put(out, classes.clientAbort);
  put(out, latency.length);
  let former = 0;
  for (const [bucket, count] of latency) {
    put(out, bucket - former);
    put(out, count);
    former = bucket;
  }
}

function takeReplica(input: Input, second: number): ReplicaSecond {
  const slot = takeSlot(input);
  const replica = take(input);
  const attempts = take(input);
  const requests = take(input);
  const classes = {
    ok: take(input),
    clientError: take(input),
    serverError: take(input),
    connectFailure: take(input),
    timeout: take(input),
    clientAbort: take(input),
  };
  let bucket = 0;
  const latency = list(input, () => [(bucket += take(input)), take(input)] as const);
  return { second, slot, replica, attempts, requests, classes, latency };
}

function putIdentity(out: number[], identity: IdentitySecond): void {
  put(out, SLOT_NAMES.indexOf(identity.slot));
  put(out, identity.active);
  put(out, identity.assigned);
  put(out, identity.failed);
  put(out, identity.clientError);
  put(out, identity.records.length);
  for (const [from, to, count] of identity.records) {
    put(out, from + 1);
    put(out, to);
    put(out, count);
  }
}

function takeIdentity(input: Input, second: number): IdentitySecond {
  return {
    second,
    slot: takeSlot(input),
    active: take(input),
    assigned: take(input),
    failed: take(input),
    clientError: take(input),
    records: list(input, () => [take(input) - 1, take(input), take(input)] as const),
  };
}

function takeSlot(input: Input): SlotName {
  const slot = SLOT_NAMES[take(input)];
  assert(slot !== undefined, 'a row of counts names a third slot');
  return slot;
}

function list<T>(input: Input, one: () => T): readonly T[] {
  const length = take(input);
  assert(length <= input.bytes.length, 'a list in a row of counts is longer than the row');
  return Array.from({ length }, one);
}

/** Division, not shifts: counts of a busy minute may pass 31 bits. */
function put(out: number[], value: number): void {
  assert(Number.isSafeInteger(value) && value >= 0, `a count is a whole number of at least 0, not ${value}`);
  let rest = value;
  while (rest >= 128) {
    out.push((rest % 128) + 128);
    rest = Math.floor(rest / 128);
  }
  out.push(rest);
}

function take(input: Input): number {
  let value = 0;
  let scale = 1;
  for (;;) {
    const byte = input.bytes[input.at++];
    assert(byte !== undefined, 'a row of counts ends too soon');
    value += (byte % 128) * scale;
    if (byte < 128) return value;
    scale *= 128;
  }
}
