import type { Verb } from '../verb.ts';
import { ofRollout } from '../values.ts';
import { steer } from './steer.ts';

export const retry: Verb = {
  run: (context) =>
    steer(context, 'POST /rollouts/{rollout}/retry', { params: ofRollout(context.args[0]), body: {} }),
};
