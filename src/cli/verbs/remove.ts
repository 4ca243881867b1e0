import { OperatingError } from '../../lib/errors.ts';
import type { Verb } from '../verb.ts';
import { ofService } from '../values.ts';
import { steer } from './steer.ts';

export const remove: Verb = {
  configure: (command) => command.option('--yes', 'it is meant'),
  run: async (context) => {
    const [name] = context.args;
    if (context.options['yes'] !== true) {
      throw new OperatingError(
        'USAGE',
        `remove closes the door of ${name} and stops all of it; give --yes if you mean it. Nothing was done.`,
        { retryable: false },
      );
    }
    return steer(context, 'DELETE /services/{service}', { params: ofService(name) });
  },
};
