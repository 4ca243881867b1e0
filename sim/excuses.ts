import type { Cause } from '../src/rollout/state.ts';
import type { Fault } from './faults.ts';

/** What takes answers from a version's users while nothing is wrong with it. */
const TAKES_ANSWERS: readonly Fault[] = [
  'replica crashes',
  'replica hangs',
  'candidate dies',
  // After its promotion the new version is stable itself.
  'stable dies',
  'proxy restarts',
  'proxy forgets',
  'machine restarts',
];
/** What keeps the judge from seeing a version, or from seeing stable beside it. */
const BLINDS: readonly Fault[] = [...TAKES_ANSWERS, 'counts lost', 'proxy away'];
/** What an effect may fail of, or last too long of. */
const HINDERS: readonly Fault[] = [
  'killed',
  'slow effect',
  'failing effect',
  'lost effect',
  'disk full',
  'proxy away',
  'proxy restarts',
  'proxy forgets',
];

/**
 * The faults that may bring a rollout to an end of this cause although nothing else speaks for it: one that struck in its
 * lifetime or shortly before. Nothing excuses a cause that is not there.
 */
export const EXCUSES: Readonly<Record<Cause, readonly Fault[]>> = {
  promoted: BLINDS,
  harmful: TAKES_ANSWERS,
  severe: TAKES_ANSWERS,
  watch: TAKES_ANSWERS,
  // An attempt that was not listened to was perhaps the one that held.
  verify: ['killed', 'failing effect', 'lost effect', 'effect done twice', 'machine restarts'],
  start: [...HINDERS, 'replica crashes', 'replica hangs', 'candidate dies', 'machine restarts'],
  gate: [...HINDERS, 'replica crashes', 'replica hangs', 'candidate dies', 'machine restarts'],
  route: HINDERS,
  unsure: [],
  person: [],
  superseded: [],
  machine: [],
};
