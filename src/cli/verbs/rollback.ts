import type { Verb } from '../verb.ts';
import { servicePath, versionOf } from '../values.ts';
import { steer } from './steer.ts';

export const rollback: Verb = {
  name: 'rollback',
  group: 'Steer',
  describe: 'to the last good version, or the one named: a switch while it is warm, else a fast deploy',
  configure: (command) => command.argument('<service>').argument('[version]'),
  run: async (context) => {
    const [name, version] = context.args;
    const label = version === undefined ? null : versionOf('rollback', version);
    return steer(context, 'POST', `${servicePath(name)}/rollback`, { label });
  },
};
