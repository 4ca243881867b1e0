import type { WebhookConnection } from '../../release/notify-channel.ts';
import type { Channel } from '../channel.ts';
import { failure, outcomeOf, post, type Reveal } from '../post.ts';
import { cloudEvent, LEAST_SECRET, signature } from './render.ts';

export type WebhookParts = {
  readonly reveal: Reveal;
  /** The wall clock. */
  readonly nowMs: () => number;
  /** Which server this is: `/bascule/HOST`. */
  readonly source: string;
};

/** A program that is told: one signed POST, taken with any 2xx. */
export function webhookChannel(
  connection: WebhookConnection,
  { reveal, nowMs, source }: WebhookParts,
): Channel {
  const { name, kind, url } = connection;
  return {
    name,
    kind,
    send: async (message, _thread, signal) => {
      const secret = await reveal(connection.secret);
      if (typeof secret !== 'string') return secret;
      if (secret.length < LEAST_SECRET)
        return failure(`its secret is shorter than ${LEAST_SECRET} characters`, { again: false });
      const body = cloudEvent(message, source);
      const headers = signature({ id: message.id, seconds: Math.floor(nowMs() / 1000), body }, secret);
      const type = { 'content-type': 'application/cloudevents+json; charset=utf-8' };
      const answer = await post({ url, headers: { ...type, ...headers }, body, connection }, signal);
      return outcomeOf(answer, null);
    },
  };
}
