import { prefixConformance } from '../prefix-conformance.ts';
import { openHaproxy } from './conformance.ts';

prefixConformance('HAProxy', () => openHaproxy());
