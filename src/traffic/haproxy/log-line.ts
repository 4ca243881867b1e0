import type { SlotName } from '../../release/slot.ts';
import type { Attempt, LogRecord, ParseLine } from '../access-log/record.ts';
import { CLASS, type ClassIndex, classOfStatus } from '../tally.ts';
import { holdName, otherSlot, parseBackend, parseServer, type ServerPlace } from './names.ts';

/** Begins every line of ours: other lines of HAProxy land in the same file. */
const MARK = 'bascule2';
const FIELDS = 10;
/** There is none. */
const NONE = '-';
/** An identity of its own. */
const NOBODY = '0';

/**
 * One line per request, when it is over. Nothing in it is written by clients: the identity comes as a hash.
 * `date()` is what the event loop saw last, to the microsecond.
 */
export const LOG_FORMAT = [
  MARK,
  '%[date(0,ms)]',
  '%b',
  '%s',
  '%ST',
  '%ts',
  '%rc',
  '%[var(txn.bascule_t1),sub(txn.bascule_t0)]',
  '%[var(txn.bascule_identity)]',
  '%pid',
].join(' ');

/**
 * Lines of other services, and of none, are nobody's here. `replicas`: how many of a slot are in use at the moment. `saw` is
 * told of every line of a request that came to a slot.
 */
export function lineParser(
  service: string,
  replicas: (slot: SlotName) => number,
  saw: (worker: number, backend: string) => void,
): ParseLine {
  const hold = holdName(service);
  return (line) => {
    const at = line.lastIndexOf(`${MARK} `);
    const fields = at < 0 ? [] : line.slice(at).split(' ');
    if (fields.length !== FIELDS) return null;
    const [, atMs, backend, server, status, ended, retries, latency, identity, worker] = fields;
    const second = Math.floor(Number(atMs) / 1000);
    if (!(second > 0)) return null;
    if (backend === hold) return waited(second, status === '503' && latency === NONE);
    const place = parseBackend(backend!);
    if (place === null || place.service !== service) return null;
    saw(Number(worker), backend!);
    const ending: Ending = {
      status: Number(status),
      ended: ended!,
      answered: latency !== NONE,
      isStream: place.lane === 'streams',
      latencyMs: latency === NONE ? null : Number(latency) / 1000,
    };
    return {
      second,
      attempts: attemptsOf(
        { asked: place.slot, server: parseServer(server!), retries: retries!, ending },
        replicas,
      ),
      identity: identity === NONE || identity === NOBODY ? null : identity!,
      isPreview: place.lane === 'preview',
      ...(place.lane === 'override' && { by: 'override' }),
      ...(identity === NONE && { isUnasked: true }),
    } satisfies LogRecord;
  };
}

/** What happened to it once it could go on is another line. */
function waited(second: number, isRefused: boolean): LogRecord {
  return {
    second,
    attempts: [],
    identity: null,
    isPreview: false,
    ...(isRefused && { instead: 'holdRefused' }),
  };
}

type Ending = {
  readonly status: number;
  /** Who ended it, and when: HAProxy's termination state. */
  readonly ended: string;
  /** A response head came from the application. */
  readonly answered: boolean;
  readonly isStream: boolean;
  readonly latencyMs: number | null;
};

type Tries = {
  /** The slot that the route had chosen. */
  readonly asked: SlotName;
  /** Whoever was tried last, or null where nobody was. */
  readonly server: ServerPlace | null;
  /** `2`, or `+2` where another server was tried than the first. */
  readonly retries: string;
  readonly ending: Ending;
};

function attemptsOf(
  { asked, server, retries, ending }: Tries,
  replicas: (slot: SlotName) => number,
): Attempt[] {
  // Left before anybody was asked, or nobody was there to ask.
  if (server === null) {
    const classIndex = ending.ended.startsWith('C') ? CLASS.clientAbort : CLASS.connectFailure;
    return [{ slot: asked, replica: 0, classIndex, latencyMs: null }];
  }
  const attempts: Attempt[] = [];
  const failed = Number(retries.replace('+', '')) || 0;
  const isElsewhere = retries.startsWith('+');
  const isStoodInFor = server.slot === otherSlot(asked);
  for (let i = 0; i < Math.max(failed, isStoodInFor ? 1 : 0); i += 1) {
    const place = isElsewhere || isStoodInFor ? anotherOf(asked, server, replicas(asked)) : server;
    attempts.push({ ...place, classIndex: CLASS.connectFailure, latencyMs: null });
  }
  attempts.push({ ...server, classIndex: classOf(ending), latencyMs: ending.latencyMs });
  return attempts;
}

/** HAProxy says who answered, not who did not: the first of the slot that it was not. */
function anotherOf(slot: SlotName, answered: ServerPlace, replicas: number): ServerPlace {
  const isFirst = answered.slot === slot && answered.replica === 0;
  return { slot, replica: isFirst && replicas > 1 ? 1 : 0 };
}

function classOf({ status, ended, answered, isStream }: Ending): ClassIndex {
  // Whoever ends a stream, it was answered: it has no other end.
  if (answered && (isStream || status === 101)) return classOfStatus(status);
  switch (ended[0]) {
    case '-':
      return answered ? classOfStatus(status) : CLASS.connectFailure;
    case 'C':
    case 'c':
      return CLASS.clientAbort;
    case 's':
      return ended[1] === 'C' || ended[1] === 'Q' ? CLASS.connectFailure : CLASS.timeout;
    case 'K':
      // What was in flight when its time was up, and was cut.
      return CLASS.timeout;
    default:
      return CLASS.connectFailure;
  }
}
