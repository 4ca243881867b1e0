import { percentOf, servicePath } from '../values.ts';
import type { Verb } from '../verb.ts';
import { steer } from './steer.ts';

export const weight: Verb = {
  name: 'weight',
  group: 'Steer',
  describe: 'set the share by hand: turns judging into advice until `resume`',
  configure: (command) =>
    command
      .argument('<service>')
      .argument('<percent>', '25 or 25%')
      .option('--yes', 'also above the highest share of the plan'),
  run: (context) => {
    const { args, options } = context;
    const percent = percentOf(args[1] ?? '');
    return steer(context, 'POST', `${servicePath(args[0])}/weight`, {
      percent,
      beyondPlan: options['yes'] === true,
    });
  },
};
