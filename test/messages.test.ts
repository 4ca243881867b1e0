import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { openMemoryJournal } from '../src/journal/memory/journal.ts';
import { systemTimers } from '../src/lib/timers.ts';
import { discordChannel } from '../src/notify/discord/channel.ts';
import { emailChannel } from '../src/notify/email/channel.ts';
import { grafanaChannel } from '../src/notify/grafana/channel.ts';
import { isTrouble, type Notice, type NoticeOutcome, type RolloutNotice } from '../src/notify/notice.ts';
import { openOutbox, type OpenChannel } from '../src/notify/outbox.ts';
import {
  httpReceiver,
  mailReceiver,
  type HttpReceiver,
  type MailReceiver,
} from '../src/notify/receivers-fixture.ts';
import { slackChannel } from '../src/notify/slack/channel.ts';
import { teamsChannel } from '../src/notify/teams/channel.ts';
import { signature } from '../src/notify/webhook/render.ts';
import { webhookChannel } from '../src/notify/webhook/channel.ts';
import { channels, type ChannelConnection } from '../src/release/notify-channel.ts';
import { VERIFY } from '../src/rollout/fixtures.ts';
import { ANA, World, WORLD_SPEC } from '../src/controller/world-fixture.ts';

/** The real controller ends rollouts in every way, and real receivers on loopback get every message about them. */

const { policy } = WORLD_SPEC;
const SLOW = { ...WORLD_SPEC, policy: { ...policy, dwell: { atLeastMs: 60_000, atMostMs: 120_000 } } };
const UNSURE = {
  ...WORLD_SPEC,
  policy: { ...policy, whenUnsure: { waitMs: 0, then: 'rollback' as const } },
};
const CHECKED = {
  ...WORLD_SPEC,
  release: { ...WORLD_SPEC.release, verify: VERIFY.kind === 'verify' ? VERIFY.checks : [] },
};

type End = {
  readonly outcome: NoticeOutcome;
  readonly words: string;
  readonly make: (world: World) => Promise<unknown>;
};

async function dwelling(world: World): Promise<void> {
  await world.deploy('v2', { spec: SLOW });
  await world.until('v2 has a share', () => world.service().rollout?.phase === 'dwelling');
}
const abort = (world: World) => world.controller.steer.abort({ service: 'shop', rollout: null }, ANA);

const ENDS: Readonly<Record<string, End>> = {
  done: { outcome: 'done', words: 'is done', make: (world) => world.deploy('v2') },
  'rolled back by the judge': {
    outcome: 'rolled-back',
    words: 'was ROLLED BACK',
    make: (world) => {
      world.errorPercent.set('shop/v2', 60);
      return world.deploy('v2');
    },
  },
  aborted: {
    outcome: 'aborted',
    words: 'was aborted',
    make: async (world) => {
      await dwelling(world);
      await abort(world);
    },
  },
  undecided: {
    outcome: 'undecided',
    words: 'went back because undecided',
    make: (world) => {
      world.requestsPerSecond = 0;
      return world.deploy('v2', { spec: UNSURE });
    },
  },
  superseded: {
    outcome: 'superseded',
    words: 'was superseded',
    make: async (world) => {
      await dwelling(world);
      await world.deploy('v3', { supersede: true });
    },
  },
  'never ready': {
    outcome: 'never-ready',
    words: 'never became ready',
    make: (world) => {
      world.sick.add('shop/v2');
      return world.deploy('v2');
    },
  },
  'its checks failed': {
    outcome: 'never-ready',
    words: 'failed its checks',
    make: (world) => {
      world.failing.set('shop/v2', '500 instead of 2xx');
      return world.deploy('v2', { spec: CHECKED });
    },
  },
  'the way back is not proven': {
    outcome: 'unproven',
    words: 'ended, and the way back to v1 was NOT PROVEN in time',
    make: async (world) => {
      await dwelling(world);
      world.proxyDown = true;
      await abort(world);
      await world.pass(6000);
      world.proxyDown = false;
    },
  },
};

function told(world: World) {
  const journal = openMemoryJournal(world.disk);
  return {
    after: (afterSeq: number, limit: number) =>
      journal
        .events({ aggregate: null, rollout: null, afterSeq, limit })
        .map(({ seq, mac, atMs, event }) => ({
          seq,
          mac,
          atMs,
          notices: (event as { notices?: readonly Notice[] }).notices ?? [],
        })),
    head: () => journal.head().seq,
  };
}

function ofRollouts(notices: readonly Notice[]): readonly RolloutNotice[] {
  return notices.flatMap((notice) => (isTrouble(notice) ? [] : [notice]));
}

const CHANNELS = 7;

describe('every end of a rollout, to real receivers', () => {
  const secrets: Record<string, string> = {
    hook: 'a secret of more than 24 characters',
    bot: 'xoxb-private',
  };
  const reveal = async ({ name }: { readonly name: string }) => secrets[name]!;
  let http: Record<'hook' | 'slack' | 'bot' | 'teams' | 'discord' | 'grafana', HttpReceiver>;
  let mail: MailReceiver;
  const directory = mkdtempSync(join(tmpdir(), 'bascule-notify-'));

  before(async () => {
    http = {
      hook: await httpReceiver((response) => response.writeHead(204).end()),
      slack: await httpReceiver(),
      bot: await httpReceiver((response, { body }, count) =>
        response.end(
          JSON.stringify({ ok: true, ts: body.thread_ts === undefined ? `${count}.5` : 'a reply' }),
        ),
      ),
      teams: await httpReceiver((response) => response.writeHead(202).end()),
      discord: await httpReceiver((response, _got, count) =>
        response.end(`{"channel_id":"${10_000 + count}"}`),
      ),
      grafana: await httpReceiver((response, _got, count) => response.end(`{"id":${7000 + count}}`)),
    };
    mail = await mailReceiver();
    for (const name of ['slack', 'teams', 'discord'] as const) secrets[name] = `${http[name].url}/T0/private`;
  });
  after(() => {
    for (const one of [...Object.values(http), mail]) one.close();
    rmSync(directory, { recursive: true, force: true });
  });

  function open(): readonly OpenChannel[] {
    const written = {
      hook: { kind: 'webhook', url: `${http.hook.url}/hook`, secret: 'file:hook' },
      slack: { url: 'file:slack' },
      bot: { kind: 'slack', token: 'file:bot', channel: 'C0123456789', api: http.bot.url },
      teams: { url: 'file:teams' },
      discord: { url: 'file:discord', forum: true },
      grafana: { url: http.grafana.url, token: 'file:bot' },
      email: {
        server: `smtp://127.0.0.1:${mail.port}`,
        from: 'bascule@example.com',
        to: ['ops@example.com'],
      },
    };
    const parts = { reveal, nowMs: Date.now, source: '/bascule/here' };
    return channels.parse(written).map((rules: ChannelConnection) => {
      if (rules.kind === 'webhook') return { rules, channel: webhookChannel(rules, parts) };
      if (rules.kind === 'slack') return { rules, channel: slackChannel(rules, reveal) };
      if (rules.kind === 'teams') return { rules, channel: teamsChannel(rules, reveal) };
      if (rules.kind === 'discord') return { rules, channel: discordChannel(rules, reveal) };
      if (rules.kind === 'grafana') return { rules, channel: grafanaChannel(rules, reveal) };
      return { rules, channel: emailChannel(rules, parts) };
    });
  }

  /** Messages of this world from now on, to receivers that have heard nothing yet. */
  async function listening(world: World) {
    const { after: since, head } = told(world);
    const place = mkdtempSync(join(directory, 'place-'));
    const outbox = openOutbox(open(), {
      after: since,
      head,
      timers: systemTimers,
      nowMs: () => world.time.nowMs,
      warn: (_fields, message) => assert.fail(message),
      directory: place,
    });
    for (const one of [...Object.values(http), mail]) one.got.length = 0;
    await outbox.start();
    while (head() === 0) await systemTimers.sleep(1, new AbortController().signal);
    // What happens before each channel has found its place is of before.
    const hasBegun = () => readdirSync(place).filter((file) => file.endsWith('.json')).length === CHANNELS;
    for (const late = Date.now() + 20_000; !hasBegun() && Date.now() < late;)
      await systemTimers.sleep(5, new AbortController().signal);
    return { outbox, after: since };
  }

  for (const [name, { outcome, words, make }] of Object.entries(ENDS)) {
    test(name, { timeout: 60_000 }, async () => {
      const world = new World();
      await world.serving();
      const { outbox, after } = await listening(world);

      await make(world);
      await world.until('v2 is over', () => world.over('v2'));
      outbox.wake();
      const rollout = world.controller.read
        .history({ service: 'shop', limit: 9 })
        .find((one) => one.label === 'v2')!;
      const isEnd = (notice: RolloutNotice) => notice.kind === 'ended' && notice.rollout === rollout.id;
      const all = ofRollouts(after(0, 1000).flatMap(({ notices }) => notices));
      const own = all.filter((one) => one.rollout === rollout.id);
      assert.equal(own.filter(isEnd).length, 1);
      assert.equal(own.find(isEnd)!.outcome, outcome);
      const late = Date.now() + 20_000;
      const isDone = () =>
        http.hook.got.some(({ body }) => isEnd(body.data)) &&
        outbox.counts().every(({ counts }) => counts.sent >= own.length);
      while (!isDone() && Date.now() < late) await systemTimers.sleep(20, new AbortController().signal);
      await outbox.stop();

      const events = http.hook.got.map(({ body }) => body).filter(({ data }) => data.rollout === rollout.id);
      assert.deepEqual(
        events.map(({ data }) => data.kind),
        own.map(({ kind }) => kind),
      );
      assert.equal(events.at(-1).data.outcome, outcome);
      for (const { headers, text } of http.hook.got) {
        const [id, seconds] = [String(headers['webhook-id']), Number(headers['webhook-timestamp'])];
        const right = signature({ id, seconds, body: text }, secrets['hook']!);
        assert.equal(headers['webhook-signature'], right['webhook-signature']);
        assert.match(headers['content-type']!, /^application\/cloudevents\+json/u);
      }
      for (const channel of ['slack', 'teams', 'discord', 'bot', 'grafana'] as const)
        assert.ok(
          http[channel].got.some(({ text }) => text.includes(`shop: v2 ${words}`)),
          channel,
        );
      assert.ok(
        mail.got.some(({ text }) => text.includes(`Subject: [bascule] shop: v2 ${words.slice(0, 20)}`)),
      );
      const replies = http.bot.got
        .filter(({ text }) => text.includes(rollout.id))
        .map(({ body }) => body.thread_ts);
      assert.equal(replies[0], undefined);
      assert.equal(new Set(replies.slice(1)).size, 1, 'one thread');
      assert.match(String(replies[1]), /^\d+\.5$/u);
      assert.ok(http.bot.got.every(({ headers }) => headers.authorization === 'Bearer xoxb-private'));
      const threads = http.discord.got
        .filter(({ text }) => text.includes(rollout.id))
        .map(({ path }) => path);
      assert.ok(
        threads.slice(1).every((path) => path === threads[1] && path.includes('thread_id=1')),
        threads.join(),
      );
      const letters = mail.got.filter(({ text }) => text.includes(rollout.id));
      const [first] = letters.map(({ text }) => /^Message-ID: (.*)$/imu.exec(text)![1]);
      assert.equal(letters.length, own.length);
      assert.ok(letters.slice(1).every(({ text }) => text.includes(`In-Reply-To: ${first}`)));
    });
  }

  test(
    'stable that is down, and a certificate, while no rollout is under way',
    { timeout: 90_000 },
    async () => {
      const world = new World();
      await world.serving();
      const { outbox } = await listening(world);
      const heard = (kind: string) => http.hook.got.filter(({ body }) => body.data.kind === kind);
      const until = async (what: string, holds: () => boolean) => {
        outbox.wake();
        for (const late = Date.now() + 30_000; !holds();) {
          assert.ok(Date.now() < late, what);
          await systemTimers.sleep(20, new AbortController().signal);
        }
      };
      const all = (count: number) => outbox.counts().every(({ counts }) => counts.sent >= count);

      world.sick.add('shop/v1');
      await world.pass(20_000);
      await until('all to hear that it is down', () => all(1));
      world.sick.delete('shop/v1');
      await world.pass(30_000);
      await until('all to hear that it is up', () => all(2));
      const file = '/etc/shop/cert.pem';
      const certificate = {
        file,
        names: ['shop.example.com'],
        notAfterMs: world.time.nowMs + 8 * 86_400_000,
      };
      world.certificates = [{ ...certificate, problem: null }];
      await world.pass(150_000);
      await until('all to hear of the certificate', () => all(3));
      world.certificates = [{ ...certificate, problem: 'its key is of another certificate' }];
      await world.pass(10_000);
      await until('all to hear that it is worse', () => all(4));
      world.certificates = [
        { ...certificate, notAfterMs: world.time.nowMs + 90 * 86_400_000, problem: null },
      ];
      await world.pass(150_000);
      await until('all to hear that it is well', () => all(5));
      await outbox.stop();

      assert.deepEqual(
        http.hook.got.map(({ body }) => [body.type, body.data.subject, body.data.waitsForPerson]),
        [
          ['bascule.service.down.v1', 'v1', true],
          ['bascule.service.up.v1', 'v1', false],
          ['bascule.service.certificate.v1', file, true],
          ['bascule.service.certificate.v1', file, true],
          ['bascule.service.certificate-well.v1', file, false],
        ],
      );
      const [down] = heard('down');
      assert.match(down!.body.data.reason, /^none of its 2 replicas is healthy: users get 503$/u);
      for (const channel of ['slack', 'teams', 'discord', 'bot', 'grafana'] as const)
        assert.ok(
          http[channel].got.some(({ text }) => text.includes('shop: v1 IS DOWN')),
          channel,
        );
      // One thread each.
      const threads = http.bot.got.map(({ body }) => body.thread_ts);
      assert.deepEqual(
        threads.map((one) => one !== undefined),
        [false, true, false, true, true],
      );
      assert.equal(threads[3], threads[4]);
      assert.notEqual(threads[1], threads[3]);
      const letters = mail.got.map(({ text }) => [
        /^Message-ID: (.*)$/imu.exec(text)![1],
        /^In-Reply-To: (.*)$/imu.exec(text)?.[1] ?? null,
      ]);
      assert.deepEqual(
        letters.map(([, reply]) => reply),
        [null, letters[0]![0], null, letters[2]![0], letters[2]![0]],
      );
    },
  );
});

test('whatever waits for a person is told', async () => {
  const world = new World();
  await world.serving();
  const asking = { ...WORLD_SPEC, policy: { ...policy, askBeforeFull: true } };
  await world.deploy('v2', { spec: asking });
  await world.until('it has a share', () => world.service().rollout?.phase === 'dwelling');
  await world.controller.steer.pause('shop', ANA);
  await world.controller.steer.resume('shop', ANA);
  await world.controller.steer.weight({ service: 'shop', percent: 30, beyondPlan: true }, ANA);
  await world.pass(1000);
  await world.controller.steer.resume('shop', ANA);
  await world.until('it asks', () => world.service().rollout?.phase === 'asking');
  await world.pass(2000);

  const all = told(world)
    .after(0, 1000)
    .flatMap(({ notices }) => notices);
  const own = ofRollouts(all).filter(({ label }) => label === 'v2');
  assert.deepEqual(
    own.map(({ kind, sharePercent }) => `${kind} ${sharePercent}`),
    ['started 0', 'paused 25', 'by-hand 30', 'asks 50'],
  );
  assert.match(own.at(-1)!.reason!, /./u);
});
