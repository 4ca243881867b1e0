import { allCommands } from '../src/cli/program.ts';
import { renderReference } from '../src/cli/reference.ts';
import { renderConfiguration } from '../src/release/configuration.ts';
import { renderErrors } from '../src/release/explain.ts';
import { renderJsonSchema } from '../src/release/json-schema.ts';
import { renderApiTypes } from './api-types.ts';
import { renderFailures } from './failures-table.ts';
import { renderPeople } from './people-page.ts';
import { renderVerbTable } from './verb-table.ts';

export type GeneratedFile = { readonly path: string; readonly render: () => string };

const nothing = () => Promise.resolve();
const commands = await allCommands({
  version: '',
  serve: nothing,
  proxy: nothing,
  restore: () => Promise.reject(new Error('no restore')),
});

/** Files in the repository that come out of the code; `npm run generate` writes them, a test compares them. */
export const GENERATED_FILES: readonly GeneratedFile[] = [
  { path: 'schema/v1.json', render: renderJsonSchema },
  { path: 'docs/errors.md', render: renderErrors },
  { path: 'docs/configuration.md', render: renderConfiguration },
  { path: 'docs/cli.md', render: () => renderReference(commands) },
  { path: 'docs/verbs.md', render: renderVerbTable },
  { path: 'docs/people.md', render: renderPeople },
  { path: 'docs/failures.md', render: renderFailures },
  { path: 'src/api/api-types.ts', render: renderApiTypes },
];
