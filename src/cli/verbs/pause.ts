import type { Verb } from '../verb.ts';
import { servicePath } from '../values.ts';
import { steer } from './steer.ts';

export const pause: Verb = {
  name: 'pause',
  group: 'Steer',
  describe: 'stop advancing; harm and severe faults still act',
  configure: (command) => command.argument('<service>'),
  run: (context) => steer(context, 'POST', `${servicePath(context.args[0])}/pause`, {}),
};
