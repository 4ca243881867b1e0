import type { Verb } from '../verb.ts';
import { rolloutPath } from '../values.ts';
import { steer } from './steer.ts';

export const retry: Verb = {
  name: 'retry',
  group: 'Steer',
  describe: 'a new rollout of the same release',
  configure: (command) => command.argument('<rollout>'),
  run: (context) => steer(context, 'POST', `${rolloutPath(context.args[0])}/retry`, {}),
};
