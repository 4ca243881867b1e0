import { routerConformance } from '../conformance.ts';
import { openHaproxy } from './conformance.ts';

routerConformance('HAProxy', () => openHaproxy());
