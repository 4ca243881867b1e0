/** One message of an event stream. */
export type Frame = { readonly event: string; readonly id: string | null; readonly data: string };

const MOST_CHARACTERS = 8 * 1024 * 1024;

/**
 * Frames out of the text of a stream as it comes, in pieces of any size (HTML standard, "Interpreting an event stream").
 * A stream is read by fetch rather than by EventSource because that can send no header and tells no status.
 */
export class FrameReader {
  #rest = '';

  /** Every frame that is whole by now. A comment, which says that the server is there, is none. */
  take(piece: string): readonly Frame[] {
    this.#rest += piece;
    if (this.#rest.length > MOST_CHARACTERS) throw new Error('a frame of the stream is too large');
    const parts = this.#rest.split('\n\n');
    this.#rest = parts.pop() ?? '';
    return parts.flatMap((part) => {
      const frame = frameOf(part);
      return frame === null ? [] : [frame];
    });
  }
}

function frameOf(part: string): Frame | null {
  let [event, id] = ['message', null as string | null];
  const data: string[] = [];
  for (const line of part.split('\n')) {
    const [, field, value] = /^(\w+): ?(.*)$/s.exec(line) ?? [];
    if (field === 'event') event = value ?? '';
    if (field === 'id') id = value ?? '';
    if (field === 'data') data.push(value ?? '');
  }
  return data.length === 0 ? null : { event, id, data: data.join('\n') };
}
