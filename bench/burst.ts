import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { forkLoad } from '../test/e2e/load/remote.ts';

export const CONNECTIONS = 32;
const WRK = ['/usr/bin/wrk', '/usr/local/bin/wrk', '/opt/homebrew/bin/wrk'].find((file) => existsSync(file));

export const LOAD_NAME = WRK === undefined ? "Bascule's own load generator (wrk is not installed)" : 'wrk';

export type Burst = { readonly requests: number; readonly perSecond: number; readonly errors: number };

/** Over 32 keep-alive connections, as fast as it goes unless the script says otherwise, each request with one of the cookies. */
export async function burst(url: string, seconds: number, scriptFile: string): Promise<Burst> {
  return WRK === undefined ? ownBurst(url, seconds) : wrkBurst(WRK, [url, seconds], scriptFile);
}

/** `pauseMs`: the longest time between an answer and the next request; 0 for none. */
export async function writeScript(
  directory: string,
  cookies: readonly string[],
  pauseMs = 0,
): Promise<string> {
  const file = join(directory, 'cookies.lua');
  await writeFile(
    file,
    `local cookies = {${cookies.map((cookie) => JSON.stringify(cookie)).join(', ')}}
local requests, turn = {}, 0
init = function()
  for i, cookie in ipairs(cookies) do requests[i] = wrk.format("GET", nil, { Cookie = cookie }) end
end
request = function()
  turn = turn % #requests + 1
  return requests[turn]
end
${pauseMs === 0 ? '' : `delay = function() return math.random(1, ${pauseMs}) end\n`}`,
  );
  return file;
}

async function wrkBurst(
  wrk: string,
  [url, seconds]: readonly [string, number],
  script: string,
): Promise<Burst> {
  const args = ['-t1', `-c${CONNECTIONS}`, `-d${seconds}s`, '-s', script, url];
  const { stdout } = await promisify(execFile)(wrk, args, { timeout: seconds * 1000 + 10_000 });
  const count = (pattern: RegExp): number => Number(pattern.exec(stdout)?.[1] ?? 0);
  const requests = count(/(\d+) requests in /);
  const socketErrors =
    /Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)/.exec(stdout) ?? [];
  const errors = [...socketErrors.slice(1), count(/Non-2xx or 3xx responses: (\d+)/)].map(Number);
  return { requests, perSecond: requests / seconds, errors: errors.reduce((sum, each) => sum + each, 0) };
}

async function ownBurst(url: string, seconds: number): Promise<Burst> {
  const { protocol, port, pathname } = new URL(url);
  if (protocol !== 'http:') throw new Error('wrk is needed for a burst over TLS');
  const requests = [`GET ${pathname}`];
  const load = forkLoad({ port: Number(port), perSecond: 0, connections: CONNECTIONS, requests, users: 200 });
  await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
  const { answered, failed, sendingMs } = await load.stop();
  return { requests: answered, perSecond: (answered * 1000) / sendingMs, errors: failed };
}
