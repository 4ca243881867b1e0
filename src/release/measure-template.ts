/** What may stand between double braces in a query. Everything is filled in by the server, for each side and window. */
export const TEMPLATE_NAMES = {
  version: 'the label of the version, such as v43',
  slot: 'blue or green',
  role: 'candidate or stable',
  service: 'the name of the service',
  window: 'the length of the window, such as 60s',
  seconds: 'the same as a number of seconds',
  from: 'its start in unix seconds',
  to: 'its end in unix seconds',
} as const;
export type TemplateName = keyof typeof TEMPLATE_NAMES;

/** Those that differ between the two sides. */
export const TELLING_APART: readonly TemplateName[] = ['version', 'slot', 'role'];

const MARK = /\{\{([^{}]*)\}\}/gu;

/** What stands between double braces, trimmed, in order. */
export function templateNames(text: string): readonly string[] {
  return [...text.matchAll(MARK)].map((match) => match[1]!.trim());
}

export function fillTemplate(text: string, values: Readonly<Record<TemplateName, string>>): string {
  return text.replaceAll(MARK, (whole, name: string) =>
    Object.hasOwn(values, name.trim()) ? values[name.trim() as TemplateName] : whole,
  );
}
