import { spawnSync } from 'node:child_process';
import { holdConformance } from '../hold-conformance.ts';
import { searchPath } from '../proxy-command.ts';
import { openHaproxy } from './conformance.ts';

const ENV = { ...process.env, PATH: searchPath() };
const skip = spawnSync('haproxy', ['-v'], { env: ENV }).status === 0 ? false : 'haproxy is not installed';

holdConformance('HAProxy', (holdPort) => openHaproxy({ holdPort }), skip);
