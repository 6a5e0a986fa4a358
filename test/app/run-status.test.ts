/** What a process says that it lacks. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { LiveInputs } from '../../app/live-inputs.ts';
import { sourceTroubles } from '../../app/run-status.ts';
import type { SourceWatch } from '../../app/source-watch.ts';
import { KeyhoundError } from '../../core/errors.ts';

function troubles(spool: { readonly trouble: KeyhoundError | undefined }) {
  const watch = { sources: [] } as unknown as SourceWatch;
  return sourceTroubles({ watch, live: { inputs: [], spool } as unknown as LiveInputs });
}

test('senders that are refused are lacking, until something is kept again', () => {
  const trouble = new KeyhoundError('operating', 'the spool cannot be written', {
    code: 'spool-failed',
    hint: 'Check the disk.',
  });
  assert.deepEqual(troubles({ trouble }), [
    { name: 'spool', detail: 'the spool cannot be written, senders are refused. Check the disk.' },
  ]);
  assert.deepEqual(troubles({ trouble: undefined }), []);
});
