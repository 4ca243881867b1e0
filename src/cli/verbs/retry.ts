import type { Verb } from '../verb.ts';
import { rolloutPath } from '../values.ts';
import { steer } from './steer.ts';

export const retry: Verb = {
  run: (context) => steer(context, 'POST', `${rolloutPath(context.args[0])}/retry`, {}),
};
