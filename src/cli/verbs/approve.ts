import { reasonOf, ofService } from '../values.ts';
import type { Context, Verb } from '../verb.ts';
import { rolloutUnderWay, steer } from './steer.ts';

export const approve: Verb = agreeing('approve');
export const reject: Verb = agreeing('reject');

/** About the very rollout and step that were there when it was asked for. */
function agreeing(verb: 'approve' | 'reject'): Verb {
  return {
    configure: (command) => command.option('--reason <why>', 'why; kept in the audit and with the rollout'),
    run: async (context: Context) => {
      const { args, options, client } = context;
      const reason = reasonOf(options['reason']);
      const params = ofService(args[0]);
      const rollout = await rolloutUnderWay(client, params, verb);
      const body = { rollout: rollout.id, step: rollout.stepIndex, reason };
      return steer(context, `POST /services/{service}/${verb}`, { params, body });
    },
  };
}
