import type { Upstream } from '../../lib/upstream.ts';
import { formatAddress } from '../../lib/address.ts';
import { SLOT_NAMES, type SlotName } from '../../release/slot.ts';
import type { Attempt, LogRecord, ParseLine } from '../access-log/record.ts';
import { CLASS, type ClassIndex, classOfStatus } from '../tally.ts';

/** A request is counted, and its connection let go of, when its copy has ended as well. */
export const MOST_COPY_MS = 5000;

/** Begins every line, so that one which follows a torn one is found. */
const MARK = 'b1';

/** The fields in their order; what clients write comes last, and nginx escapes tabs in it. */
export function logFormat(identity: string | null): string {
  return [
    MARK,
    '$time_iso8601',
    '$bascule_slot',
    '$status',
    '$request_completion',
    '$upstream_addr',
    '$upstream_status',
    '$upstream_header_time',
    '$upstream_response_length',
    '$upstream_http_content_length',
    '$bascule_preview',
    identity ?? '-',
  ].join('\t');
}

const FIELDS = 12;
/** Tries of one pass are divided by commas, those after an internal redirect by a colon. */
const BETWEEN = /, | : /;

/** Addresses that several replicas have in common count for the first one. */
export function lineParser(slots: Readonly<Record<SlotName, readonly Upstream[]>>): ParseLine {
  const replicas = new Map<string, { readonly slot: SlotName; readonly replica: number }[]>();
  for (const slot of SLOT_NAMES) {
    for (const [replica, address] of slots[slot].entries()) {
      const key = formatAddress(address);
      replicas.set(key, [...(replicas.get(key) ?? []), { slot, replica }]);
    }
  }
  // One after the other, lines say the same time.
  let time = '';
  let second = 0;
  return (line) => {
    const fields = line.slice(Math.max(0, line.lastIndexOf(`${MARK}\t`))).split('\t');
    if (fields.length !== FIELDS || fields[0] !== MARK) return null;
    if (fields[1] !== time) second = Date.parse((time = fields[1]!)) / 1000;
    const status = Number(fields[3]);
    if (!(second > 0) || !(status >= 0)) return null;
    const identity = fields[11]!;
    const apart = apartOf(fields, replicas);
    return {
      second,
      attempts: fields[10] === 'w' || apart.instead !== undefined ? [] : attemptsOf(fields, status, replicas),
      identity: identity === '-' || identity === '' ? null : identity,
      isPreview: fields[10] === 'p',
      ...apart,
    };
  };
}

/** A copy for which no replica was asked was not sent. */
function apartOf(
  fields: readonly string[],
  replicas: Replicas,
): Pick<LogRecord, 'by' | 'instead' | 'copiedWithinMs'> {
  if (fields[10] === 'c' || fields[10] === 'hc') return { copiedWithinMs: MOST_COPY_MS };
  if (fields[10] === 'o') return { by: 'override' };
  // It ended where it waited: turned away, or its client left.
  if (fields[10] === 'w') return fields[3] === '503' ? { instead: 'holdRefused' } : {};
  if (fields[10] !== 'm') return {};
  return replicas.has(fields[5]!) ? { by: 'mirror' } : { by: 'mirror', instead: 'mirrorDropped' };
}

type Replicas = ReadonlyMap<string, readonly { readonly slot: SlotName; readonly replica: number }[]>;

function attemptsOf(fields: readonly string[], status: number, replicas: Replicas): Attempt[] {
  const [, , outcome, , completion, addressList, statusList, timeList, lengthList, promised] = fields;
  const [slot, standIn] = outcome!.split('-') as [SlotName, SlotName?];
  if (!SLOT_NAMES.includes(slot) || addressList === '-') return [];
  // The first of one that waited in a hold is the waiting.
  const from = fields[10]!.startsWith('h') ? 1 : 0;
  const [addresses, statuses, times, lengths] = [addressList!, statusList!, timeList!, lengthList!].map(
    (list) => triesIn(list).slice(from),
  ) as [string[], string[], string[], string[]];
  const last = addresses.length - 1;
  const attempts: Attempt[] = [];
  // Nobody in its own slot was asked, because nobody there is well.
  if (standIn !== undefined)
    attempts.push({ slot, replica: 0, classIndex: CLASS.connectFailure, latencyMs: null });
  for (const [index, address] of addresses.entries()) {
    const all = replicas.get(address) ?? [];
    const at = all.find((one) => one.slot === (standIn ?? slot)) ?? all[0];
    // A name of a group: none of its servers was tried, as all had just failed.
    const place = at ?? { slot, replica: 0 };
    const answered = times[index] !== undefined && times[index] !== '-' && times[index] !== '';
    const ended = index < last ? 'OK' : completion!;
    const whole = !answered || index < last || isWhole(lengths[index], promised!);
    const classIndex = classOf({ status: Number(statuses[index]), final: status, answered, ended, whole });
    attempts.push({ ...place, classIndex, latencyMs: answered ? Number(times[index]) * 1000 : null });
  }
  return attempts;
}

/** Nearly always one. */
function triesIn(list: string): string[] {
  return list.includes(' ') ? list.split(BETWEEN) : [list];
}

type Ending = {
  /** Of this try. */
  readonly status: number;
  /** Of the whole request. */
  readonly final: number;
  readonly answered: boolean;
  /** `OK`, or empty where the client did not get all of it. */
  readonly ended: string;
  readonly whole: boolean;
};

function classOf({ status, final, answered, ended, whole }: Ending): ClassIndex {
  if (!answered) {
    if (ended === '' && (final === 499 || !(status >= 500))) return CLASS.clientAbort;
    return status === 504 ? CLASS.timeout : CLASS.connectFailure;
  }
  if (ended === '') return CLASS.clientAbort;
  return whole ? classOfStatus(status) : CLASS.connectFailure;
}

/** Shorter than its Content-Length; nothing at all is the answer to HEAD. One in chunks cannot be told. */
function isWhole(length: string | undefined, promised: string): boolean {
  const [got, wanted] = [Number(length), Number(promised)];
  return !(got > 0 && wanted > got);
}
