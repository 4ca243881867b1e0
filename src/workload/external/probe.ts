import { request } from 'node:http';
import { formatAddress } from '../../lib/address.ts';
import { messageOf } from '../../lib/errors.ts';
import { withPrefix, type Upstream } from '../../lib/upstream.ts';
import type { HealthSpec } from '../../release/service.ts';

/** One GET as the proxy's own probes send it: null for 2xx within the time, else what was found. Never throws. */
export function probe(at: Upstream, { path, timeoutMs }: HealthSpec): Promise<string | null> {
  return new Promise((resolve) => {
    const { host, port, pathPrefix } = at;
    const headers = { host: formatAddress(at), 'user-agent': 'bascule-probe', connection: 'close' };
    const target = withPrefix(pathPrefix, path);
    const asking = request({ host, port, path: target, method: 'GET', agent: false, headers });
    const done = (found: string | null): void => {
      clearTimeout(deadline);
      asking.destroy();
      resolve(found);
    };
    const deadline = setTimeout(() => done(`no answer within ${timeoutMs}ms`), timeoutMs);
    asking.on('response', ({ statusCode = 0 }) =>
      done(statusCode >= 200 && statusCode < 300 ? null : `it answers ${statusCode}`),
    );
    asking.on('error', (error: NodeJS.ErrnoException) =>
      done(error.code === 'ECONNREFUSED' ? 'connection refused' : messageOf(error)),
    );
    asking.end();
  });
}
