import type { ChannelConnection } from '../release/notify-channel.ts';
import type { SecretRef } from '../release/source-connection.ts';
import type { ChannelView } from './channel.ts';
import type { Reveal } from './post.ts';

/** Where a channel goes, without anything that lets somebody post there, and what it lacks. */
export async function describeChannel(
  connection: ChannelConnection,
  reveal: Reveal,
): Promise<Omit<ChannelView, 'counts'>> {
  const { name, kind, services, about, timeoutMs } = connection;
  const { host, trouble } = await placeOf(connection, reveal);
  return { name, kind, host, trouble, services, about, timeoutMs };
}

type Place = Pick<ChannelView, 'host' | 'trouble'>;

async function placeOf(connection: ChannelConnection, reveal: Reveal): Promise<Place> {
  switch (connection.kind) {
    case 'webhook':
      return known(new URL(connection.url).host, connection.secret, reveal);
    case 'grafana':
      return known(new URL(connection.url).host, connection.token, reveal);
    case 'email': {
      const { server, auth } = connection;
      return known(`${server.host}:${server.port}`, auth?.password ?? null, reveal);
    }
    case 'slack': {
      const { by } = connection;
      return by.how === 'bot' ? known(new URL(by.api).host, by.token, reveal) : hidden(by.url, reveal);
    }
    case 'teams':
    case 'discord':
      return hidden(connection.url, reveal);
  }
}

async function known(host: string, secret: SecretRef | null, reveal: Reveal): Promise<Place> {
  const value = secret === null ? null : await reveal(secret);
  return { host, trouble: value === null || typeof value === 'string' ? null : value.why };
}

/** The whole address is the secret: its path lets anybody post. */
async function hidden(secret: SecretRef, reveal: Reveal): Promise<Place> {
  const value = await reveal(secret);
  if (typeof value !== 'string') return { host: null, trouble: value.why };
  if (!URL.canParse(value) || !/^https?:/u.test(value))
    return { host: null, trouble: 'its secret holds no http or https URL' };
  return { host: new URL(value).host, trouble: null };
}
