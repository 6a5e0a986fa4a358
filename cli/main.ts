#!/usr/bin/env node
/**
 * Entry of the `keyhound` command. Compiled code is kept between runs, in the user's own cache folder (never a
 * shared temporary one, where others could put code for us): starting takes a third of the time then. Where
 * the folder cannot be written everything works the same, slower.
 */
import { enableCompileCache } from 'node:module';
import { homedir } from 'node:os';
import path from 'node:path';

const cacheHome = process.env['XDG_CACHE_HOME'] || path.join(homedir(), '.cache');
enableCompileCache(path.join(cacheHome, 'keyhound', 'compiled'));

await import('./process.ts');
