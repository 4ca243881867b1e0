import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Log } from './controller/ports.ts';
import type { ServerFile } from './controller/server-file.ts';
import type { Clock } from './lib/clock.ts';
import { HEAP_FLAGS } from './lib/heap-flags.ts';
import { programDigest } from './lib/program-digest.ts';
import { builtinRouter } from './traffic/builtin/router.ts';
import { HaproxyRouter } from './traffic/haproxy/router.ts';
import { NginxRouter } from './traffic/nginx/router.ts';

/** By the extension that this file has: TypeScript in development, JavaScript when installed. */
const PROXY = fileURLToPath(
  new URL(
    `./traffic/builtin/proxy-program${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`,
    import.meta.url,
  ),
);

type ProxyCommand = {
  readonly command: readonly [string, ...string[]];
  /** `0.2.0+3f2a9c1d4b5e`: the version, and what tells its code, its Node and its number of workers from others. */
  readonly build: string;
};

/** How the built-in proxy of a state directory is started by this program. */
function proxyCommand(stateDir: string, version: string, workers: number | null): ProxyCommand {
  const counted = workers === null ? [] : ['--workers', String(workers)];
  const runs = [process.execPath, process.version, ...HEAP_FLAGS, ...counted];
  const build = `${version}+${programDigest(import.meta.dirname, runs)}`;
  const options = ['--state-dir', join(stateDir, 'proxy'), ...counted, '--build', build];
  return { command: [process.execPath, ...HEAP_FLAGS, PROXY, ...options], build };
}

/** One for each kind of proxy. Requests to the others wait at the built-in one during a hold. */
export function openRouters(
  { stateDir, version }: { readonly stateDir: string; readonly version: string },
  file: ServerFile,
  { clock, log }: { readonly clock: Clock; readonly log: Log },
) {
  const replaced: string[] = [];
  const builtin = builtinRouter({
    stateDir: join(stateDir, 'proxy'),
    ...proxyCommand(stateDir, version, file.proxyWorkers),
    onReplaced: ({ from, fromPid, to, toPid, tookMs }) => {
      const [was, is] = [from ?? 'unknown', to ?? 'unknown'];
      replaced.push(
        `the built-in proxy ${was} (pid ${fromPid}) gave way to ${is} (pid ${toPid}) in ${tookMs} ms`,
      );
    },
    onKept: (why) => log.warn({ code: 'TRAFFIC_PROXY_KEPT' }, why),
  });
  const shared = {
    clock,
    helper: file.nginxHelper,
    holdPort: builtin.holdPort,
    report: (message: string) => log.warn({}, message),
  };
  const nginx = new NginxRouter({ root: join(stateDir, 'nginx'), ...shared });
  const haproxy = new HaproxyRouter({ root: join(stateDir, 'haproxy'), ...shared });
  return { builtin, nginx, haproxy, replaced };
}
