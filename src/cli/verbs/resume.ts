import type { Verb } from '../verb.ts';
import { ofService } from '../values.ts';
import { steer } from './steer.ts';

export const resume: Verb = {
  run: (context) =>
    steer(context, 'POST /services/{service}/resume', { params: ofService(context.args[0]), body: {} }),
};
