import { percentOf, servicePath } from '../values.ts';
import type { Verb } from '../verb.ts';
import { steer } from './steer.ts';

export const weight: Verb = {
  configure: (command) => command.option('--yes', 'also above the highest share of the plan'),
  run: (context) => {
    const { args, options } = context;
    const percent = percentOf(args[1] ?? '');
    return steer(context, 'POST', `${servicePath(args[0])}/weight`, {
      percent,
      beyondPlan: options['yes'] === true,
    });
  },
};
