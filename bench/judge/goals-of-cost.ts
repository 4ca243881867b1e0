/** G14, and what many judges at once may take. */
import type { Costs } from './cost.ts';
import type { Goal } from './goals.ts';

const MOST_MICROS = 50;
const MOST_STATE_BYTES = 8192;
const MOST_CORE_PART = 0.1;
/** After an hour more: a state may have longer numbers, not more of them. */
const MOST_GROWN_BYTES = 500;
const MOST_ALLOCATED_TIMES = 1.25;

export function costGoals({ rows, live }: Costs): readonly Goal[] {
  const ten = rows.filter((one) => one.checks === 10);
  const micros = Math.max(...ten.map((one) => one.secondMicros));
  const state = Math.max(...rows.map((one) => one.packedBytes));
  const grown = Math.max(...rows.map((one) => one.laterBytes - one.stateBytes));
  const allocated = Math.max(...rows.map((one) => one.allocatedLater / one.allocated));
  return [
    {
      id: 'G14',
      says: `a second judged, 10 checks, 10 to 1,000 requests a second: ${MOST_MICROS} µs of CPU`,
      found: `${micros.toFixed(1)} µs`,
      word: wordOf(micros <= MOST_MICROS),
    },
    {
      id: 'G14',
      says: `state, JSON as written (deflated), 10 checks as well: ${MOST_STATE_BYTES} bytes`,
      found: `${state} bytes`,
      word: wordOf(state <= MOST_STATE_BYTES),
    },
    {
      id: 'G14',
      says: `state after an hour more: ${MOST_GROWN_BYTES} bytes longer`,
      found: `${grown} bytes`,
      word: wordOf(grown <= MOST_GROWN_BYTES),
    },
    {
      id: 'G14',
      says: `memory asked for by a second, after an hour more: ${MOST_ALLOCATED_TIMES} times as much`,
      found: `${allocated.toFixed(2)} times`,
      word: wordOf(allocated <= MOST_ALLOCATED_TIMES),
    },
    ...live.map((one) => ({
      id: 'G14',
      says: `1,000 live judges, ${one.checks} checks: under ${100 * MOST_CORE_PART} % of a core`,
      found: `${(100 * one.part).toFixed(1)} %`,
      word: wordOf(one.part < MOST_CORE_PART),
    })),
  ];
}

function wordOf(isMet: boolean): Goal['word'] {
  return isMet ? 'met' : 'MISSED';
}
