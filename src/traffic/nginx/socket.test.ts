import { spawnSync } from 'node:child_process';
import { socketConformance } from '../socket-conformance.ts';
import { openNginx } from './conformance.ts';

const skip = spawnSync('nginx', ['-v']).status === 0 ? false : 'nginx is not installed';

socketConformance('nginx', () => openNginx(), skip);
