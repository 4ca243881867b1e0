import { hostname } from 'node:os';
import type { Channel, ChannelView } from './notify/channel.ts';
import { describeChannel } from './notify/described.ts';
import { discordChannel } from './notify/discord/channel.ts';
import { emailChannel } from './notify/email/channel.ts';
import { grafanaChannel } from './notify/grafana/channel.ts';
import { openOutbox, type Outbox } from './notify/outbox.ts';
import type { CourierParts } from './notify/courier.ts';
import { revealing, type Reveal } from './notify/post.ts';
import { slackChannel } from './notify/slack/channel.ts';
import { teamsChannel } from './notify/teams/channel.ts';
import { webhookChannel } from './notify/webhook/channel.ts';
import type { ChannelConnection } from './release/notify-channel.ts';
import { serverSecrets } from './server-secrets.ts';
import type { SecretOptions } from './workload/secrets.ts';

type ChannelOptions = {
  readonly connections: readonly ChannelConnection[];
  readonly secrets: Omit<SecretOptions, 'allowedEnv'>;
  readonly parts: Omit<CourierParts, 'count'>;
};

export type Channels = Outbox & {
  /** As the file has them; their secrets are read for it. */
  described(): Promise<readonly ChannelView[]>;
};

/** Every channel of the server's file, and what brings messages to them. */
export function openChannels({ connections, secrets, parts }: ChannelOptions): Channels {
  const reveal = revealing(serverSecrets(connections, secrets));
  const source = `/bascule/${encodeURIComponent(hostname())}`;
  const { nowMs } = parts;
  const outbox = openOutbox(
    connections.map((rules) => ({ rules, channel: open(rules, { reveal, nowMs, source }) })),
    parts,
  );
  return {
    ...outbox,
    described: async () => {
      const counts = outbox.counts();
      const views = await Promise.all(connections.map((one) => describeChannel(one, reveal)));
      return views.map((view, index) => ({ ...view, counts: { ...counts[index]!.counts } }));
    },
  };
}

type Parts = { readonly reveal: Reveal; readonly nowMs: () => number; readonly source: string };

function open(connection: ChannelConnection, parts: Parts): Channel {
  switch (connection.kind) {
    case 'webhook':
      return webhookChannel(connection, parts);
    case 'slack':
      return slackChannel(connection, parts.reveal);
    case 'teams':
      return teamsChannel(connection, parts.reveal);
    case 'discord':
      return discordChannel(connection, parts.reveal);
    case 'grafana':
      return grafanaChannel(connection, parts.reveal);
    case 'email':
      return emailChannel(connection, parts);
  }
}
