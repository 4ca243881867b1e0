import { socketConformance } from '../socket-conformance.ts';
import { openHaproxy } from './conformance.ts';

socketConformance('HAProxy', () => openHaproxy());
