import type { Verb } from '../verb.ts';
import { ofService, versionOf } from '../values.ts';
import { steer } from './steer.ts';

export const rollback: Verb = {
  run: async (context) => {
    const [name, version] = context.args;
    const label = version === undefined ? null : versionOf('rollback', version);
    return steer(context, 'POST /services/{service}/rollback', { params: ofService(name), body: { label } });
  },
};
