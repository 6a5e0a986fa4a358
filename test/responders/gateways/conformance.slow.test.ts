/** The contract of adapters again, with keys in other circumstances than most. */
import { conforms } from './conformance.ts';
import { MORE_RIGS } from './rigs/list.ts';

for (const [title, rig] of MORE_RIGS) conforms(rig, title);
