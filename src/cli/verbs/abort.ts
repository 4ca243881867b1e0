import type { Verb } from '../verb.ts';
import { servicePath } from '../values.ts';
import { steer } from './steer.ts';

export const abort: Verb = {
  configure: (command) => command.option('--rollout <id>', 'only this one, if it is still under way'),
  run: (context) =>
    steer(context, 'POST', `${servicePath(context.args[0])}/abort`, {
      rollout: context.options['rollout'] ?? null,
    }),
};
