import type { ServiceView } from '../../controller/views.ts';
import { OperatingError } from '../../lib/errors.ts';
import { reasonOf, servicePath } from '../values.ts';
import type { Context, Verb } from '../verb.ts';
import { steer } from './steer.ts';

export const approve: Verb = agreeing('approve');
export const reject: Verb = agreeing('reject');

/** About the very rollout and step that were there when it was asked for. */
function agreeing(verb: 'approve' | 'reject'): Verb {
  return {
    configure: (command) => command.option('--reason <why>', 'why; kept in the audit and with the rollout'),
    run: async (context: Context) => {
      const { args, options, client } = context;
      const reason = reasonOf(options['reason']);
      const path = servicePath(args[0]);
      const { service } = await client.get<{ service: ServiceView }>(path);
      const { rollout } = service;
      if (rollout === null) {
        throw new OperatingError(
          'NO_ROLLOUT',
          `no rollout of ${service.name} is under way, so there is nothing to ${verb}. Nothing changed.`,
          { retryable: false },
        );
      }
      return steer(context, 'POST', `${path}/${verb}`, {
        rollout: rollout.id,
        step: rollout.stepIndex,
        reason,
      });
    },
  };
}
