import { request, type IncomingMessage } from 'node:http';
import { formatAddress, type Address } from '../../lib/address.ts';
import { formatElapsed } from '../../lib/duration.ts';
import { statusWords } from '../../release/resolve-verify.ts';
import type { VerifyCheck } from '../../release/service.ts';
import type { CheckResult } from '../checker.ts';

type HttpCheck = Extract<VerifyCheck, { kind: 'http' }>;

const MOST_BYTES = 1024 * 1024;
const SHOWN_BYTES = 200;

type Answer = {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
};

/** One request to the preview address: no proxy, no redirects, no cookies, no connection that is kept. */
export async function httpCheck(
  check: HttpCheck,
  preview: Address,
  signal: AbortSignal,
): Promise<CheckResult> {
  const began = performance.now();
  const late = AbortSignal.timeout(check.withinMs);
  try {
    const answer = await ask(check, preview, AbortSignal.any([signal, late]));
    const took = `(${Math.round(performance.now() - began)}ms)`;
    const wrong = whatIsWrong(check, answer);
    return wrong === null
      ? { ok: true, found: `${answer.status} ${took}`, output: [] }
      : { ok: false, found: `${wrong} ${took}`, output: shown(answer.body) };
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const found = late.aborted ? `no answer within ${formatElapsed(check.withinMs)}` : (code ?? message);
    return { ok: false, found, output: [] };
  }
}

function ask({ method, path }: HttpCheck, preview: Address, signal: AbortSignal): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const { host, port } = preview;
    const headers = { host: formatAddress(preview), 'user-agent': 'bascule-verify', accept: '*/*' };
    const req = request({ host, port, method, path, headers, agent: false, signal }, (res) => {
      const parts: Buffer[] = [];
      let bytes = 0;
      const done = (): void =>
        resolve({ status: res.statusCode!, headers: res.headers, body: Buffer.concat(parts) });
      res.on('data', (part: Buffer) => {
        parts.push(part);
        bytes += part.length;
        if (bytes < MOST_BYTES) return;
        done();
        res.destroy();
      });
      res.on('end', done);
      res.on('error', reject);
    });
    req.on('error', reject);
    req.end();
  });
}

function whatIsWrong(check: HttpCheck, { status, headers, body }: Answer): string | null {
  const { from, to } = check.status;
  if (status < from || status > to) return `${status} instead of ${statusWords(check.status)}`;
  for (const [name, wanted] of Object.entries(check.headers)) {
    const found = headers[name];
    if (String(found ?? '') !== wanted)
      return `${status}, but ${name} is ${found === undefined ? 'absent' : `"${String(found)}"`} instead of "${wanted}"`;
  }
  if (check.contains === null || body.includes(check.contains)) return null;
  return `${status}, but the body does not contain "${check.contains}"`;
}

function shown(body: Buffer): readonly string[] {
  const text = body.subarray(0, SHOWN_BYTES).toString('utf8').replaceAll(/\s+/g, ' ').trim();
  return text === '' ? [] : [text];
}
