import type { HttpAnswer } from '../../metrics/http-client.ts';
import type { SlackConnection } from '../../release/notify-channel.ts';
import type { Channel, Sent } from '../channel.ts';
import { failure, outcomeOf, post, type Reveal } from '../post.ts';
import { slackMessage } from './render.ts';

const JSON_TYPE = { 'content-type': 'application/json; charset=utf-8' };
/** Errors of chat.postMessage that pass by themselves. */
const PASSING = new Set([
  'internal_error',
  'fatal_error',
  'service_unavailable',
  'request_timeout',
  'ratelimited',
  'rate_limited',
]);

/** An incoming webhook, or a bot, which alone can answer to an earlier message: one thread for each rollout. */
export function slackChannel(connection: SlackConnection, reveal: Reveal): Channel {
  const { name, kind, by } = connection;
  return {
    name,
    kind,
    send: async (message, thread, signal) => {
      const secret = await reveal(by.how === 'bot' ? by.token : by.url);
      if (typeof secret !== 'string') return secret;
      const rendered = slackMessage(message);
      if (by.how === 'webhook') {
        const body = JSON.stringify(rendered);
        return outcomeOf(await post({ url: secret, headers: JSON_TYPE, body, connection }, signal), null);
      }
      const body = JSON.stringify({
        ...rendered,
        channel: by.channel,
        ...(thread !== null && { thread_ts: thread }),
        // What needs somebody is shown in the channel as well.
        ...(thread !== null && message.level !== 'info' && { reply_broadcast: true }),
      });
      const headers = { ...JSON_TYPE, authorization: `Bearer ${secret}` };
      const answer = await post({ url: `${by.api}/chat.postMessage`, headers, body, connection }, signal);
      return botOutcome(answer, thread);
    },
  };
}

/** The API says 200 to what it refuses, and `ok: false` in its body. */
function botOutcome(answer: HttpAnswer | Extract<Sent, { ok: false }>, thread: string | null): Sent {
  const outcome = outcomeOf(answer, thread);
  if (!outcome.ok || 'ok' in answer || answer.kind !== 'answer') return outcome;
  const { ok, ts, error } = fieldsOf(answer.text);
  if (ok === true) return { ...outcome, thread: thread ?? (typeof ts === 'string' ? ts.slice(0, 40) : null) };
  const code =
    typeof error === 'string' && /^[a-z_]{1,60}$/u.test(error) ? error : 'what is no answer of Slack';
  return { ...failure(`Slack said ${code}`, { again: PASSING.has(code) }), status: answer.status };
}

function fieldsOf(text: string): Readonly<Record<string, unknown>> {
  try {
    const parsed: unknown = JSON.parse(text);
    return typeof parsed === 'object' && parsed !== null ? { ...parsed } : {};
  } catch {
    return {};
  }
}
