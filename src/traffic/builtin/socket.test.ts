import { socketConformance } from '../socket-conformance.ts';
import { openBuiltin } from './conformance.ts';

socketConformance('the built-in proxy', () => openBuiltin(1));
