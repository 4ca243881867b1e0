import type { Verb } from '../verb.ts';
import { servicePath } from '../values.ts';
import { steer } from './steer.ts';

export const resume: Verb = {
  run: (context) => steer(context, 'POST', `${servicePath(context.args[0])}/resume`, {}),
};
