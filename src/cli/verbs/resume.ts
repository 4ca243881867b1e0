import type { Verb } from '../verb.ts';
import { servicePath } from '../values.ts';
import { steer } from './steer.ts';

export const resume: Verb = {
  name: 'resume',
  group: 'Steer',
  describe: 'go on after pause or weight',
  configure: (command) => command.argument('<service>'),
  run: (context) => steer(context, 'POST', `${servicePath(context.args[0])}/resume`, {}),
};
