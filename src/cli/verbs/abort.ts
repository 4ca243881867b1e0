import type { Verb } from '../verb.ts';
import { ofService } from '../values.ts';
import { steer } from './steer.ts';

export const abort: Verb = {
  configure: (command) => command.option('--rollout <id>', 'only this one, if it is still under way'),
  run: (context) => {
    const { rollout } = context.options;
    return steer(context, 'POST /services/{service}/abort', {
      params: ofService(context.args[0]),
      body: { rollout: typeof rollout === 'string' ? rollout : null },
    });
  },
};
