import { spawnSync } from 'node:child_process';
import { holdConformance } from '../hold-conformance.ts';
import { openNginx } from './conformance.ts';

const skip = spawnSync('nginx', ['-v']).status === 0 ? false : 'nginx is not installed';

holdConformance('nginx', (holdPort) => openNginx({ holdPort }), skip);
