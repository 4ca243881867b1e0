import { routerConformance } from '../conformance.ts';
import { openNginx } from './conformance.ts';

routerConformance('nginx', () => openNginx());
