import type { SteerAnswer } from '../api/api-types.ts';
import { messageOf } from '../lib/errors.ts';
import type { Context } from './verb.ts';

export type Keys = {
  /** What the keys do, and what the last one came to. */
  readonly says: readonly string[];
  readonly left: boolean;
  end(): void;
};

const HELP = 'p promote  s pause  a abort  w why  q leave (rollout goes on)';

/** Steering by single keys while a rollout is shown. None where nobody sits at a keyboard. */
export function keysFor(context: Context, id: string, changed: () => void): Keys | null {
  const { io, client } = context;
  if (io.onKey === null) return null;
  let said = '';
  let left = false;
  const say = (text: string) => {
    said = text;
    changed();
  };
  const act = async (key: string): Promise<void> => {
    const { rollout } = await client.ask('GET /rollouts/{rollout}', { params: { rollout: id } });
    const params = { service: rollout.service };
    const steer = async (verb: string, asked: () => Promise<SteerAnswer>) => {
      say(`${verb} …`);
      say((await asked()).message);
    };
    if (key === 'p')
      await steer('promote', () =>
        client.ask('POST /services/{service}/promote', { params, body: { fromStep: rollout.stepIndex } }),
      );
    if (key === 's') {
      const verb = rollout.paused ? 'resume' : 'pause';
      await steer(verb, () => client.ask(`POST /services/{service}/${verb}`, { params, body: {} }));
    }
    if (key === 'a')
      await steer('abort', () =>
        client.ask('POST /services/{service}/abort', { params, body: { rollout: id } }),
      );
    if (key === 'w') say(`bascule why ${id}`);
  };
  const end = io.onKey((key) => {
    if (key === 'q') {
      left = true;
      changed();
      return;
    }
    act(key).catch((error: unknown) => say(messageOf(error)));
  });
  return {
    get says() {
      return said === '' ? [HELP] : [HELP, said];
    },
    get left() {
      return left;
    },
    end,
  };
}
