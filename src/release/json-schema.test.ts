import assert from 'node:assert/strict';
import { test } from 'node:test';

import { renderConfiguration } from './configuration.ts';
import { jsonSchema } from './json-schema.ts';

type Node = { readonly [key: string]: unknown };

test('every key of the file has a description, for editors, and a row in the docs', () => {
  const docs = renderConfiguration();
  const keys = propertiesOf(jsonSchema());

  assert.ok(keys.length > 60, `${keys.length} keys were seen`);
  assert.deepEqual(
    keys
      .filter(([, schema]) => typeof schema.description !== 'string' || schema.description.length < 5)
      .map(([key]) => key),
    [],
  );
  assert.deepEqual(
    keys.map(([key]) => key).filter((key) => !docs.includes(`\`${key}\``)),
    [],
  );
});

test('no key is one that YAML 1.1 reads as true or false', () => {
  const keys = propertiesOf(jsonSchema()).map(([key]) => key);

  assert.deepEqual(
    keys.filter((key) => /^(?:on|off|yes|no|y|n|true|false)$/i.test(key)),
    [],
  );
});

function propertiesOf(node: unknown): [string, Node][] {
  if (typeof node !== 'object' || node === null) return [];
  const own = Object.entries((node as { properties?: Record<string, Node> }).properties ?? {});
  return [...own, ...Object.values(node).flatMap(propertiesOf)];
}
