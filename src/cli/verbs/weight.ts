import { percentOf, ofService } from '../values.ts';
import type { Verb } from '../verb.ts';
import { steer } from './steer.ts';

export const weight: Verb = {
  configure: (command) => command.option('--yes', 'also above the highest share of the plan'),
  run: (context) => {
    const { args, options } = context;
    const percent = percentOf(args[1] ?? '');
    return steer(context, 'POST /services/{service}/weight', {
      params: ofService(args[0]),
      body: { percent, beyondPlan: options['yes'] === true },
    });
  },
};
