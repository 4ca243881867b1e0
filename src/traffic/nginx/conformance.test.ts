import { spawnSync } from 'node:child_process';
import { describe } from 'node:test';
import { routerConformance } from '../conformance.ts';
import { prefixConformance } from '../prefix-conformance.ts';
import { openNginx } from './conformance.ts';

/** What would make nginx remember where a route led, or not follow it, were it not turned off where we ask. */
const REMEMBERING =
  'open_file_cache max=10000 inactive=60s; open_file_cache_valid 60s; open_file_cache_min_uses 1; open_file_cache_errors on; disable_symlinks on;\n';

const skip = spawnSync('nginx', ['-v']).status === 0 ? false : 'nginx is not installed';

describe('with nginx', { skip }, () => {
  routerConformance('nginx', () => openNginx());
  prefixConformance('nginx', () => openNginx());
  routerConformance('nginx with open_file_cache on', () => openNginx({ extra: REMEMBERING }));
});
