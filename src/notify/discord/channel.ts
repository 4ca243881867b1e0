import type { DiscordConnection } from '../../release/notify-channel.ts';
import type { HttpAnswer } from '../../metrics/http-client.ts';
import type { Channel } from '../channel.ts';
import { cut } from '../cut.ts';
import { isTrouble } from '../notice.ts';
import { failure, outcomeOf, post, type Reveal } from '../post.ts';
import { discordMessage } from './render.ts';

const JSON_TYPE = { 'content-type': 'application/json; charset=utf-8' };
const MOST_OF_NAME = 100;

/** A webhook of a Discord channel. In a forum each rollout is a thread, which its first message makes. */
export function discordChannel(connection: DiscordConnection, reveal: Reveal): Channel {
  const { name, kind, forum } = connection;
  return {
    name,
    kind,
    send: async (message, thread, signal) => {
      const secret = await reveal(connection.url);
      if (typeof secret !== 'string') return secret;
      if (!URL.canParse(secret)) return failure('its secret holds no http or https URL', { again: false });
      const url = new URL(secret);
      if (forum) url.searchParams.set('wait', 'true');
      if (forum && thread !== null) url.searchParams.set('thread_id', thread);
      const body = JSON.stringify({
        ...discordMessage(message),
        ...(forum && thread === null && { thread_name: cut(threadName(message), MOST_OF_NAME) }),
      });
      const answer = await post({ url: url.href, headers: JSON_TYPE, body, connection }, signal);
      return outcomeOf(answer, forum ? (thread ?? threadOf(answer)) : null);
    },
  };
}

function threadName({ title, notice }: Parameters<typeof discordMessage>[0]): string {
  return notice === null || isTrouble(notice)
    ? title
    : `${notice.service} ${notice.label} (${notice.rollout})`;
}

/** The thread is a channel of its own, and its first message says which. */
function threadOf(answer: HttpAnswer | object): string | null {
  if (!('kind' in answer) || answer.kind !== 'answer') return null;
  return /"channel_id"\s*:\s*"(\d{5,25})"/u.exec(answer.text)?.[1] ?? null;
}
