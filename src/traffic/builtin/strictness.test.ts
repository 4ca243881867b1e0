import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { type Stage, openStage } from '../conformance.ts';
import { type BuiltinBench, openBuiltin } from './conformance.ts';

const GET = 'GET /get HTTP/1.1\r\nHost: shop\r\n\r\n';
const POST = 'POST /post HTTP/1.1\r\nHost: shop\r\nContent-Length: 11\r\n\r\nGET / x\r\n\r\n';
const CHUNKED =
  'PUT /chunked HTTP/1.1\r\nHost: shop\r\nTransfer-Encoding: chunked\r\n\r\n5;a=1;b="c;\\"d"\r\nhel\r\n\r\n00A;x\r\n0123456789\r\n0\r\nX-T: 1\r\n\r\n';

/** A busy machine is late, and nobody here is ill. */
const HEALTH = { path: '/healthz', intervalMs: 200, timeoutMs: 20_000, rise: 1, fall: 5 };
const ABREAST = 8;
const PATIENCE_MS = 30_000;

function statuses(text: string): string[] {
  return [...text.matchAll(/HTTP\/1\.1 (\d{3})/g)].map(([, status]) => status!);
}

/** Whether the last answer is there to its end. */
function isWhole(text: string): boolean {
  const last = text.slice(text.lastIndexOf('HTTP/1.1 '));
  const end = last.indexOf('\r\n\r\n');
  const length = Number(/\r\ncontent-length: (\d+)/i.exec(last)?.[1]);
  return end !== -1 && last.length >= end + 4 + length;
}

/** One application behind one worker. */
async function opened(): Promise<{ bench: BuiltinBench; stage: Stage }> {
  const bench = await openBuiltin(1);
  const stage = await openStage(bench.router, { health: { blue: HEALTH, green: HEALTH } });
  await stage.route({ serve: 'blue', replicas: { blue: 1, green: 0 } });
  return { bench, stage };
}

describe('every byte of a connection is read strictly', () => {
  let bench: BuiltinBench;
  let stage: Stage;

  before(async () => {
    ({ bench, stage } = await opened());
    for (const path of ['/get', '/post', '/chunked'])
      stage.applications.blue[0]!.on.set(path, (req, res) => {
        let body = '';
        req.on('data', (part: Buffer) => (body += part.toString('latin1')));
        req.on('end', () => res.end(`[${path} ${JSON.stringify(body)}]`));
      });
  });
  after(async () => {
    await stage?.close();
    await bench?.close();
  });

  /** What comes back for parts that are sent one after the other. */
  async function said(parts: readonly string[], answers: number): Promise<string> {
    const socket = connect(stage.port, '127.0.0.1').setNoDelay(true);
    await once(socket, 'connect');
    let text = '';
    socket.setEncoding('latin1');
    const over = Promise.withResolvers<void>();
    socket.on('data', (part: string) => {
      text += part;
      if (statuses(text).length >= answers && isWhole(text)) over.resolve();
    });
    socket.on('close', () => over.resolve());
    socket.on('error', () => over.resolve());
    for (const part of parts) {
      socket.write(part, 'latin1');
      await turn();
    }
    await over.promise;
    socket.destroy();
    return text;
  }

  const SOUND = GET + POST + CHUNKED + GET;
  const BODIES = [
    '[/get ""]',
    '[/post "GET / x\\r\\n\\r\\n"]',
    '[/chunked "hel\\r\\n0123456789"]',
    '[/get ""]',
  ];

  test(
    'what is sound passes in one piece, in pieces, and byte by byte',
    { timeout: PATIENCE_MS },
    async () => {
      const ways = [[SOUND], SOUND.split(''), ...[1, 2, 3, 5, 7, 31].map((size) => pieces(SOUND, size))];

      for (const parts of ways) {
        const text = await said(parts, 4);
        assert.deepEqual(statuses(text), ['200', '200', '200', '200'], `${parts.length} parts`);
        assert.deepEqual(text.match(/\[\/[^\]]*\]/g), BODIES, `${parts.length} parts`);
      }
    },
  );

  test('cut in two at any byte, it is the same', { timeout: PATIENCE_MS }, async () => {
    let at = 1;
    const turns = async (): Promise<void> => {
      for (let cut = at++; cut < SOUND.length; cut = at++) {
        const text = await said([SOUND.slice(0, cut), SOUND.slice(cut)], 4);
        assert.deepEqual(text.match(/\[\/[^\]]*\]/g), BODIES, `cut at ${cut}`);
      }
    };
    await Promise.all(Array.from({ length: ABREAST }, turns));
  });

  /** One of each kind: all forms are tried where heads and bodies are read. */
  const MALFORMED: readonly (readonly [what: string, bytes: string])[] = [
    ['an empty line before it', `\r\n${GET}`],
    ['two spaces before the target', GET.replace(' /', '  /')],
    ['another protocol', GET.replace('HTTP/1.1', 'RTSP/1.0')],
    ['no carriage return', GET.replace('\r\n', '\n')],
    ['no Host', GET.replace('Host', 'X-Host')],
    ['a chunk extension that is none', CHUNKED.replace(';a=1', ';a b')],
    ['a size of nine digits', CHUNKED.replace('00A', '00000000A')],
  ];

  test(
    'what is not is refused, first or behind others, in one piece and byte by byte, and reaches nobody',
    { timeout: PATIENCE_MS },
    async () => {
      for (const [what, bytes] of MALFORMED) {
        for (const before of ['', GET, POST, CHUNKED]) {
          const wanted = before === '' ? ['400'] : ['200', '400'];
          const text = before + bytes;
          assert.deepEqual(statuses(await said([text], wanted.length)), wanted, `${what}, behind ${before}`);
          assert.deepEqual(statuses(await said(text.split(''), wanted.length)), wanted, `${what} by bytes`);
        }
      }
    },
  );

  test('it is counted with the malformed ones', { timeout: PATIENCE_MS }, async () => {
    const { cursor } = await bench.router.traffic(stage.door.service, null);

    await said([MALFORMED[0]![1]], 1);

    await stage.batched(cursor, (seen) => (seen.malformed ?? 0) > 0);
  });

  test('what is malformed in the packet of its head reaches nobody', { timeout: PATIENCE_MS }, async () => {
    const before = stage.applications.blue[0]!.asked.length;

    for (const [what, bytes] of MALFORMED) assert.deepEqual(statuses(await said([bytes], 1)), ['400'], what);

    assert.equal(stage.applications.blue[0]!.asked.length, before);
  });
});

describe('a client that is refused', () => {
  let bench: BuiltinBench;
  let stage: Stage;

  before(async () => {
    ({ bench, stage } = await opened());
  });
  after(async () => {
    await stage?.close();
    await bench?.close();
  });

  /** Sends on and on, and says what came until the other side had closed; a reset would be an error. */
  async function whileSending(head: string): Promise<string> {
    const socket = connect(stage.port, '127.0.0.1');
    let text = '';
    socket.setEncoding('latin1').on('data', (part: string) => {
      text += part;
    });
    await once(socket, 'connect');
    socket.write(head);
    const more = Buffer.alloc(65_536, 'x');
    const sending = setInterval(() => socket.write(more), 5);
    socket.on('end', () => clearInterval(sending));
    try {
      await once(socket, 'end');
    } finally {
      clearInterval(sending);
      socket.destroy();
    }
    return text;
  }

  test('while it is still sending gets to read why', { timeout: PATIENCE_MS }, async () => {
    // Too large, where all of it came in one read.
    assert.match(await whileSending(' '), /^HTTP\/1\.1 (400|431) [^]*\r\n\r\n\1 /);
    assert.match(await whileSending('GET / HTTP/1.1\r\nX-A: b\r\n\r\n'), /^HTTP\/1\.1 400 [^]*\r\n\r\n400 /);
    assert.match(
      await whileSending('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nConnection: close\r\n\r\nx'),
      /^HTTP\/1\.1 200 [^]*\r\n\r\nblue-0$/,
    );
  });

  test('and does not end its side is let go', { timeout: PATIENCE_MS }, async () => {
    const socket = connect({ port: stage.port, host: '127.0.0.1', allowHalfOpen: true });
    socket.resume().write('GET\r\n');
    await once(socket, 'end');

    // A connection that is gone says so to who writes on it.
    const writing = setInterval(() => socket.write('x'), 100);
    socket.on('error', () => {});
    await new Promise((resolve) => socket.once('close', resolve));
    clearInterval(writing);
  });
});

function pieces(text: string, size: number): string[] {
  return Array.from({ length: Math.ceil(text.length / size) }, (_, i) =>
    text.slice(i * size, (i + 1) * size),
  );
}
