import { rulesConformance } from '../rules-conformance.ts';
import { openBuiltin } from './conformance.ts';

rulesConformance('the built-in proxy', () => openBuiltin(2));
