/** Where the data of others lies. It is no part of the project: it is read where it is. */
import fs from 'node:fs';
import path from 'node:path';

/** Beside the checkout. */
export const DATA_DEFAULT = path.join(import.meta.dirname, '../../../shared/data');

/** The folder of that name among the data; an error that says what to do when it is not there. */
export function dataFolder(data: string, name: string): string {
  const folder = path.join(data, name);
  if (!fs.existsSync(folder)) {
    throw new MissingData(
      `no ${name}/ in ${data}: put the data there, or name its folder with --data DIR`,
    );
  }
  return folder;
}

export class MissingData extends Error {}
