import type { HttpAnswer } from '../../metrics/http-client.ts';
import type { GrafanaConnection } from '../../release/notify-channel.ts';
import type { Channel } from '../channel.ts';
import type { Message } from '../message.ts';
import { outcomeOf, post, type Reveal } from '../post.ts';
import { annotation, continued } from './render.ts';

/** Annotations of Grafana: each rollout is one, from its beginning to its end. */
export function grafanaChannel(connection: GrafanaConnection, reveal: Reveal): Channel {
  const { name, kind, url, dashboard } = connection;
  const at = `${url.replace(/\/+$/u, '')}/api/annotations`;
  const where = dashboard === null ? {} : { dashboardUID: dashboard };
  return {
    name,
    kind,
    send: async (message, thread, signal) => {
      const token = await reveal(connection.token);
      if (typeof token !== 'string') return token;
      const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
      const ask = (method: 'POST' | 'PATCH', to: string, body: object) =>
        post({ method, url: to, headers, body: JSON.stringify(body), connection }, signal);
      if (thread !== null) {
        const answer = await ask('PATCH', `${at}/${thread}`, continued(message));
        // Somebody took it away: what is told now is told anew.
        if (!('kind' in answer && answer.kind === 'answer' && answer.status === 404))
          return outcomeOf(answer, thread);
      }
      const answer = await ask('POST', at, { ...where, ...annotation(message) });
      return outcomeOf(answer, idOf(answer, message));
    },
  };
}

/** A test has no rollout that could go on. */
function idOf(answer: HttpAnswer | object, { notice }: Message): string | null {
  if (notice === null || !('kind' in answer) || answer.kind !== 'answer') return null;
  return /"id"\s*:\s*(\d{1,15})\b/u.exec(answer.text)?.[1] ?? null;
}
