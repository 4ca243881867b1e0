import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

import { GENERATED_FILES } from './generated.ts';

const root = join(import.meta.dirname, '..');
for (const { path, render } of GENERATED_FILES) {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), render());
  console.log(`wrote ${path}`);
}
