/** The contract of adapters again: what takes long, and keys in other circumstances than most. */
import { conforms } from './conformance.ts';
import { MORE_RIGS, RIGS } from './rigs/list.ts';

for (const [title, rig] of RIGS) conforms(rig, title, 'slow');
for (const [title, rig] of MORE_RIGS) conforms(rig, title, 'all');
