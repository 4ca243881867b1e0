import type { Verb } from '../verb.ts';
import { servicePath, versionOf } from '../values.ts';
import { steer } from './steer.ts';

export const rollback: Verb = {
  run: async (context) => {
    const [name, version] = context.args;
    const label = version === undefined ? null : versionOf('rollback', version);
    return steer(context, 'POST', `${servicePath(name)}/rollback`, { label });
  },
};
