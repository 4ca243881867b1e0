import type { FreezeBody, Service, SteerAnswer } from '../api/api-types.ts';
import { ask } from '../api/client.ts';
import { live, whyNot } from '../api/live.svelte.ts';
import type { ButtonVerb, Given } from './buttons.ts';

export type Said = { readonly text: string; readonly good: boolean };

/** Gives a verb, about what is on the page: its rollout, its step. What the server says is the answer. */
export function steer(service: Service, verb: ButtonVerb, given: Given): Promise<Said> {
  return saidBy(async () => {
    const answer = await give(service, verb, given);
    live.note(answer.service);
    return answer;
  });
}

/** The freezes of every service. */
export function steerAll(verb: ButtonVerb, given: Given): Promise<Said> {
  return saidBy(() =>
    verb === 'freeze'
      ? ask('POST /freeze', { body: freezeBody(given) })
      : ask('POST /unfreeze', { body: {} }),
  );
}

async function saidBy(giving: () => Promise<SteerAnswer>): Promise<Said> {
  try {
    return { text: (await giving()).message, good: true };
  } catch (error) {
    return { text: whyNot(error), good: false };
  }
}

function give(service: Service, verb: ButtonVerb, given: Given): Promise<SteerAnswer> {
  const params = { service: service.name };
  const { rollout } = service;
  const { note = null, percent = 0, forMs = null } = given;
  const about = { rollout: rollout?.id ?? null, step: rollout?.stepIndex ?? null, reason: note };
  const fromStep = rollout?.stepIndex ?? null;
  switch (verb) {
    case 'promote':
    case 'promote-full':
      return ask('POST /services/{service}/promote', {
        params,
        body: { fromStep, full: verb === 'promote-full', overrideFreeze: note },
      });
    case 'pause':
      return ask('POST /services/{service}/pause', { params, body: {} });
    case 'resume':
      return ask('POST /services/{service}/resume', { params, body: {} });
    case 'weight':
      return ask('POST /services/{service}/weight', { params, body: { percent, beyondPlan: true } });
    case 'approve':
      return ask('POST /services/{service}/approve', { params, body: about });
    case 'reject':
      return ask('POST /services/{service}/reject', { params, body: about });
    case 'abort':
      return ask('POST /services/{service}/abort', { params, body: { rollout: about.rollout } });
    case 'rollback':
    case 'rollback-to':
      return ask('POST /services/{service}/rollback', { params, body: { label: given.version ?? null } });
    case 'deploy':
    case 'supersede':
      return ask('POST /services/{service}/releases/{version}/deploy', {
        params: { ...params, version: given.version ?? '' },
        body: { supersede: verb === 'supersede', overrideFreeze: note },
      });
    case 'lock':
      return ask('POST /services/{service}/lock', { params, body: { reason: note ?? '', forMs } });
    case 'unlock':
      return ask('POST /services/{service}/unlock', { params, body: {} });
    case 'unlock-force':
      return ask('POST /services/{service}/unlock', { params, body: { force: true, reason: note } });
    case 'freeze':
      return ask('POST /services/{service}/freeze', { params, body: freezeBody(given) });
    case 'unfreeze':
      return ask('POST /services/{service}/unfreeze', { params, body: {} });
    default:
      throw new Error(`The dashboard has no ${verb}.`);
  }
}

function freezeBody(given: Given): FreezeBody {
  const { note, forMs, untilMs, alsoAdvancing } = given;
  return {
    reason: note ?? null,
    forMs: forMs ?? null,
    untilMs: untilMs ?? null,
    alsoAdvancing: alsoAdvancing ?? false,
  };
}
