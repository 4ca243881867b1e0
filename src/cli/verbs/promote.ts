import type { RolloutView } from '../../controller/views.ts';
import { OperatingError } from '../../lib/errors.ts';
import { shownStep } from '../rollout-words.ts';
import { overrideOf, ofService, wholeNumber } from '../values.ts';
import type { Verb } from '../verb.ts';
import { rolloutUnderWay, steer } from './steer.ts';

export const promote: Verb = {
  configure: (command) =>
    command
      .option('--full', 'to 100 %, past all other steps')
      .option(
        '--from-step <n>',
        'only from this step (the 2 of `step 2/4`); past it already is nothing to do',
      )
      .option('--override-freeze', 'in spite of a freeze that holds it; needs --reason')
      .option('--reason <why>', 'why a freeze is overridden; kept in the audit'),
  run: async (context) => {
    const { args, options, client } = context;
    const fromStep =
      options['fromStep'] === undefined ? null : wholeNumber('--from-step', options['fromStep'], 1);
    const overrideFreeze = overrideOf(options);
    const params = ofService(args[0]);
    const rollout = await rolloutUnderWay(client, params, 'promote');
    const seen = fromStep === null ? rollout.stepIndex : indexOf(rollout, fromStep);
    const full = options['full'] === true;
    const body = { fromStep: seen, full, overrideFreeze };
    return steer(context, 'POST /services/{service}/promote', { params, body });
  },
};

/** People count shares; the server counts every step. Where the rollout stands at the number, it is this very step. */
function indexOf(rollout: RolloutView, shown: number): number {
  if (shownStep(rollout, rollout.stepIndex) === shown) return rollout.stepIndex;
  const found = rollout.steps.findIndex((_step, index) => shownStep(rollout, index) === shown);
  if (found >= 0) return found;
  throw new OperatingError(
    'USAGE',
    `--from-step ${shown}: ${rollout.id} has ${shownStep(rollout, rollout.steps.length)} steps. Nothing changed.`,
    { retryable: false },
  );
}
