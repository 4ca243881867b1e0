import { routerConformance } from '../conformance.ts';
import { openBuiltin } from './conformance.ts';

routerConformance('the built-in proxy', () => openBuiltin(2));
