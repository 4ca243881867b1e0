/** Making one takes longer than most of a decision. There are a few hundred zones. */
const FORMATS = new Map<string, Intl.DateTimeFormat>();

function formatOf(timeZone: string): Intl.DateTimeFormat {
  const known = FORMATS.get(timeZone);
  if (known !== undefined) return known;
  const format = new Intl.DateTimeFormat('en-GB', {
    weekday: 'short',
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
    timeZoneName: 'short',
    timeZone,
  });
  FORMATS.set(timeZone, format);
  return format;
}

/** `Mon 2026-11-30 08:00 CET (Europe/Berlin)`: a moment as the clocks of a time zone show it. `timeZone`: an IANA name. */
export function localTime(atMs: number, timeZone: string): string {
  const parts = formatOf(timeZone).formatToParts(atMs);
  const of = (type: string): string => parts.find((part) => part.type === type)?.value ?? '';
  const day = `${of('weekday')} ${of('year')}-${of('month')}-${of('day')}`;
  const zone = of('timeZoneName');
  return `${day} ${of('hour')}:${of('minute')} ${zone}${zone === timeZone ? '' : ` (${timeZone})`}`;
}

/** Whether it is the name of a time zone that this system knows. */
export function isTimeZone(name: string): boolean {
  try {
    return localTime(0, name) !== '';
  } catch {
    return false;
  }
}

/** The time zone of this machine. */
export function ownTimeZone(): string {
  return new Intl.DateTimeFormat().resolvedOptions().timeZone;
}
