import type { TeamsConnection } from '../../release/notify-channel.ts';
import type { Channel } from '../channel.ts';
import { outcomeOf, post, type Reveal } from '../post.ts';
import { teamsMessage } from './render.ts';

const JSON_TYPE = { 'content-type': 'application/json; charset=utf-8' };

/** A workflow of Microsoft Teams. It says nothing about what it posted, so there are no threads. */
export function teamsChannel(connection: TeamsConnection, reveal: Reveal): Channel {
  const { name, kind } = connection;
  return {
    name,
    kind,
    send: async (message, _thread, signal) => {
      const url = await reveal(connection.url);
      if (typeof url !== 'string') return url;
      const body = JSON.stringify(teamsMessage(message));
      return outcomeOf(await post({ url, headers: JSON_TYPE, body, connection }, signal), null);
    },
  };
}
