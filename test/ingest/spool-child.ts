/** Appends events 1, 2, 3, … after a given one and says of each when it is safe, until it is killed. */
import { createEvent } from '../../core/event.ts';
import { openSpool } from '../../ingest/spool.ts';
import { PayloadWriter } from '../../ingest/spool-reader.ts';

const [, , folder = '', after = '0'] = process.argv;
const spool = await openSpool({ folder, bytesMax: 1 << 24, commitMs: 1, segmentBytes: 2000 });
for (let at = Number(after) + 1; ; at += 5) {
  const group = Array.from({ length: 5 }, (_, i) => at + i);
  await Promise.all(
    group.map(async (time) => {
      const writer = new PayloadWriter('a');
      writer.add({ ...createEvent(), at: time });
      await spool.append(writer.bytes());
    }),
  );
  process.stdout.write(`${at + 4}\n`);
}
