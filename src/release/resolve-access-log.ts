import { holdsSecret, USUAL_ACCESS_FIELDS } from './access-fields.ts';
import { DEFAULTS } from './presets.ts';
import type { Path, Problem } from './problem.ts';
import type { AccessLogInput } from './schema-access-log.ts';
import type { AccessLogSpec, OverrideSpec } from './service.ts';
import { measure } from './values.ts';

/** What breaks a rule is added to `problems`. */
export function resolveAccessLog(
  { fields, headers = [], sample, keep }: AccessLogInput,
  path: Path,
  problems: Problem[],
): AccessLogSpec {
  for (const [index, header] of headers.entries()) {
    if (!holdsSecret(header)) continue;
    problems.push({
      code: 'E056',
      path: [...path, 'headers', index],
      at: 'value',
      message: `headers cannot have ${header}`,
      note: 'whoever reads the log would know a secret',
      fix: null,
    });
  }
  return {
    fields: [...new Set(fields ?? USUAL_ACCESS_FIELDS)],
    headers: [...new Set(headers.map((each) => each.toLowerCase()))],
    samplePercent: measure(sample, 'percent') ?? 100,
    keepBytes: measure(keep ?? DEFAULTS.accessLogKeep, 'size') ?? 0,
  };
}

/** The value of an override may be a secret, whatever its name. */
export function refuseOverrideInLog(
  log: AccessLogSpec,
  override: OverrideSpec | undefined,
  { path, problems }: { readonly path: Path; readonly problems: Problem[] },
): void {
  const header = override?.header?.toLowerCase();
  const index = header === undefined ? -1 : log.headers.indexOf(header);
  if (index === -1) return;
  problems.push({
    code: 'E056',
    path: [...path, 'headers', index],
    at: 'value',
    message: `headers cannot have ${override!.header}`,
    note: 'it is the header of override, which holds a secret',
    fix: null,
  });
}
