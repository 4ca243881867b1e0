import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import net, { type AddressInfo } from 'node:net';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { OperatingError } from '../lib/errors.ts';
import { systemTimers } from '../lib/timers.ts';
import { channels, type ChannelConnection } from '../release/notify-channel.ts';
import type { Channel } from './channel.ts';
import type { CourierParts, Happened } from './courier.ts';
import { discordChannel } from './discord/channel.ts';
import { emailChannel } from './email/channel.ts';
import { grafanaChannel } from './grafana/channel.ts';
import { NOTICES } from './notices-fixture.ts';
import { openOutbox, type Outbox } from './outbox.ts';
import { revealing } from './post.ts';
import { httpReceiver, mailReceiver, type HttpReceiver } from './receivers-fixture.ts';
import { slackChannel } from './slack/channel.ts';
import { webhookChannel } from './webhook/channel.ts';

const SECRET = 'a secret of more than 24 characters';
const QUICK = { backOffMs: [10, 10], staleMs: 3_600_000 };
const NEVER = new AbortController().signal;
const pause = (ms: number) => systemTimers.sleep(ms, NEVER);

const reveal = async () => SECRET;

const counts = (outbox: Outbox) => outbox.counts()[0]!.counts;
const ids = (receiver: HttpReceiver) =>
  receiver.got.map(({ body }) => (body.id as string).replace('-abababab', ''));

function connection(written: Readonly<Record<string, unknown>>): ChannelConnection {
  return channels.parse({ ops: { timeout: '300ms', ...written } })[0]!;
}

function hook(url: string): { channel: Channel; rules: ChannelConnection } {
  const rules = connection({ kind: 'webhook', url, secret: 'file:hook' });
  assert.ok(rules.kind === 'webhook');
  return { rules, channel: webhookChannel(rules, { reveal, nowMs: Date.now, source: '/here' }) };
}

function mailTo(port: number, more: Readonly<Record<string, unknown>> = {}) {
  const server = `smtp://127.0.0.1:${port}`;
  const rules = connection({
    kind: 'email',
    server,
    from: 'b@example.com',
    to: ['ops@example.com'],
    ...more,
  });
  assert.ok(rules.kind === 'email');
  return { rules, channel: emailChannel(rules, { reveal, source: '/here' }) };
}

describe('receivers and restarts', () => {
  let directory: string;
  let events: Happened[];
  let warnings: string[];
  const opened: (HttpReceiver | { close(): void })[] = [];
  const running: Outbox[] = [];
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'bascule-courier-'));
    events = [];
    warnings = [];
  });
  afterEach(async () => {
    for (const one of running.splice(0)) await one.stop();
    for (const one of opened.splice(0)) one.close();
    rmSync(directory, { recursive: true, force: true });
  });

  const keep = <T extends { close(): void }>(one: T): T => {
    opened.push(one);
    return one;
  };
  /** Where the channel is, or nowhere. */
  function placeSeq(): number {
    try {
      const { seq } = JSON.parse(readFileSync(join(directory, 'ops.json'), 'utf8')) as { seq: unknown };
      return typeof seq === 'number' ? seq : Number.NaN;
    } catch {
      return Number.NaN;
    }
  }
  function happen(name: string, atMs = Date.now()): void {
    events.push({ seq: events.length + 1, mac: 'ab'.repeat(32), atMs, notices: [NOTICES[name]!] });
  }
  async function start(
    open: { channel: Channel; rules: ChannelConnection },
    more: Partial<CourierParts> = {},
  ): Promise<Outbox> {
    const outbox = openOutbox([open], {
      after: (seq, limit) => events.filter((event) => event.seq > seq).slice(0, limit),
      head: () => events.length,
      timers: systemTimers,
      nowMs: Date.now,
      warn: (_fields, message) => warnings.push(message),
      directory,
      limits: QUICK,
      ...more,
    });
    running.push(outbox);
    await outbox.start();
    // What happens before it has found its place is of before: it may be late on a busy machine.
    await until('it has its place', () => placeSeq() <= events.length);
    return outbox;
  }
  /** Wait for the count rather than for the receiver: that one has a message before its answer is counted and the place is written. */
  async function until(what: string, holds: () => boolean): Promise<void> {
    for (const late = Date.now() + 30_000; !holds(); await pause(10))
      assert.ok(Date.now() < late, `${what}; ${warnings.join('\n')}`);
  }
  test('a new channel hears nothing of before, and everything from then on, in order', async () => {
    const receiver = keep(await httpReceiver());
    happen('canary begins');
    const outbox = await start(hook(receiver.url));
    happen('paused');
    happen('done');
    outbox.wake();

    await until('two were taken', () => counts(outbox).sent === 2);
    assert.deepEqual(ids(receiver), ['2.0', '3.0']);
    assert.deepEqual(counts(outbox), { sent: 2, failed: 0, dropped: 0 });
  });

  test('after a restart it goes on where it was: nothing twice, nothing left out', async () => {
    const receiver = keep(await httpReceiver());
    const first = await start(hook(receiver.url));
    happen('canary begins');
    first.wake();
    await until('one was taken', () => counts(first).sent === 1);
    await first.stop();
    happen('paused');
    happen('done');

    const second = await start(hook(receiver.url));
    await until('all were taken', () => counts(second).sent === 2);
    await second.stop();
    await start(hook(receiver.url));
    await pause(100);

    assert.deepEqual(ids(receiver), ['1.0', '2.0', '3.0']);
  });

  test('what became old meanwhile is not sent after an outage', async () => {
    const receiver = keep(await httpReceiver());
    await (await start(hook(receiver.url))).stop();
    for (let count = 0; count < 250; count += 1) happen('canary begins', Date.now() - 7_200_000);
    happen('done');

    const outbox = await start(hook(receiver.url));
    await until('the new one was taken', () => counts(outbox).sent === 1);

    assert.deepEqual(ids(receiver), ['251.0']);
    assert.deepEqual(counts(outbox), { sent: 1, failed: 0, dropped: 250 });
  });

  test('a place that is of another journal, or cannot be read, is begun anew', async () => {
    const receiver = keep(await httpReceiver());
    for (const text of ['{"seq":900,"index":0,"threads":[]}', 'rubbish', '{"seq":"a"}']) {
      writeFileSync(join(directory, 'ops.json'), text);
      const outbox = await start(hook(receiver.url));
      happen('done');
      outbox.wake();
      await until('it came', () => receiver.got.length === 1);
      await outbox.stop();
      assert.equal(receiver.got.splice(0).length, 1);
    }
  });

  test('tried again when it fails, with the same id, and given up after a bound', async () => {
    const receiver = keep(
      await httpReceiver((response, _got, count) => response.writeHead(count < 3 ? 503 : 200).end()),
    );
    const outbox = await start(hook(receiver.url));
    happen('done');
    outbox.wake();
    await until('it was taken', () => counts(outbox).sent === 1);
    assert.deepEqual(ids(receiver), ['1.0', '1.0', '1.0']);
    await outbox.stop();

    const dead = keep(await httpReceiver((response) => response.writeHead(500).end()));
    const second = await start(hook(dead.url));
    happen('done');
    happen('paused');
    second.wake();
    await until('both were given up', () => counts(second).failed === 2);
    assert.deepEqual(ids(dead), ['2.0', '2.0', '2.0', '3.0', '3.0', '3.0']);
  });

  test('a refusal is not tried again, and the next one is', async () => {
    const receiver = keep(
      await httpReceiver((response, _got, count) => response.writeHead(count === 1 ? 400 : 200).end()),
    );
    const outbox = await start(hook(receiver.url));
    happen('paused');
    happen('done');
    outbox.wake();

    await until('the second was taken', () => counts(outbox).sent === 1);
    assert.deepEqual(ids(receiver), ['1.0', '2.0']);
    assert.match(warnings[0]!, /message 1\.0-abababab is given up after 1 attempts: it answered 400/u);
  });

  test('the wait that the receiver asks for is kept', async () => {
    const receiver = keep(
      await httpReceiver((response, _got, count) =>
        response.writeHead(count === 1 ? 429 : 200, { 'retry-after': '0.4' }).end(),
      ),
    );
    const outbox = await start(hook(receiver.url));
    const began = Date.now();
    happen('done');
    outbox.wake();

    await until('it was taken', () => counts(outbox).sent === 1);
    assert.ok(Date.now() - began >= 390, `${Date.now() - began}ms`);
  });

  test('nobody is followed elsewhere: a redirect is a refusal, and the other place hears nothing', async () => {
    const other = keep(await httpReceiver());
    const receiver = keep(
      await httpReceiver((response) => response.writeHead(307, { location: `${other.url}/steal` }).end()),
    );
    const outbox = await start(hook(receiver.url));
    happen('done');
    outbox.wake();

    await until('it was given up', () => counts(outbox).failed === 1);
    assert.equal(receiver.got.length, 1);
    assert.equal(other.got.length, 0);
  });

  test('one that never answers, one that never ends its answer, and one that is no HTTP cost a bounded time', async () => {
    const silent = keep(await httpReceiver(() => undefined));
    const endless = keep(
      await httpReceiver((response) => {
        const more = (): void => {
          while (response.write('x'.repeat(65_536)));
          response.once('drain', more);
        };
        response.on('error', () => undefined).writeHead(200);
        more();
      }),
    );
    const garbage = net.createServer((socket) =>
      socket.on('error', () => undefined).end('220 mail here\r\n'),
    );
    garbage.listen(0, '127.0.0.1');
    await once(garbage, 'listening');
    keep(garbage);
    const places = [silent.url, endless.url, `http://127.0.0.1:${(garbage.address() as AddressInfo).port}`];
    for (const url of places) {
      const outbox = await start(hook(url));
      const began = Date.now();
      happen('done');
      outbox.wake();
      await until(`${url} was given up`, () => counts(outbox).failed === 1);
      assert.ok(Date.now() - began < 3000);
      await outbox.stop();
    }
  });

  test('a stop does not wait for a receiver, and its message is sent by the next start', async () => {
    const silent = keep(await httpReceiver(() => undefined));
    const outbox = await start(hook(silent.url));
    happen('done');
    outbox.wake();
    await until('it was asked', () => silent.got.length === 1);
    const began = Date.now();
    await outbox.stop();
    assert.ok(Date.now() - began < 250);

    const well = keep(await httpReceiver());
    await start(hook(well.url));
    await until('it came', () => well.got.length === 1);
    assert.deepEqual(ids(well), ['1.0']);
  });

  test('only what a channel asked for: services, and what waits or went wrong', async () => {
    const receiver = keep(await httpReceiver());
    const { rules, channel } = hook(receiver.url);
    const outbox = await start({ channel, rules: { ...rules, about: 'waits' } });
    for (const name of ['canary begins', 'paused', 'goes back', 'rolled back', 'done', 'superseded'])
      happen(name);
    outbox.wake();
    await until('three came', () => receiver.got.length === 3);
    await pause(50);
    assert.deepEqual(
      receiver.got.map(({ body }) => body.data.kind),
      ['paused', 'going-back', 'ended'],
    );
    await outbox.stop();

    const other = await start({ channel, rules: { ...rules, services: ['blog'] } });
    happen('done');
    other.wake();
    await pause(100);
    assert.equal(receiver.got.length, 3);
  });

  test('no token, no secret and no path of an address is in a warning or a file', async () => {
    const receiver = keep(
      await httpReceiver((response) => response.writeHead(404).end('no_team xoxb-private')),
    );
    const reveals = { bot: 'xoxb-private', url: `${receiver.url}/services/T0/B0/private` };
    const bot = connection({ kind: 'slack', token: 'file:bot', channel: 'C0123456789', api: receiver.url });
    const webhook = connection({ kind: 'discord', url: 'file:url' });
    assert.ok(bot.kind === 'slack' && webhook.kind === 'discord');
    const one = async ({ name }: { name: string }) => reveals[name as 'bot' | 'url'];
    for (const open of [
      { rules: bot, channel: slackChannel(bot, one) },
      { rules: webhook, channel: discordChannel(webhook, one) },
    ]) {
      const outbox = await start(open);
      happen('done');
      outbox.wake();
      await until('it was given up', () => counts(outbox).failed === 1);
      const tried = await outbox.test(null);
      assert.equal(tried[0]!.ok, false);
      const said = [...warnings, JSON.stringify(tried), readFileSync(join(directory, 'ops.json'), 'utf8')];
      assert.doesNotMatch(said.join('\n'), /private|xoxb/u);
      await outbox.stop();
    }
  });

  test('a secret that is not there yet is waited for', async () => {
    const receiver = keep(await httpReceiver());
    let isThere = false;
    const late = revealing(async () => {
      if (isThere) return `${SECRET}\n`;
      throw new OperatingError('WORKLOAD_SECRET_MISSING', 'there is no secret file:hook', {
        retryable: false,
      });
    });
    const rules = connection({ kind: 'webhook', url: receiver.url, secret: 'file:hook' });
    assert.ok(rules.kind === 'webhook');
    const outbox = await start({
      rules,
      channel: webhookChannel(rules, { reveal: late, nowMs: Date.now, source: '/' }),
    });
    happen('done');
    outbox.wake();
    await until('it was missed', () => warnings.length > 0);
    isThere = true;

    await until('it came', () => counts(outbox).sent === 1);
    assert.match(warnings[0]!, /there is no secret file:hook/u);
  });

  test('Grafana: a rollout is one annotation that grows, and a new one where somebody took it away', async () => {
    let gone = false;
    const receiver = keep(
      await httpReceiver((response, { path }) =>
        gone && path !== '/api/annotations'
          ? response.writeHead(404).end('{"message":"Could not find annotation"}')
          : response.end('{"message":"Annotation added","id":4711}'),
      ),
    );
    const rules = connection({ kind: 'grafana', url: receiver.url, token: 'file:grafana' });
    assert.ok(rules.kind === 'grafana');
    const outbox = await start({ rules, channel: grafanaChannel(rules, reveal) });
    for (const name of ['canary begins', 'paused']) happen(name);
    outbox.wake();
    await until('two were taken', () => counts(outbox).sent === 2);
    gone = true;
    happen('done');
    outbox.wake();
    await until('the end was taken', () => counts(outbox).sent === 3);

    assert.deepEqual(
      receiver.got.map(({ path, body }) => [path, 'time' in body, 'timeEnd' in body]),
      [
        ['/api/annotations', true, false],
        ['/api/annotations/4711', false, true],
        ['/api/annotations/4711', false, true],
        ['/api/annotations', true, false],
      ],
    );
    assert.equal(receiver.got[0]!.headers.authorization, `Bearer ${SECRET}`);
  });

  describe('mail', () => {
    test('a hostile text adds no header, no recipient and no end of the letter', async () => {
      const receiver = keep(await mailReceiver());
      const outbox = await start(mailTo(receiver.port));
      happen('hostile');
      happen('done');
      outbox.wake();

      await until('both came', () => receiver.got.length === 2);
      const [{ to, text }] = receiver.got as [(typeof receiver.got)[number]];
      assert.deepEqual(to, ['RCPT TO:<ops@example.com>']);
      assert.doesNotMatch(text.split('\n\n')[0]!, /^Bcc:/imu);
      assert.match(text, /QUIT/u);
    });

    test('a refusal for good is given up at once, one for now is tried again', async () => {
      for (const [answer, attempts] of [
        ['550 not here', 1],
        ['451 later', 3],
      ] as const) {
        warnings.length = 0;
        const receiver = keep(await mailReceiver(answer));
        const outbox = await start(mailTo(receiver.port));
        happen('done');
        outbox.wake();
        await until('it was given up', () => counts(outbox).failed === 1);
        assert.match(
          warnings.at(-1)!,
          new RegExp(`given up after ${attempts} attempts.*${answer.slice(0, 3)}`, 'u'),
        );
        await outbox.stop();
      }
    });

    test('a server that trickles is left in time, and its socket is closed', async () => {
      let open = 0;
      const slow = net.createServer((socket) => {
        open += 1;
        socket.write('220-');
        const timer = setInterval(() => socket.write('x'), 20);
        socket
          .on('error', () => undefined)
          .on('close', () => {
            open -= 1;
            clearInterval(timer);
          });
      });
      slow.listen(0, '127.0.0.1');
      await once(slow, 'listening');
      keep(slow);
      const outbox = await start(mailTo((slow.address() as AddressInfo).port));
      happen('done');
      outbox.wake();

      await until('it was given up', () => counts(outbox).failed === 1);
      await until('no socket is left', () => open === 0);
      assert.match(warnings.at(-1)!, /did not take it within 300ms/u);
    });

    test('no password goes where there is no TLS, beyond this machine', () => {
      const written = connection({
        kind: 'email',
        server: 'smtp://mail.example.com',
        from: 'b@x.org',
        to: ['o@x.org'],
      });
      assert.ok(written.kind === 'email');
      assert.deepEqual(written.server, { host: 'mail.example.com', port: 587, tls: 'starttls' });
    });
  });

  test('a channel that is not there cannot be tested', async () => {
    const outbox = await start(hook('http://127.0.0.1:9'));

    await assert.rejects(outbox.test('mail'), {
      code: 'NOTIFY_UNKNOWN',
      message: /There is no channel "mail": those of the server are ops/u,
    });
    assert.equal((await outbox.test('ops'))[0]!.ok, false);
  });
});
