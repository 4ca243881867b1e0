import { OperatingError } from '../../lib/errors.ts';
import type { Place } from './tail.ts';

/** All that is needed to go on: what was delivered, and where in the files to begin. */
export type LogCursor = {
  /** One run of the reader; another one reads from the files. */
  readonly epoch: string;
  readonly upToSecond: number;
  /** Before the first line of a later second. */
  readonly from: readonly Place[];
  /** Lines before it of seconds up to `upToSecond` are delivered; later ones of those seconds are late, not lost. */
  readonly read: readonly Place[];
};

const FORM = /^log\.([0-9a-f]+)\.(\d{1,12})\.([\d:,]*)\.([\d:,]*)$/;
const PLACE = /^(\d{1,16}):(\d{1,16})$/;

export function formatCursor({ epoch, upToSecond, from, read }: LogCursor): string {
  return `log.${epoch}.${upToSecond}.${formatPlaces(from)}.${formatPlaces(read)}`;
}

/** Error: TRAFFIC_CURSOR_INVALID. */
export function parseCursor(cursor: string): LogCursor {
  const found = FORM.exec(cursor);
  const from = parsePlaces(found?.[3] ?? 'none');
  const read = parsePlaces(found?.[4] ?? 'none');
  if (found === null || from === null || read === null) {
    throw new OperatingError(
      'TRAFFIC_CURSOR_INVALID',
      `Counts were asked for after "${cursor.slice(0, 200)}", which is no place in an access log. Nothing was delivered; begin with null.`,
      { retryable: false },
    );
  }
  return { epoch: found[1]!, upToSecond: Number(found[2]), from, read };
}

function formatPlaces(places: readonly Place[]): string {
  return places.map(([inode, offset]) => `${inode}:${offset}`).join(',');
}

function parsePlaces(text: string): readonly Place[] | null {
  if (text === '') return [];
  const places = text.split(',').map((part) => PLACE.exec(part));
  if (places.some((place) => place === null)) return null;
  return places.map((place) => [Number(place![1]), Number(place![2])] as const);
}
