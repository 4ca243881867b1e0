import { z } from 'zod';
import { VIEW_SCHEMA } from '../controller/views.ts';

const schema = z.literal(VIEW_SCHEMA);

export const pushAnswer = z.strictObject({ schema, taken: z.int().min(1) }).meta({ id: 'PushAnswer' });

export const measureChecksAnswer = z
  .strictObject({
    schema,
    measures: z
      .array(
        z.strictObject({
          measure: z.string(),
          source: z.string(),
          ok: z
            .boolean()
            .meta({ description: 'Whether its source can be asked and understood the question.' }),
          says: z.string(),
        }),
      )
      .readonly(),
  })
  .meta({ id: 'MeasureChecksAnswer' });
