import assert from 'node:assert/strict';
import { test } from 'node:test';
import { channels, type ChannelConnection } from '../release/notify-channel.ts';
import { describeChannel } from './described.ts';
import { failure } from './post.ts';

const WRITTEN = {
  ops: { kind: 'slack', url: 'file:slack' },
  bot: { kind: 'slack', token: 'file:bot', channel: 'C0123456789' },
  teams: { url: 'file:teams', services: ['shop'], about: 'waits' },
  forum: { kind: 'discord', url: 'file:discord' },
  mail: { kind: 'email', server: 'smtp://mail.example.com', from: 'b@x.org', to: ['o@x.org'] },
  grafana: { url: 'https://grafana.example.com:3000/below', token: 'file:grafana' },
  ci: { kind: 'webhook', url: 'https://ci.example.com/hooks/1', secret: 'file:ci' },
};
const SECRETS: Readonly<Record<string, string>> = {
  slack: 'https://hooks.slack.example/services/T0/B0/private',
  bot: 'xoxb-private',
  discord: 'not an address: private',
  grafana: 'glsa_private',
};

const reveal = async ({ name }: { readonly name: string }) =>
  SECRETS[name] ?? failure(`the secret file:${name} is not there`, { again: true });

test('a channel says where it goes and what it lacks, and nothing that lets anybody post there', async () => {
  const views = await Promise.all(
    channels.parse(WRITTEN).map((one: ChannelConnection) => describeChannel(one, reveal)),
  );

  assert.deepEqual(
    views.map(({ name, kind, host, trouble }) => [name, kind, host, trouble]),
    [
      ['ops', 'slack', 'hooks.slack.example', null],
      ['bot', 'slack', 'slack.com', null],
      ['teams', 'teams', null, 'the secret file:teams is not there'],
      ['forum', 'discord', null, 'its secret holds no http or https URL'],
      ['mail', 'email', 'mail.example.com:587', null],
      ['grafana', 'grafana', 'grafana.example.com:3000', null],
      ['ci', 'webhook', 'ci.example.com', 'the secret file:ci is not there'],
    ],
  );
  assert.deepEqual([views[2]!.services, views[2]!.about], [['shop'], 'waits']);
  assert.doesNotMatch(JSON.stringify(views), /private|services\/T0|hooks\/1/u);
});
