import type { RequestMatch } from '../../../release/request-match.ts';

/** What of a request conditions are about. */
export type Told = {
  readonly rawHeaders: readonly string[];
  /** In origin form. */
  readonly target: string;
};

/** Of several fields, cookies or parameters of one name, any one will do: nothing that is asked here guards anything. */
export function meets(told: Told, { on, name, value }: RequestMatch): boolean {
  const isMeant = (found: string): boolean => {
    if (value.kind === 'present') return true;
    return value.kind === 'is' ? found === value.text : found.startsWith(value.text);
  };
  switch (on) {
    case 'header':
      return someField(told.rawHeaders, name, isMeant);
    case 'cookie':
      return someField(told.rawHeaders, 'cookie', (header) => somePair(header, ';', name, isMeant));
    case 'query': {
      const mark = told.target.indexOf('?');
      return mark !== -1 && somePair(told.target.slice(mark + 1), '&', name, isMeant);
    }
  }
}

export function meetsAll(told: Told, conditions: readonly RequestMatch[]): boolean {
  return conditions.every((each) => meets(told, each));
}

export function meetsOne(told: Told, conditions: readonly RequestMatch[]): boolean {
  return conditions.some((each) => meets(told, each));
}

function someField(
  rawHeaders: readonly string[],
  name: string,
  isMeant: (value: string) => boolean,
): boolean {
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const field = rawHeaders[i]!;
    if (field.length === name.length && field.toLowerCase() === name && isMeant(rawHeaders[i + 1]!))
      return true;
  }
  return false;
}

/** `a=1; b=2` or `a=1&b=2`; a name alone has an empty value. */
function somePair(
  text: string,
  separator: string,
  name: string,
  isMeant: (value: string) => boolean,
): boolean {
  if (!text.includes(name)) return false;
  return text.split(separator).some((pair) => {
    const equals = pair.indexOf('=');
    const [found, value] = equals === -1 ? [pair, ''] : [pair.slice(0, equals), pair.slice(equals + 1)];
    return found.trim() === name && isMeant(value.trim());
  });
}
