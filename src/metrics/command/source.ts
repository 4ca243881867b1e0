import { createHash } from 'node:crypto';
import { messageOf } from '../../lib/errors.ts';
import type { CommandOutcome, CommandRunner } from '../../workload/command-runner.ts';
import {
  noData,
  sampleOf,
  shortened,
  sourceDown,
  type MeasureQuery,
  type MeasureSample,
  type MeasureWindow,
  type MetricSource,
} from '../source.ts';

const WITHIN_MS = 60_000;

/** A command of the release: the last line that it writes is the number, or its exit code is the answer. */
export function commandSource(runner: CommandRunner): MetricSource {
  return {
    async sample(query, window, signal) {
      const { release } = query.of;
      if (release === null) return sourceDown('the record of this version is gone');
      if (release.spec.run === null)
        return sourceDown('Bascule does not run this service, so it has no place for a command');
      let outcome: CommandOutcome;
      try {
        outcome = await runner.run(
          {
            release,
            command: query.text,
            // Two of one command never run at once, and none outlives its own window.
            withinMs: Math.min(WITHIN_MS, window.toMs - window.fromMs),
            name: `${query.of.role}-${createHash('sha256').update(query.text).digest('hex').slice(0, 12)}`,
            more: environmentOf(query, window),
          },
          signal,
        );
      } catch (error) {
        return sourceDown(messageOf(error));
      }
      return query.answer === 'exit-code' ? verdictOf(outcome) : numberOf(outcome);
    },
    // There is nothing to reach; what it does is seen when it runs.
    check: () => Promise.resolve(null),
  };
}

function environmentOf({ of }: MeasureQuery, { fromMs, toMs }: MeasureWindow): Record<string, string> {
  return {
    BASCULE_SLOT: of.slot,
    BASCULE_ROLE: of.role,
    BASCULE_WINDOW_FROM: String(Math.round(fromMs / 1000)),
    BASCULE_WINDOW_TO: String(Math.round(toMs / 1000)),
  };
}

/** A command that had to be ended did not answer: that is neither good nor bad. */
function verdictOf({ code, found, lines }: CommandOutcome): MeasureSample {
  if (code === null) return sourceDown(found);
  const last = lines.at(-1) ?? '';
  const says = shortened(last === '' ? found : `${found}: ${last}`);
  return { kind: 'value', value: code, count: null, ...(code !== 0 && { says }) };
}

function numberOf({ code, found, lines }: CommandOutcome): MeasureSample {
  const last = (lines.findLast((line) => line.trim() !== '') ?? '').trim();
  if (code !== 0) return sourceDown(last === '' ? found : `${found}: ${last}`);
  if (last === '') return noData('the command wrote nothing');
  if (/^[+-]?(?:nan|inf(?:inity)?)$/iu.test(last)) {
    return sampleOf(/nan/iu.test(last) ? Number.NaN : Number.POSITIVE_INFINITY);
  }
  const number = Number(last);
  return Number.isNaN(number) ? sourceDown(`the last line is no number: ${last}`) : sampleOf(number);
}
