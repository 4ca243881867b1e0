import type { Action, Service, SteerAnswer } from '../api/api-types.ts';
import { ask } from '../api/client.ts';
import { live, whyNot } from '../api/live.svelte.ts';

export type Said = { readonly text: string; readonly good: boolean };

type More = { readonly note?: string; readonly percent?: number };

/** Gives a verb, about what is on the page: its rollout, its step. What the server says is the answer. */
export async function steer(service: Service, action: Action | 'retry', more: More): Promise<Said> {
  try {
    const answer = await give(service, action, more);
    live.note(answer.service);
    return { text: answer.message, good: true };
  } catch (error) {
    return { text: whyNot(error), good: false };
  }
}

function give(service: Service, action: Action | 'retry', { note, percent }: More): Promise<SteerAnswer> {
  const params = { service: service.name };
  const { rollout } = service;
  const about = { rollout: rollout?.id ?? null, step: rollout?.stepIndex ?? null, reason: note ?? null };
  const fromStep = rollout?.stepIndex ?? null;
  switch (action) {
    case 'promote':
      return ask('POST /services/{service}/promote', { params, body: { fromStep } });
    case 'promote-full':
      return ask('POST /services/{service}/promote', { params, body: { fromStep, full: true } });
    case 'pause':
      return ask('POST /services/{service}/pause', { params, body: {} });
    case 'resume':
      return ask('POST /services/{service}/resume', { params, body: {} });
    case 'weight':
      return ask('POST /services/{service}/weight', {
        params,
        body: { percent: percent ?? 0, beyondPlan: true },
      });
    case 'approve':
      return ask('POST /services/{service}/approve', { params, body: about });
    case 'reject':
      return ask('POST /services/{service}/reject', { params, body: about });
    case 'abort':
      return ask('POST /services/{service}/abort', { params, body: { rollout: about.rollout } });
    case 'rollback':
      return ask('POST /services/{service}/rollback', { params, body: {} });
    case 'retry':
      return ask('POST /rollouts/{rollout}/retry', { params: { rollout: service.last?.id ?? '' }, body: {} });
    default:
      throw new Error(`The dashboard has no ${action}.`);
  }
}
