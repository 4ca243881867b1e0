import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { discordMessage } from './discord/render.ts';
import { letterOf } from './email/render.ts';
import { annotation, continued } from './grafana/render.ts';
import { messageOf, testMessage, type Message } from './message.ts';
import { isTrouble } from './notice.ts';
import { NOTICES } from './notices-fixture.ts';
import { slackMessage } from './slack/render.ts';
import { teamsMessage } from './teams/render.ts';
import { cloudEvent, signature } from './webhook/render.ts';

/**
 * golden/FORMAT.txt holds every kind of message in that format. UPDATE_GOLDEN=1 writes them anew: read the difference
 * before it is committed.
 */
const UPDATE = process.env['UPDATE_GOLDEN'] === '1';
const AT = {
  id: '1234.0',
  atMs: Date.UTC(2026, 10, 30, 14, 9, 44),
  recorded: { seq: 1234, mac: 'ab'.repeat(32) },
};
const MESSAGES: readonly (readonly [string, Message])[] = [
  ...Object.entries(NOTICES).map(([name, notice]) => [name, messageOf(notice, AT)] as const),
  ['test', testMessage('ops', AT)],
];

const shown = (value: unknown): string => JSON.stringify(value, null, 2);
const FORMATS: Readonly<Record<string, (message: Message) => string>> = {
  slack: (message) => shown(slackMessage(message)),
  teams: (message) => shown(teamsMessage(message)),
  discord: (message) => shown(discordMessage(message)),
  email: (message) => {
    const { subject, messageId, inReplyTo, text } = letterOf(message, '/bascule/here');
    return `Subject: ${subject}\nMessage-ID: ${messageId}\nIn-Reply-To: ${inReplyTo ?? '-'}\n\n${text}`;
  },
  grafana: (message) => shown(message.notice?.kind === 'started' ? annotation(message) : continued(message)),
  webhook: (message) => shown(JSON.parse(cloudEvent(message, '/bascule/here'))),
};

for (const [format, render] of Object.entries(FORMATS)) {
  test(`every kind of message for ${format}`, () => {
    const file = join(import.meta.dirname, 'golden', `${format}.txt`);
    const text = MESSAGES.map(([name, message]) => `=== ${name}\n${render(message)}`).join('\n');
    if (UPDATE) writeFileSync(file, `${text}\n`);

    assert.equal(`${text}\n`, readFileSync(file, 'utf8'));
  });
}

describe('text of others stays text', () => {
  const hostile = messageOf(NOTICES['hostile']!, AT);

  test('no control character, and no line but in the reason', () => {
    const { title, facts, text } = hostile;
    const lines = [title, ...facts.flat(), ...text!.split('\n')].join('');
    // oxlint-disable-next-line eslint/no-control-regex -- finding them is the point
    assert.doesNotMatch(lines, /[\u0000-\u001f\u007f-\u009f\u202e]/u);
  });

  test('Slack: no mention, no link', () => {
    const said = JSON.stringify(slackMessage(hostile));
    const { blocks } = slackMessage(hostile) as { blocks: { type: string }[] };
    const read = JSON.stringify(blocks.filter(({ type }) => type !== 'header'));

    assert.doesNotMatch(read, /[<>]/u);
    assert.doesNotMatch((slackMessage(hostile) as { text: string }).text, /[<>]/u);
    assert.match(said, /&lt;!here&gt;/u);
  });

  test('Grafana: no element of HTML', () => {
    const { text } = annotation(hostile) as { text: string };

    assert.doesNotMatch(text, /[<>]/u);
    assert.match(text, /&lt;/u);
  });

  test('Discord: nobody is mentioned, and no Markdown is left', () => {
    const sent = discordMessage(hostile);
    const embeds = JSON.parse(JSON.stringify(sent['embeds'])) as { description: string; title: string }[];

    assert.deepEqual(sent['allowed_mentions'], { parse: [] });
    for (const text of [embeds[0]!.description, embeds[0]!.title, String(sent['content'])])
      assert.doesNotMatch(text.replaceAll(/\\[\s\S]/gu, ''), /[\\*_~`|<>@[\]()#]/u);
  });

  test('Teams: all text is in text runs, which know no Markdown', () => {
    const kinds = JSON.stringify(teamsMessage(hostile)).match(/"type":"[A-Za-z]+"/gu);

    assert.deepEqual([...new Set(kinds)].sort(), [
      '"type":"AdaptiveCard"',
      '"type":"RichTextBlock"',
      '"type":"TextRun"',
      '"type":"message"',
    ]);
  });

  test('e-mail: the subject is one line', () => {
    assert.doesNotMatch(letterOf(hostile, 's').subject, /[\r\n]/u);
  });
});

test('what is too long is cut within the limits of each service', () => {
  const hostile = NOTICES['hostile']!;
  assert.ok(!isTrouble(hostile));
  const long = messageOf({ ...hostile, label: '&'.repeat(500), reason: '<&*'.repeat(333) }, AT);
  const slack = slackMessage(long) as {
    blocks: { text?: { type: string; text: string }; fields?: { text: string }[] }[];
  };
  const [embed] = discordMessage(long)['embeds'] as { title: string; description: string }[];

  for (const { text, fields = [] } of slack.blocks) {
    assert.ok((text?.text.length ?? 0) <= (text?.type === 'plain_text' ? 150 : 3000));
    for (const field of fields) assert.ok(field.text.length <= 2000);
    assert.doesNotMatch(text?.type === 'mrkdwn' ? text.text : '', /&[a-z]{0,3}…$/u);
  }
  assert.ok(embed!.title.length <= 256 && embed!.description.length <= 4096);
  assert.match(embed!.title, /[^\\]…$/u);
});

test('the signature is that of Standard Webhooks: their own example', () => {
  // https://github.com/standard-webhooks/standard-webhooks, the test vector of its libraries.
  const secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
  const body = '{"test": 2432232314}';
  const signed = signature({ id: 'msg_p5jXN8AQM9LWM0D4loKWxJek', seconds: 1_614_265_330, body }, secret);

  assert.deepEqual(signed, {
    'webhook-id': 'msg_p5jXN8AQM9LWM0D4loKWxJek',
    'webhook-timestamp': '1614265330',
    'webhook-signature': 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
  });
});

test('another id, another time, another body or another key is another signature', () => {
  const secret = 'a secret of more than 24 characters';
  const sign = (id: string, seconds: number, body: string, key = secret) =>
    signature({ id, seconds, body }, key)['webhook-signature'];
  const all = [
    sign('1.0', 1, 'a'),
    sign('1.1', 1, 'a'),
    sign('1.0', 2, 'a'),
    sign('1.0', 1, 'b'),
    sign('1.0', 1, 'a', `${secret}!`),
  ];

  assert.equal(new Set(all).size, all.length);
  assert.equal(all[0], `v1,${createHmac('sha256', secret).update('1.0.1.a').digest('base64')}`);
});
