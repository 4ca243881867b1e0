import type { Verb } from '../verb.ts';
import { servicePath, steer } from './steer.ts';

export const rollback: Verb = {
  name: 'rollback',
  group: 'Steer',
  describe: 'to the last good version, or the one named: a switch while it is warm, else a fast deploy',
  configure: (command) => command.argument('<service>').argument('[version]'),
  run: (context) =>
    steer(context, 'POST', `${servicePath(context.args[0])}/rollback`, { label: context.args[1] ?? null }),
};
